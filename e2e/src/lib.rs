//! Programs as processes: what the tests from outside share.
//!
//! A test starts members ([`Member`]), a real InfluxDB ([`Influxd`]) and something that receives
//! alerts ([`Receiver`]), each on a loopback address of its own ([`host::fresh`]), so that any number
//! of tests run side by side. It waits on conditions with [`until`], never on the clock. Whatever a
//! test started ends with it, and a failure prints the logs.
//!
//! `KAPACITOR_PROGRAMS` is the directory of the programs under test; without it `target/debug`.
//! A test whose programs are missing says so and passes; with `CI=true` it fails ([`program::need`]).

pub mod host;
pub mod http;
mod influx;
mod influxd;
mod lab;
mod load;
mod member;
mod process;
pub mod program;
mod receiver;
mod wait;

pub use influx::Influx;
pub use influxd::Influxd;
pub use lab::{Host, Lab};
pub use load::{Ledger, Load, copies, repeated};
pub use member::Member;
pub use process::Process;
pub use receiver::{Alert, Behaviour, Received, Receiver};
pub use wait::{holds, until};
