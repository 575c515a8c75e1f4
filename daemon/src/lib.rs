//! kapacitord as a library: the shell of one member. It owns what the floors must not know: the
//! command line, configuration, disk, logging, sockets and clocks.
//!
//! Start with [`command::run`]; configuration is read once into [`config::Config`], disk is behind
//! [`store::Store`].

pub mod command;
pub mod config;
pub mod logging;
pub mod store;

/// Runs a member until it is told to stop.
pub fn serve(_config: config::Config, _log: logging::Log) -> anyhow::Result<()> {
    anyhow::bail!("this build has no member to run yet")
}
