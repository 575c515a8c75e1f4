//! Who is there: membership over foca, the roster, sealed packets, join and remove.
//!
//! FLOOR 1. Sans-IO: datagrams, sync bodies, time and seeds come in as values; packets, events and
//! things to persist go out as [`Output`]. It is not failure handling of alerts (`dedup`), not the
//! RPC exchange of a join (`rpc`, `member`), and it never dials, reads a clock or a file.
//!
//! Invariant: nothing that is not addressed to our cluster, fresh, and sent by a member of the
//! roster reaches the failure detector. Start with [`Gossip`]; the protocol is in `GOSSIP.md`.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod broadcast;
mod change;
mod config;
mod counters;
mod formulas;
mod identity;
mod machine;
mod minutely;
mod output;
mod packet;
mod presence;
mod roster;
mod timers;

#[cfg(test)]
mod tests;

pub use broadcast::{BROADCAST_BACKLOG, BROADCAST_LIMIT, BroadcastError};
pub use change::{
    AddError, AddStep, Admission, Dialled, Hello, RemoveError, RemoveStep, Service, plan_add,
    plan_remove,
};
pub use config::{Config, Duties};
pub use counters::Counters;
pub use formulas::{push_pull_period, retransmits, suspicion_minimum};
pub use machine::{DIGESTS_LIMIT, Gossip, PACKETS_PER_TURN, SYNC_LIMIT};
pub use minutely::Minutely;
pub use output::{Destination, Event, Output};
pub use packet::{Key, KeyRing, NONCE_LEN, NonceSource, PACKET_LIMIT, SeededNonces, Window};
pub use presence::{MemberView, Status};
pub use roster::{
    Addresses, DecodeError, Entry, MAX_MEMBERS, MAX_ROLES, MAX_TEXT, MergeReport, Rank, Roster,
    Stamp, TOMBSTONE_AGE, TOMBSTONES_KEPT,
};

/// Highest version of the gossip wire this build reads and writes.
pub const PROTOCOL: u8 = 1;
/// Lowest version of the gossip wire this build reads (N−1 once there is a second version).
pub const PROTOCOL_MIN: u8 = 1;
