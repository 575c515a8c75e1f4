//! InfluxDB 1.x over HTTP: ping, query, write, quoting, and the subscriptions a member keeps.
//!
//! EDGE. Knows HTTP and TLS, decides nothing about tasks or clusters. [`subscription::plan`] is
//! pure: what is wanted and what InfluxDB shows go in, statements come out. Daemon and operator
//! both use it.
#![warn(missing_docs)]

mod client;
mod connect;
mod quote;
pub mod subscription;

pub use client::{Client, Error, Login, Series, Settings};
pub use connect::{Tls, TlsError, http_client};
pub use quote::{ident, literal};
