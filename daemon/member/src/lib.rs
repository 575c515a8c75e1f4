//! The brain of one member: gossip, dedup, alerts and replicated specs as one deterministic machine.
//!
//! FLOOR 4. Sans-IO: no sockets, files, clocks, entropy or threads. The daemon's shell and the
//! simulator drive the same code.
//!
//! Start with [`Member`]: [`Member::handle`] takes an [`Input`], [`Member::poll_output`] gives an
//! [`Output`], [`Member::next_timeout`] says when to come back.
//!
//! Invariant: what must be durable before somebody may know it comes out only after the write was
//! reported durable. A driver executes outputs in order and holds nothing back.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod config;
mod counters;
mod error;
mod input;
mod member;
mod output;
mod persist;
pub mod specs;
mod view;

#[cfg(test)]
mod tests;

pub use config::{Config, Identity, Stored};
pub use counters::Counters;
pub use error::CommandError;
pub use input::{
    CallError, CallId, Command, InboundId, Input, Now, Raise, TaskStarted, Ticket, Unanswered,
};
pub use member::Member;
pub use output::{Done, LogLine, Output, Severity};
pub use persist::{
    Damaged, Position, Row, TABLES, Write, stored_boot, stored_cluster, stored_member,
};
pub use view::{
    ClusterView, Cut, MemberView, PeerSync, Readiness, ReplicationView, TaskRun, TaskView,
    TopicView,
};
