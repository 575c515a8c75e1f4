//! E: changes and stops: what happens to a cluster that lives for long.

use std::collections::BTreeMap;

use e2e::until;
use serde_json::json;

use super::lifecycle::THREE;
use crate::cluster::{Cluster, LONG, SOON, text};
use crate::space::Space;

/// UIDs of the pods, by name.
fn uids(cluster: &Cluster<'_>) -> BTreeMap<String, String> {
    let pods = cluster.space.list("pods");
    let pair = |p: &serde_json::Value| (text(&p["metadata"]["name"]), text(&p["metadata"]["uid"]));
    pods.iter().map(pair).filter(|(name, _)| name.starts_with("demo-")).collect()
}

/// Waits until every pod was made anew; never may more than one member be away.
fn await_roll(cluster: &Cluster<'_>, before: &BTreeMap<String, String>) {
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
