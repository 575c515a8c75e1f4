//! kapacitord as a library: the shell of one member. It owns what the floors must not know: the
//! command line, configuration, disk, logging, sockets and clocks.
//!
//! Start with [`command::run`] (the process) or [`start::start`] (a member inside a test);
//! configuration is read once into [`config::Config`], disk is behind [`store::Store`], the machine
//! that decides everything about the cluster is driven in `brain`.

mod brain;
mod certificate;
mod clock;
pub mod command;
pub mod config;
mod deliver;
mod fault;
mod health;
mod http;
mod ingest;
mod keys;
mod load;
pub mod logging;
mod net;
mod serve;
pub mod start;
mod steward;
pub mod store;
mod subscribe;
mod surroundings;
mod tasks;
mod tls;

pub use serve::serve;

/// The release, as told to clients and peers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
