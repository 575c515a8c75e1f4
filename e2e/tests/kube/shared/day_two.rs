//! E: changes, pauses and stops: what happens to a cluster that lives for long.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::{holds, until};
use serde_json::json;

use super::lifecycle::THREE;
use crate::cluster::{Cluster, LONG, SOON, text};
use crate::kubectl::kubectl_with;
use crate::space::Space;

/// UIDs of the pods, by name.
pub(super) fn uids(cluster: &Cluster<'_>) -> BTreeMap<String, String> {
    let pods = cluster.space.list("pods");
    let pair = |p: &serde_json::Value| (text(&p["metadata"]["name"]), text(&p["metadata"]["uid"]));
    pods.iter().map(pair).filter(|(name, _)| name.starts_with("demo-")).collect()
}

/// Waits until every pod was made anew; never may more than one member be away.
pub(super) fn await_roll(cluster: &Cluster<'_>, before: &BTreeMap<String, String>) {
    until(LONG, "every pod is made anew, one at a time", || {
        let pods = cluster.space.list("pods");
        let ready = pods
            .iter()
            .filter(|p| text(&p["metadata"]["name"]).starts_with("demo-"))
            .filter(|p| p["metadata"]["deletionTimestamp"].is_null())
            .filter(|p| p["status"]["containerStatuses"][0]["ready"] == true)
            .count();
        assert!(ready + 1 >= before.len(), "{ready} of {} members are ready", before.len());
        let now = uids(cluster);
        let old = now.iter().filter(|(name, uid)| before.get(*name) == Some(uid)).count();
        if old == 0 && now.len() == before.len() { Ok(()) } else { Err(format!("{old} old pods")) }
    });
}

#[test]
fn e32_a_configuration_change_rolls_one_at_a_time() {
    let Some(space) = Space::new("e32") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let (before, ids) = (uids(&cluster), (cluster.cluster_id(3), cluster.member_ids(3)));
    cluster.patch(&json!({"alert": {"delayPerMember": "3s"}}));
    await_roll(&cluster, &before);
    cluster.await_sync(3, SOON);
    assert_eq!((cluster.cluster_id(3), cluster.member_ids(3)), ids, "membership is unchanged");
    let told = space.events().into_iter().filter(|(_, reason, _)| reason == "PodsRoll");
    let told: Vec<String> = told.map(|(_, _, note)| note).collect();
    let of = |n: usize| told.iter().position(|note| note.starts_with(&format!("pod {n} ")));
    let order: Vec<Option<usize>> = [2, 1, 0].map(of).to_vec();
    assert!(order.is_sorted() && order[0].is_some(), "the highest first: {told:?}");
}

#[test]
fn e33_an_image_change_rolls_one_at_a_time() {
    let Some(space) = Space::new("e33") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let (before, ids) = (uids(&cluster), (cluster.cluster_id(3), cluster.member_ids(3)));
    // The same programs under another name.
    cluster.patch(&json!({"image": {"tag": "other"}}));
    await_roll(&cluster, &before);
    cluster.await_sync(3, SOON);
    for pod in cluster.pods() {
        let image = text(&space.get("pod", &pod)["spec"]["containers"][0]["image"]);
        assert_eq!(image, "localhost/kapacitord:other", "{pod}");
    }
    assert_eq!((cluster.cluster_id(3), cluster.member_ids(3)), ids, "membership is unchanged");
}

#[test]
fn e34_an_image_that_never_starts_stops_at_the_first_pod_and_can_be_taken_back() {
    let Some(space) = Space::new("e34") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let (mut before, ids) = (uids(&cluster), cluster.member_ids(3));
    cluster.patch(&json!({"image": {"tag": "missing", "pullPolicy": "Never"}}));
    until(SOON, "the last pod is made anew and does not start", || {
        let pod = space.get("pod", "demo-2");
        let waits = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        if waits == "ErrImageNeverPull" { Ok(()) } else { Err(waits.to_string()) }
    });
    cluster.await_condition("Degraded", "True", "RollStuck", SOON);
    before.remove("demo-2").expect("there were three");
    let others_stay = || {
        let mut now = uids(&cluster);
        now.remove("demo-2");
        if now == before { Ok(()) } else { Err(format!("{now:?}")) }
    };
    holds(Duration::from_secs(8), "the roll stops there", others_stay);
    cluster.patch(&json!({"image": null}));
    cluster.await_sync(3, LONG);
    others_stay().expect("nobody else was touched");
    assert_eq!(cluster.member_ids(3), ids);
}

#[test]
fn e35_an_eviction_respects_the_budget() {
    let Some(space) = Space::new("e35") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let ids = cluster.member_ids(3);
    let await_budget = || {
        until(SOON, "the budget allows one", || {
            let status = space.get("pdb", "demo")["status"].clone();
            if status["disruptionsAllowed"] == 1 { Ok(()) } else { Err(status.to_string()) }
        });
    };
    await_budget();
    // What `kubectl drain` does, for pods of this test only: the node has others.
    let evict = |ordinal: usize| {
        let pod = cluster.pod(ordinal);
        let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space.name}});
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", space.name);
        kubectl_with(&["create", "--raw", &path, "-f", "-"], &body.to_string())
    };
    evict(0).expect("the first may go");
    let said = evict(1).expect_err("the second may not go at the same time");
    assert!(said.contains("disruption budget"), "{said}");
    cluster.await_sync(3, SOON);
    await_budget();
    evict(1).expect("once all are there again the next may go");
    cluster.await_sync(3, SOON);
    assert_eq!(cluster.member_ids(3), ids);
}

#[test]
fn e38_paused_nothing_happens_but_a_deletion() {
    let Some(space) = Space::new("e38") else { return };
    let cluster = Cluster::apply(&space, "{replicas: 2, storage: {size: 64Mi}}");
    cluster.await_sync(2, SOON);
    cluster.patch(&json!({"paused": true, "replicas": 3}));
    cluster.await_condition("Paused", "True", "", SOON);
    holds(Duration::from_secs(5), "no member is added while paused", || {
        let pods = cluster.pods();
        if pods.len() == 2 { Ok(()) } else { Err(format!("{pods:?}")) }
    });
    cluster.patch(&json!({"paused": false}));
    cluster.await_sync(3, SOON);
    cluster.await_condition("Paused", "False", "", SOON);
    cluster.patch(&json!({"paused": true}));
    cluster.await_condition("Paused", "True", "", SOON);
    cluster.delete(SOON);
}

#[test]
fn e39_stopped_and_started_nothing_is_lost() {
    let Some(space) = Space::new("e39") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let ids = (cluster.cluster_id(3), cluster.member_ids(3));
    for _ in 0..2 {
        cluster.scale(0);
        cluster.await_pods(0, SOON);
        cluster.await_stopped(SOON);
        assert_eq!(space.names("pvc").len(), 3, "claims are kept");
        cluster.scale(3);
        cluster.await_sync(3, SOON);
        assert_eq!((cluster.cluster_id(3), cluster.member_ids(3)), ids);
    }
}
