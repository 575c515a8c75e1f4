//! A task as a machine: a [`Plan`] is built from a script, a [`Task`] is started from a plan, is
//! given points and answers, and hands out [`Effect`]s.
//!
//! FLOOR 3. Imports `model`, `tick`, `template`, `alert`. Sans-IO: no clock, socket, thread or file;
//! `now`, the world and answers come in as values, everything that leaves is a value.
//!
//! Invariants: a task runs to completion per point, nodes are called in the order of the graph, so
//! what a task makes depends only on what it was given; a point nobody wants costs one look-up in
//! the shared [`Index`], whatever the number of tasks.
//!
//! Start with [`Plan::build`] and [`Task`]; the kinds of nodes are in `node.rs`.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod effect;
mod graph;
mod group;
mod index;
mod lambda;
mod node;
mod plan;
mod row_template;
mod task;

#[cfg(test)]
mod tests;

pub use effect::{Answer, Effect, HttpPost, Level, Token};
pub use index::{Index, TaskKey, Wanting};
pub use node::Wanted;
pub use plan::{Definition, MAX_NODES, Plan, PlanError};
pub use task::{EdgeStats, Endpoint, NodeStats, Settings, Task, TaskStats, Warmth, World};
