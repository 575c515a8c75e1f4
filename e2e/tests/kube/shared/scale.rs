//! B: members join as the wish grows, one after the other; a hand on the StatefulSet changes nothing.

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
