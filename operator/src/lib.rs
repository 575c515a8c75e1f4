//! Runs clusters of Kapacitor on Kubernetes: one [`crd::KapacitorCluster`] is one cluster.
//!
//! A reconcile is observe → decide → build → apply → status. [`controller::decide`] is pure and names
//! **one** effect and its reason; everything is idempotent, so a crash at any point is made up for by
//! the next reconcile. Members are spoken to through their HTTP API only.
//!
//! Built so far: sizing the StatefulSet, growing, stopping (`replicas: 0`), and joining members one by
//! one. Not built yet: removing members when `replicas` falls (the set then keeps its size and says
//! so), cleaning InfluxDB's subscriptions, rolling one by one, volume growth, leader election.
//!
//! Start with [`controller::decide`]; then [`controller::build`].

pub mod command;
pub mod controller;
pub mod crd;
mod health;
pub mod key;
pub mod member;
pub mod name;
