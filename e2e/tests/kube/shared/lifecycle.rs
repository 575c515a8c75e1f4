//! A: a cluster is made, deleted, made again; two stay apart; mistakes are refused.

use crate::cluster::{Cluster, LONG, SOON};
use crate::space::Space;

/// Small volumes, a delay that a test can wait for.
pub(crate) const THREE: &str = "{replicas: 3, alert: {delayPerMember: 2s}, storage: {size: 64Mi}}";

#[test]
fn a01_three_members_become_one_cluster_under_their_stable_names() {
    let Some(space) = Space::new("a01") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    cluster.cluster_id(3);
    for ordinal in 0..3 {
        let list = cluster.exec(ordinal, &["kapacitorctl", "member", "list"]);
        let list = list.expect("kapacitorctl runs in the pod");
        assert!(list.contains("State: initialized"), "{list}");
        for other in 0..3 {
            let host = cluster.host(other);
            let line = list.lines().find(|l| l.contains(&format!(" {host}:9090 ")));
            let line = line.unwrap_or_else(|| panic!("{host} stands in\n{list}"));
            assert!(line.contains(&format!(" {host}:9091 ")), "{line}");
            assert!(line.contains(&format!(" {host}:9092 ")), "{line}");
            assert!(line.trim_end().ends_with("alive"), "{line}");
        }
    }
}

#[test]
fn a02_one_member_is_a_cluster_of_one() {
    let Some(space) = Space::new("a02") else { return };
    let cluster = Cluster::apply(&space, "{replicas: 1, storage: {size: 64Mi}}");
    cluster.await_sync(1, SOON);
    let view = cluster.view(0).expect("the member answers");
    assert_eq!(view["state"], "uninitialized", "nobody was added");
}

#[test]
fn a03_deleted_and_made_again_under_the_same_name() {
    let Some(space) = Space::new("a03") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let before = (cluster.cluster_id(3), cluster.member_ids(3));
    cluster.delete(SOON);
    // storage.whenDeleted is Retain: the volumes, and so the members, are the same.
    cluster.wish(THREE).expect("the resource is taken");
    cluster.await_sync(3, SOON);
    assert_eq!((cluster.cluster_id(3), cluster.member_ids(3)), before);
}

#[test]
fn a04_two_clusters_of_one_name_stay_apart() {
    let (Some(one), Some(two)) = (Space::new("a04"), Space::new("a04")) else { return };
    let spec = "{replicas: 2, storage: {size: 64Mi}}";
    let (here, there) = (Cluster::apply(&one, spec), Cluster::apply(&two, spec));
    here.await_sync(2, SOON);
    there.await_sync(2, SOON);
    assert_ne!(here.cluster_id(2), there.cluster_id(2));
}

#[test]
fn a05_mistakes_are_refused_with_what_to_change() {
    let Some(space) = Space::new("a05") else { return };
    let cluster = Cluster { space: &space, name: "demo" };
    let digest = format!("sha256:{}", "0".repeat(64));
    let both = format!("{{image: {{tag: a, digest: '{digest}'}}}}");
    for (spec, says) in [
        ("{replicas: 2, alert: {redundancy: 3}}", "alert.redundancy must not exceed replicas"),
        ("{replicas: -1}", "spec.replicas"),
        ("{alert: {delayPerMember: 2h}}", "delayPerMember"),
        ("{alert: {delayPerMember: soon}}", "delayPerMember"),
        (&both, "image.tag and image.digest exclude each other"),
        (
            "{influxdb: [{name: a, urls: ['http://a']}, {name: b, urls: ['http://b']}]}",
            "exactly one influxdb must have default",
        ),
        ("{influxdb: [{name: a, urls: ['file:///etc/passwd']}]}", "spec.influxdb[0].urls[0]"),
        ("{influxdb: [{name: 'a b', urls: ['http://a']}]}", "spec.influxdb[0].name"),
    ] {
        let said = cluster.wish(spec).expect_err(spec);
        assert!(said.contains(says), "{spec}: {said}");
    }
    let long = Cluster { space: &space, name: "a2345678901234567890123456789012345678901" };
    let said = long.wish("{}").expect_err("41 characters");
    assert!(said.contains("at most 40 characters"), "{said}");

    cluster.wish("{replicas: 0, storage: {size: 64Mi}}").expect("a good one is taken");
    for (spec, says) in [
        ("{replicas: 0, storage: {size: 32Mi}}", "storage.size may only grow"),
        (
            "{replicas: 0, storage: {size: 64Mi, storageClassName: other}}",
            "storageClassName is immutable",
        ),
    ] {
        let said = cluster.wish(spec).expect_err(spec);
        assert!(said.contains(says), "{spec}: {said}");
    }
}

#[test]
fn a06_one_alert_from_three_members_is_delivered_once() {
    let Some(space) = Space::new("a06") else { return };
    let receiver = e2e::Receiver::start_on(crate::cluster::node());
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    (0..3).for_each(|ordinal| cluster.define_hot(ordinal));
    cluster.define_handler(1, &receiver.url("/"));
    e2e::until(SOON, "the handler is on every member", || {
        for ordinal in 0..3 {
            let path = "/alerts/topics/hot/handlers/tell";
            cluster.http(ordinal, "GET", path, "")?.success()?;
        }
        Ok::<(), String>(())
    });
    for ordinal in 0..3 {
        let lines = "m,host=a v=10 1000000000\nm,host=b v=10 1000000000";
        cluster.write(ordinal, lines).expect("the member takes points");
    }
    receiver.wait_for(2, LONG);
    // A copy would come from the next in line after 2 s, from the third after 4.
    let alerts = receiver.settled(std::time::Duration::from_secs(5));
    assert_eq!(alerts.len(), 2, "{alerts:?}");
}
