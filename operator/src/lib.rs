//! Runs clusters of Kapacitor on Kubernetes: one [`crd::KapacitorCluster`] is one cluster.
//!
//! A reconcile is observe → decide → build → apply → status. [`controller::decide`] is pure and names
//! **one** effect and its reason; everything is idempotent, so a crash at any point is made up for by
//! the next reconcile. Members are spoken to through their HTTP API only.
//!
//! Start with [`controller::decide`]; then [`controller::build`].

mod check;
pub mod command;
pub mod controller;
pub mod crd;
mod health;
pub mod key;
pub mod lease;
pub mod member;
pub mod metrics;
pub mod name;
pub mod outside;
pub mod quantity;
pub mod rights;
pub mod server;
pub mod subscriptions;
