//! The simulated world: the production machines of `member` under a virtual network, virtual clocks
//! and disks, with faults, checked against the invariants S1 to S12.
//!
//! DOOR: a library for tests and the binary `simulate`. Start with [`World`]; [`chaos`] runs seeds,
//! [`scenario`] plays transcripts (`scenarios/*.txt`), [`check`] holds the invariants.
//!
//! Invariant: equal seeds give equal traces, on every platform.

mod agenda;
pub mod chaos;
pub mod check;
pub mod choose;
mod disk;
pub mod ledger;
pub mod measure;
mod network;
mod node;
mod receiver;
pub mod scenario;
pub mod simulate;
mod world;

pub use check::{Checks, Violation};
pub use ledger::{EventName, Ledger};
pub use network::{MTU, Network};
pub use node::Node;
pub use receiver::{Mood, Receiver};
pub use world::{Settings, Trap, World, member_id};
