//! B: members join as the wish grows and leave as it shrinks, one after the other; a hand on the
//! StatefulSet changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use e2e::until;
use serde_json::json;

use super::lifecycle::THREE;
use crate::cluster::{Cluster, LONG, SOON};
use crate::kubectl::kubectl;
use crate::space::Space;

const ONE: &str = "{replicas: 1, alert: {delayPerMember: 2s}, storage: {size: 64Mi}}";

#[test]
fn b06_grows_from_one_to_three_to_five() {
    let Some(space) = Space::new("b06") else { return };
    let cluster = Cluster::apply(&space, ONE);
    cluster.await_sync(1, SOON);
    let first = cluster.member_ids(1);
    cluster.scale(3);
    cluster.await_sync(3, SOON);
    let id = cluster.cluster_id(3);
    cluster.scale(5);
    cluster.await_sync(5, LONG);
    assert_eq!(cluster.cluster_id(5), id, "it is still the same cluster");
    assert_eq!(cluster.member_ids(5)[&0], first[&0], "the first member is who it was");
}

/// In the events, the removal of each member comes before its pod is deleted.
#[test]
fn b07_shrinks_from_five_to_three_each_removal_before_its_pod() {
    let Some(space) = Space::new("b07") else { return };
    let cluster = Cluster::apply(&space, "{replicas: 5, storage: {size: 64Mi}}");
    cluster.await_sync(5, LONG);
    let ids = cluster.member_ids(5);
    cluster.scale(3);
    // Whoever has no pod any more was on no list before: asked at each step, not at the end.
    until(LONG, "three are in sync", || {
        let pods = cluster.pods();
        let view = cluster.view(0)?;
        let listed: Vec<String> = view["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|m| crate::cluster::text(&m["id"]))
            .collect();
        for (ordinal, id) in &ids {
            let gone = !pods.contains(&cluster.pod(*ordinal));
            assert!(!(gone && listed.contains(id)), "pod {ordinal} went before its removal");
        }
        let seen = (pods.len(), cluster.condition("Ready"));
        if seen == (3, ("True".into(), "InSync".into())) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    cluster.await_sync(3, SOON);
    cluster.await_ledger(3, SOON);
    // The timeline can be read from events alone: the steps of each leaving member in order.
    let steps = [
        "MemberCondemned",
        "RemovalBegins",
        "MemberListed",
        "MemberRemoved",
        "SetShrinks",
        "PodGone",
        "SubscriptionsGone",
        "ClaimDeleted",
        "MemberGone",
    ];
    let events = space.events();
    for ordinal in [4, 3] {
        let who = format!("member {ordinal} ({})", ids[&ordinal]);
        let told = events
            .iter()
            .filter(|(_, reason, note)| steps.contains(&reason.as_str()) && note.contains(&who));
        let told: Vec<&str> = told.map(|(_, reason, _)| reason.as_str()).collect();
        assert_eq!(told, steps, "{who}: {events:#?}");
    }
    let claims = space.names("pvc");
    assert_eq!(claims.len(), 3, "the claims of the removed are deleted: {claims:?}");
}

#[test]
fn b08_grows_again_with_new_members_on_new_volumes() {
    let Some(space) = Space::new("b08") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let before = cluster.member_ids(3);
    cluster.scale(2);
    cluster.await_sync(2, SOON);
    cluster.await_ledger(2, SOON);
    cluster.scale(3);
    cluster.await_sync(3, SOON);
    let after = cluster.member_ids(3);
    assert_ne!(before[&2], after[&2], "a new volume is a new member");
    assert_eq!((&before[&0], &before[&1]), (&after[&0], &after[&1]));
}

#[test]
fn b09_one_three_one_three() {
    let Some(space) = Space::new("b09") else { return };
    let cluster = Cluster::apply(&space, ONE);
    for n in [1, 3, 1, 3] {
        cluster.scale(n);
        cluster.await_sync(n, LONG);
        cluster.await_ledger(n, LONG);
    }
    cluster.cluster_id(3);
}

#[test]
fn b10_the_scale_subresource_tells_what_an_autoscaler_needs() {
    let Some(space) = Space::new("b10") else { return };
    let cluster = Cluster::apply(&space, ONE);
    cluster.await_sync(1, SOON);
    let path = format!(
        "/apis/kapacitor.dev/v1alpha1/namespaces/{}/kapacitorclusters/demo/scale",
        space.name
    );
    let scale = kubectl(&["get", "--raw", &path]).expect("there is a scale subresource");
    let scale: serde_json::Value = serde_json::from_str(&scale).expect("it is JSON");
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(1), &json!(1)));
    let selector = scale["status"]["selector"].as_str().expect("a selector").to_owned();
    let pods = space.kubectl(&["get", "pods", "-l", &selector, "-o", "name"]);
    assert_eq!(pods, "pod/demo-0");
    let scaled = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": scale["metadata"], "spec": {"replicas": 2}});
    crate::kubectl::kubectl_with(&["replace", "--raw", &path, "-f", "-"], &scaled.to_string())
        .expect("the scale is taken");
    cluster.await_sync(2, SOON);
}

/// The wish flips while a member leaves: before it is removed that is an abort, after it is finished
/// first. Whichever it was, in the end the wish is reached and nobody else was touched.
#[test]
fn b11_the_wish_flips_in_the_middle() {
    let Some(space) = Space::new("b11") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let before = cluster.member_ids(3);
    for wait in [None, Some("condemned"), Some("off the list")] {
        cluster.scale(2);
        match wait {
            Some("condemned") => cluster.await_event("MemberCondemned", SOON),
            Some(_) => until(SOON, "the last is off the list", || {
                let view = cluster.view(0)?;
                let n = view["members"].as_array().map_or(0, Vec::len);
                if n == 2 { Ok(()) } else { Err(format!("{n} members")) }
            }),
            None => {}
        }
        cluster.scale(3);
        cluster.await_sync(3, LONG);
    }
    let after = cluster.member_ids(3);
    assert_eq!((&before[&0], &before[&1]), (&after[&0], &after[&1]));
}

#[test]
fn b12_the_leaving_member_is_dead_already() {
    let Some(space) = Space::new("b12") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let gone = cluster.member_ids(3)[&2].clone();
    // A pod that is never scheduled again: its node selector fits no node.
    let patch = json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}, "template": {"spec": {"nodeSelector": {"none": "such"}}}}});
    space.kubectl(&["patch", "sts", "demo", "-p", &patch.to_string()]);
    space.kubectl(&["delete", "pod", "demo-2", "--force", "--grace-period=0"]);
    cluster.scale(2);
    cluster.await_sync(2, LONG);
    let ids = cluster.member_ids(2);
    assert!(!ids.values().any(|id| *id == gone));
    cluster.await_ledger(2, LONG);
    assert_eq!(space.names("pvc").len(), 2);
}

