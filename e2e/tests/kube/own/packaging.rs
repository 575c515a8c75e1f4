//! F: rights, and what Pod Security allows.

use crate::cluster::{Cluster, LONG};
use crate::kubectl::{helm, kubectl};
use crate::operator::install;
use crate::space::{Space, must};

#[test]
fn f42_rights_in_one_namespace_only() {
    let Some(space) = Space::new("f42") else { return };
    install(&space);
    let cluster = Cluster::apply(&space, "{replicas: 2, storage: {size: 64Mi}}");
    cluster.await_sync(2, LONG);
    let release = format!("operator-{}", space.name);
    let manifest = must(helm(&["get", "manifest", &release, "-n", &space.name]));
    assert!(!manifest.contains("kind: ClusterRole"), "no rights beyond the namespace");
    let name = format!("{release}-kapacitor-operator");
    let account = format!("system:serviceaccount:{}:{name}", space.name);
    let may = |verb: &str, what: &str, namespace: &str| {
        let ask = ["auth", "can-i", verb, what, "-n", namespace, "--as", &account];
        kubectl(&ask).is_ok_and(|said| said.ends_with("yes"))
    };
    assert!(may("list", "pods", &space.name), "the operator has its rights in its namespace");
    assert!(!may("list", "pods", "default"), "and none in another");
    assert!(!may("list", "secrets", &space.name), "secrets are read by name");
    assert!(!may("create", "pods/exec", &space.name), "nobody's pods are entered");
}

/// The namespaces of all these tests are restricted; here it is said what a pod that is not would get.
#[test]
fn f43_everything_runs_under_pod_security_restricted() {
    let Some(space) = Space::new("f43") else { return };
    install(&space);
    let cluster = Cluster::apply(&space, "{replicas: 1, storage: {size: 64Mi}}");
    cluster.await_sync(1, LONG);
    let said = space.try_kubectl(&["run", "loose", "--image=localhost/kapacitord:e2e"]);
    let said = said.expect_err("a pod without a security context is refused");
    assert!(said.contains("violates PodSecurity"), "{said}");
    let events = space.events();
    assert!(events.iter().any(|(_, reason, _)| reason == "Started"), "events are read: {events:?}");
    let refused: Vec<_> = events.iter().filter(|(.., note)| note.contains("PodSecurity")).collect();
    assert!(refused.is_empty(), "nothing of ours was refused: {refused:?}");
}
