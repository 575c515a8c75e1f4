//! The StatefulSet: a member per pod, each with its own volume.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use super::super::wanted::Wanted;
use super::{Kept, pod};

pub(super) fn service_account(wanted: &Wanted) -> ServiceAccount {
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": super::metadata(wanted, &wanted.names.headless()),
        "automountServiceAccountToken": false,
    }))
}

/// The set, without a number of pods. `content` is the hash of the configuration: another one rolls the pods.
pub(super) fn stateful_set(wanted: &Wanted, kept: &Kept, content: &str) -> StatefulSet {
    let names = &wanted.names;
    super::typed(json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": super::metadata(wanted, &names.cluster),
        "spec": {
            "serviceName": names.headless(),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate"},
            // An identity is given up on purpose only: claims outlive pods, sets and resources.
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"},
            "selector": {"matchLabels": names.selector()},
            "template": pod::template(wanted, content),
            "volumeClaimTemplates": [claim(wanted, kept)],
        },
    }))
}

/// Pods with a lower number keep what they run.
pub(super) fn held_back(mut set: StatefulSet, partition: i32) -> StatefulSet {
    let spec = set.spec.as_mut().expect("a set has a spec");
    let strategy = spec.update_strategy.get_or_insert_default();
    strategy.rolling_update.get_or_insert_default().partition = Some(partition);
    set
}

fn claim(wanted: &Wanted, kept: &Kept) -> Value {
    let storage = &wanted.spec.storage;
    let size = kept.claim_size.as_ref().unwrap_or(&storage.size);
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    });
    if let Some(class) = &storage.storage_class_name {
        spec["storageClassName"] = json!(class);
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "labels": wanted.names.selector()},
        "spec": spec,
    })
}