/// The pod that leaves is torn away without grace, again and again while it leaves.
#[test]
fn b13_the_leaving_pod_is_force_deleted_between_the_steps() {
    let Some(space) = Space::new("b13") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    cluster.scale(2);
    let mut deleted = BTreeSet::new();
    let uid = ["get", "pod", "demo-2", "-o", "jsonpath={.metadata.uid}"];
    until(LONG, "two are in sync and the third is forgotten", || {
        // Each pod that takes its place, once.
        if let Ok(uid) = space.try_kubectl(&uid)
            && deleted.len() < 6
            && deleted.insert(uid)
        {
            let force = ["delete", "pod", "demo-2", "--force", "--grace-period=0", "--wait=false"];
            let _ = space.try_kubectl(&force);
        }
        let seen = (cluster.condition("Ready"), cluster.ledger().len());
        if seen == (("True".into(), "InSync".into()), 2) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    assert!(!deleted.is_empty(), "the pod was deleted while it left");
    cluster.await_sync(2, SOON);
    cluster.await_pods(2, SOON);
}

#[test]
fn b14_a_survivor_restarts_during_the_removal() {
    let Some(space) = Space::new("b14") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let before = cluster.member_ids(3);
    cluster.scale(2);
    space.kubectl(&["delete", "pod", "demo-0", "--wait=false"]);
    cluster.await_sync(2, LONG);
    let after = cluster.member_ids(2);
    assert_eq!(after, BTreeMap::from([(0, before[&0].clone()), (1, before[&1].clone())]));
}

#[test]
fn b15_tasks_found_nowhere_else_hold_a_removal_until_it_is_allowed() {
    let Some(space) = Space::new("b15") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    cluster.define_hot(2);
    cluster.scale(2);
    cluster.await_condition("Degraded", "True", "TasksOnlyHere", SOON);
    assert_eq!(cluster.member_ids(3).len(), 3, "it stays");
    cluster.annotate("kapacitor.dev/allow-task-loss=true");
    cluster.await_sync(2, LONG);
}

#[test]
fn b16_a_set_scaled_by_hand_is_put_back_and_nobody_is_lost() {
    let Some(space) = Space::new("b16") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let before = (cluster.cluster_id(3), cluster.member_ids(3));
    for stray in ["1", "4", "0"] {
        space.kubectl(&["scale", "sts", "demo", &format!("--replicas={stray}")]);
        until(SOON, "the set has three again", || {
            let n = space.get("sts", "demo")["spec"]["replicas"].as_u64();
            if n == Some(3) { Ok(()) } else { Err(format!("{n:?}")) }
        });
        cluster.await_pods(3, SOON);
        cluster.await_sync(3, SOON);
        assert_eq!((cluster.cluster_id(3), cluster.member_ids(3)), before, "after {stray}");
    }
}
