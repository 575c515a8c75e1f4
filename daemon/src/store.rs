//! What survives a restart: definitions in redb, events in an append-only journal, the two identity
//! files and the admin token.
//!
//! Invariants: one process per data directory (a lock file); what a call returned `Ok` for is on disk
//! (for the journal: when its position is durable); a truncated or corrupt file is an error that says
//! how to restore, never a panic. Calls block on the disk: from async code use
//! `tokio::task::spawn_blocking` or `block_in_place`.
//!
//! A room keeps definitions in a table of its own: `const TASKS: Table<Task> = Table::new("tasks");`
//! then `store.put(TASKS, id, &task)`, `store.list(TASKS)`. Rows whose form belongs to a machine go
//! through [`Change`] and [`Store::rows`] as bytes.

mod database;
mod files;
mod identity;
pub mod journal;
mod lock;
mod open;
mod table;

#[cfg(test)]
mod tests;

pub use identity::{IdentityError, IdentityFiles};
pub use journal::{Durable, Journal, JournalError, Position};
pub use open::{OpenError, Store};
pub use table::{Change, Row, StoreError, Table};
