//! E36: volumes grow. Nothing on this Kubernetes makes a volume larger: what is seen is that all claims
//! ask for more, that the set is made anew, and that nobody notices.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{holds, until};
use serde_json::json;

use super::day_two::uids;
use super::lifecycle::THREE;
use crate::cluster::{Cluster, SOON, text};
use crate::kubectl::{kubectl, kubectl_with, list};
use crate::space::{Space, must};

/// A class like the default one whose volumes may grow.
const CLASS: &str = "e2e-growing";

fn growing_class() {
    let default = "storageclass.kubernetes.io/is-default-class";
    let mut classes = list(&["storageclass"]).into_iter();
    let mut class = classes
        .find(|class| class["metadata"]["annotations"][default] == "true")
        .expect("there is a default class");
    class["metadata"] = json!({"name": CLASS});
    class["allowVolumeExpansion"] = json!(true);
    must(kubectl_with(&["apply", "-f", "-"], &class.to_string()));
}

/// What the claims ask for.
fn requested(cluster: &Cluster<'_>) -> BTreeSet<String> {
    let claims = cluster.space.list("pvc");
    claims.iter().map(|it| text(&it["spec"]["resources"]["requests"]["storage"])).collect()
}

/// UID of the set, and what it says to pods to come.
fn set(cluster: &Cluster<'_>) -> (String, String) {
    let set = cluster.space.get("sts", "demo");
    let claim = &set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"];
    (text(&set["metadata"]["uid"]), text(&claim["storage"]))
}

#[test]
fn e36_volumes_grow_and_no_pod_notices() {
    let Some(space) = Space::new("e36") else { return };
    growing_class();
    let spec = format!("{{replicas: 3, storage: {{size: 64Mi, storageClassName: {CLASS}}}}}");
    let cluster = Cluster::apply(&space, &spec);
    cluster.await_sync(3, SOON);
    let (pods, ids, (old, _)) = (uids(&cluster), cluster.member_ids(3), set(&cluster));
    cluster.patch(&json!({"storage": {"size": "96Mi"}}));
    until(SOON, "all claims ask for more, and the set is another one", || {
        let (asked, (uid, size)) = (requested(&cluster), set(&cluster));
        let grown = asked == BTreeSet::from(["96Mi".to_owned()]) && size == "96Mi";
        if grown && uid != old { Ok(()) } else { Err(format!("{asked:?}, set {uid} {size}")) }
    });
    cluster.await_condition("Ready", "True", "VolumesGrowing", SOON);
    cluster.await_condition("MembersInSync", "True", "", SOON);
    holds(Duration::from_secs(8), "no pod was made anew", || {
        let now = uids(&cluster);
        if now == pods { Ok(()) } else { Err(format!("{now:?}, before {pods:?}")) }
    });
    assert_eq!(cluster.member_ids(3), ids);
    let owners = space.list("pods");
    let owner = |pod: &serde_json::Value| text(&pod["metadata"]["ownerReferences"][0]["uid"]);
    let owners: BTreeSet<String> = owners.iter().map(owner).collect();
    assert_eq!(owners, BTreeSet::from([set(&cluster).0]), "the new set has taken the pods in");

    // A member to come has as much, and the highest leaves as ever.
    cluster.scale(4);
    until(SOON, "a fourth member is in sync", || {
        let seen = (cluster.condition("MembersInSync").0, cluster.member_ids(4).len());
        if seen == ("True".to_owned(), 4) { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    assert_eq!(requested(&cluster), BTreeSet::from(["96Mi".to_owned()]));
    cluster.scale(3);
    cluster.await_pods(3, SOON);

    let smaller = json!({"spec": {"storage": {"size": "64Mi"}}}).to_string();
    let patch = ["patch", "kc", "demo", "-n", &space.name, "--type=merge", "-p", &smaller];
    let refused = kubectl(&patch).expect_err("volumes do not shrink");
    assert!(refused.contains("storage.size may only grow"), "{refused}");
}

#[test]
fn e36_where_volumes_may_not_grow_nothing_changes() {
    let Some(space) = Space::new("e36-fixed") else { return };
    let cluster = Cluster::apply(&space, THREE);
    cluster.await_sync(3, SOON);
    let (pods, before) = (uids(&cluster), set(&cluster));
    cluster.patch(&json!({"storage": {"size": "96Mi"}}));
    cluster.await_condition("Degraded", "True", "VolumesFixed", SOON);
    cluster.await_condition("MembersInSync", "True", "", SOON);
    holds(Duration::from_secs(5), "nothing is half done", || {
        let seen = (requested(&cluster), set(&cluster), uids(&cluster));
        let same = (BTreeSet::from(["64Mi".to_owned()]), before.clone(), pods.clone());
        if seen == same { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    let told = space
        .events()
        .iter()
        .any(|(_, reason, note)| reason == "VolumesFixed" && note.contains("allowVolumeExpansion"));
    assert!(told, "an event says what to do");
}
