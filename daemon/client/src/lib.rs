//! The HTTP API of a member as types, and a small client of it.
//!
//! EDGE. Imports `model` and `alert`. It asks one member and shows what that member answered: it keeps
//! no state, follows no cluster and retries nothing. Everything it sends and reads is bounded
//! ([`MAX_ANSWER_BYTES`], [`Options::timeout`]).
//!
//! Start with [`Client::new`]. Each resource adds its calls to [`Client`] in a file of its own:
//! [`cluster`], [`task`], [`template`], [`topic`], [`server`].
#![deny(missing_docs)]

mod address;
mod connect;
mod error;
mod request;

pub mod cluster;
pub mod server;
pub mod task;
pub mod template;
pub mod topic;
pub mod vars;

#[cfg(test)]
mod tests;

pub use address::{Address, InvalidAddress, Login};
pub use connect::Trust;
pub use error::Error;
pub use request::{Client, MAX_ANSWER_BYTES, Options};

pub use alert::{HandlerSpec, Level};
pub use model::{ClusterId, MemberId};
