//! F: what helm installs and leaves, rights, and what Pod Security allows.

use crate::cluster::{Cluster, LONG};
use crate::kubectl::{get, kubectl};
use crate::operator::Operator;
use crate::space::Space;

#[test]
fn f41_uninstalled_the_operator_leaves_everything_and_finds_it_again() {
    let Some(space) = Space::new("f41") else { return };
    let operator = Operator::install(&space, &["replicas=1"]);
    let cluster = Cluster::apply(&space, "{replicas: 2, storage: {size: 64Mi}}");
    cluster.await_sync(2, LONG);
    let ids = (cluster.cluster_id(2), cluster.member_ids(2));
    let pods = || {
        cluster
            .pods()
            .iter()
            .map(|p| space.get("pod", p)["metadata"]["uid"].clone())
            .collect::<Vec<_>>()
    };
    let before = pods();
    operator.test().expect("helm finds that it works");
    operator.upgrade(&["replicas=2", "logLevel=debug"]);
    cluster.await_sync(2, LONG);
    assert_eq!(pods(), before, "an upgrade of the operator rolls no member");
    let deployment = format!("deployment/{}", operator.name());
    space.kubectl(&["scale", &deployment, "--replicas=0"]);
    operator.test().expect_err("helm finds that no operator leads");
    operator.uninstall();
    assert!(!get(&["crd", "kapacitorclusters.kapacitor.dev"]).is_null(), "the definition stays");
    assert!(!cluster.resource().is_null(), "the resource stays");
    assert_eq!((cluster.cluster_id(2), cluster.member_ids(2)), ids, "the members work on");
    cluster.scale(1);
    operator.upgrade(&["replicas=1"]);
    cluster.await_sync(1, LONG);
    cluster.await_ledger(1, LONG);
    assert_eq!(cluster.member_ids(1)[&0], ids.1[&0]);
    cluster.delete(LONG);
}

#[test]
fn f42_rights_in_one_namespace_only() {
    let Some(space) = Space::new("f42") else { return };
    let operator = Operator::install(&space, &[]);
    let cluster = Cluster::apply(&space, "{replicas: 2, storage: {size: 64Mi}}");
    cluster.await_sync(2, LONG);
    assert!(!operator.manifest().contains("kind: ClusterRole"), "no rights beyond the namespace");
    let account = format!("system:serviceaccount:{}:{}", space.name, operator.name());
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
    Operator::install(&space, &[]);
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
