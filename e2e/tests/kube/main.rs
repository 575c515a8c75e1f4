//! Scenarios on a real Kubernetes: what a user does with kubectl and helm, and what must come of it.
//!
//! `e2e/kube/run.sh` starts the Kubernetes, loads the images, installs the operator and runs these:
//! first those below `shared`, side by side, with one operator that watches all namespaces; then those
//! below `own`, each with an operator of its own. Each test has a namespace of its own under Pod
//! Security `restricted`. Letter and number of a test name its subject, and its namespace: a the life of
//! a cluster, b growing, c falls of the operator, d InfluxDB, e later changes, f packaging, g load. A
//! failure prints the timeline: events, member lists, what the operator said.

mod cluster;
mod kubectl;
mod operator;
mod own;
mod prometheus;
mod shared;
mod space;
