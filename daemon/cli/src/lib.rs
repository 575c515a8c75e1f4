//! The command lines of a cluster: `kapacitorctl` for its members, `kapacitor` for tasks and alerts.
//!
//! DOOR. Imports `client` only. Both are a list of commands, one command in one file, under [`Tool`],
//! which reads the words, runs the command and turns its result into text and exit code. Nothing is
//! printed and no environment is read below [`Tool::main`], so tests run whole commands in-process.
//!
//! Flags are Go's: one dash or two, `-name value` or `-name=value`, in any position; a command line
//! written for the original tools means the same here.

mod connection;
mod dates;
mod environment;
mod flags;
mod table;
mod tool;

mod ctl;
mod kapacitor;

#[cfg(test)]
mod stage;

pub use ctl::KAPACITORCTL;
pub use environment::Environment;
pub use kapacitor::KAPACITOR;
pub use tool::{Outcome, Tool};
