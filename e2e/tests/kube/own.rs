//! Scenarios that want an operator of their own.

mod crash;
mod metrics;
mod packaging;
