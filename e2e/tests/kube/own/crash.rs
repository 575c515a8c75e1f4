//! C: the operator falls at each of its steps, has a rival, loses its leader.

use crate::cluster::{Cluster, LONG, SOON};
use crate::operator::Operator;
use crate::space::Space;

const ONE: &str = "{replicas: 1, storage: {size: 64Mi}}";

/// A cluster grows to two and shrinks to one, again and again. Each time the operator falls at the
/// next of these points, is started again, and goes on.
fn falls_at(test: &str, points: &[[&str; 2]]) {
    let Some(space) = Space::new(test) else { return };
    let operator = Operator::install(&space, &["replicas=1"]);
    let cluster = Cluster::apply(&space, ONE);
    cluster.await_sync(1, LONG);
    let first = cluster.member_ids(1);
    for [joining, leaving] in points {
        for (point, wish) in [(joining, 2), (leaving, 1)] {
            operator.set_fault(Some(point));
            cluster.scale(wish);
            operator.await_fall(SOON);
            operator.set_fault(None);
            cluster.await_sync(wish, LONG);
            cluster.await_ledger(wish, LONG);
            assert_eq!(space.names("pvc").len(), wish, "after {point}");
            assert_eq!(cluster.member_ids(1), first, "after {point}");
        }
    }
}

#[test]
fn c17_falls_in_the_middle_of_joining_and_leaving() {
    falls_at("c17", &[["after:Grow", "after:Condemn"], ["after:AddMember", "after:RemoveMember"]]);
}

#[test]
fn c17_falls_between_pod_and_claim() {
    falls_at(
        "c17",
        &[["after:RecordMember", "after:Shrink"], ["before:AddMember", "after:DeleteClaim"]],
    );
}

#[test]
fn c21_two_leaders_do_no_harm() {
    let Some(space) = Space::new("c21") else { return };
    let operator = Operator::install(&space, &["replicas=1"]);
    let cluster = Cluster::apply(&space, ONE);
    cluster.await_sync(1, LONG);
    operator.start_rival();
    cluster.scale(3);
    cluster.await_sync(3, LONG);
    let (id, ids) = (cluster.cluster_id(3), cluster.member_ids(3));
    cluster.scale(2);
    cluster.await_sync(2, LONG);
    cluster.await_ledger(2, LONG);
    assert_eq!(cluster.cluster_id(2), id);
    let stay = cluster.member_ids(2);
    assert!(stay.iter().all(|(ordinal, id)| ids[ordinal] == *id), "{ids:?} {stay:?}");
    assert_eq!(space.names("pvc").len(), 2);
}

#[test]
fn c22_the_leader_is_killed_in_a_removal_and_the_standby_finishes_it() {
    let Some(space) = Space::new("c22") else { return };
    let operator = Operator::install(&space, &["replicas=2"]);
    let cluster = Cluster::apply(&space, "{replicas: 3, storage: {size: 64Mi}}");
    cluster.await_sync(3, LONG);
    let leader = operator.leader().expect("a pod of the operator leads");
    cluster.scale(2);
    cluster.await_event("MemberCondemned", SOON);
    space.kubectl(&["delete", "pod", &leader, "--grace-period=0", "--force"]);
    cluster.await_sync(2, LONG);
    cluster.await_ledger(2, LONG);
    let now = operator.leader().expect("another pod leads");
    assert_ne!(now, leader);
    assert_eq!(space.names("pvc").len(), 2);
}
