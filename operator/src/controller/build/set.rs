//! The StatefulSet: a member per pod, under Pod Security `restricted`.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use super::super::wanted::Wanted;
use super::config::{DATA_DIR, FILE};
use crate::crd::{Influxdb, PullPolicy};
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// Where kapacitor.conf is mounted.
const CONFIG_DIR: &str = "/etc/kapacitor";
/// User and group of the image.
const USER: i64 = 65532;
/// From SIGTERM to the end: the daemon drains within its `[http] shutdown-timeout`.
const GRACE_SECONDS: i64 = 60;

pub(super) fn service_account(wanted: &Wanted) -> ServiceAccount {
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": super::metadata(wanted, &wanted.names.headless()),
        "automountServiceAccountToken": false,
    }))
}

/// The set, without a number of pods. `content` is the hash of the configuration: another one rolls the pods.
pub(super) fn stateful_set(wanted: &Wanted, content: &str) -> StatefulSet {
    let names = &wanted.names;
    super::typed(json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": super::metadata(wanted, &names.cluster),
        "spec": {
            "serviceName": names.headless(),
            "podManagementPolicy": "Parallel",
            // An identity is given up on purpose only: claims outlive pods, sets and resources.
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"},
            "selector": {"matchLabels": names.selector()},
            "template": {
                "metadata": {
                    "labels": names.labels(),
                    "annotations": {"kapacitor.dev/config": content},
                },
                "spec": pod(wanted),
            },
            "volumeClaimTemplates": [claim(wanted)],
        },
    }))
}

fn pod(wanted: &Wanted) -> Value {
    let selector = wanted.names.selector();
    json!({
        "serviceAccountName": wanted.names.headless(),
        "automountServiceAccountToken": false,
        // Kubernetes would set KAPACITOR_PORT and the like for a Service called kapacitor.
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector},
        }],
        "containers": [container(wanted)],
        "volumes": [
            {"name": "config", "configMap": {"name": wanted.names.config()}},
            {"name": "tmp", "emptyDir": {}},
        ],
    })
}

fn container(wanted: &Wanted) -> Value {
    let policy = wanted.spec.image.as_ref().map_or(PullPolicy::default(), |i| i.pull_policy);
    let probe = |path: &str| json!({"path": format!("/kapacitor/v1/{path}"), "port": "http"});
    json!({
        "name": "kapacitord",
        "image": wanted.image,
        "imagePullPolicy": policy,
        // No handler may start a program in the pod.
        "args": ["run", "-disable-handlers", "exec"],
        "env": environment(wanted),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "rpc", "containerPort": RPC_PORT, "protocol": "TCP"},
            {"name": "gossip", "containerPort": GOSSIP_PORT, "protocol": "TCP"},
            {"name": "gossip-udp", "containerPort": GOSSIP_PORT, "protocol": "UDP"},
        ],
        "startupProbe": {"httpGet": probe("ping"), "periodSeconds": 1, "failureThreshold": 120},
        "livenessProbe": {
            "httpGet": probe("ping"), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6,
        },
        "readinessProbe": {
            "httpGet": probe("ready"), "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2,
        },
        "resources": wanted.spec.resources,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": true},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    })
}

fn environment(wanted: &Wanted) -> Vec<Value> {
    let host = wanted.names.host("$(POD_NAME)");
    let mut all = vec![
        json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
        json!({"name": "KAPACITOR_HOSTNAME", "value": host}),
        json!({"name": "KAPACITOR_CONFIG_PATH", "value": format!("{CONFIG_DIR}/{FILE}")}),
    ];
    for (index, influxdb) in wanted.spec.influxdb.iter().enumerate() {
        all.extend(credentials(index, influxdb));
    }
    all
}

/// The login at an InfluxDB, from its Secret; which of the keys there are is the Secret's choice.
fn credentials(index: usize, influxdb: &Influxdb) -> Vec<Value> {
    let Some(secret) = &influxdb.credentials_secret_ref else { return Vec::new() };
    [("USERNAME", "influxdb-user"), ("PASSWORD", "influxdb-password"), ("TOKEN", "influxdb-token")]
        .into_iter()
        .map(|(option, key)| {
            json!({
                "name": format!("KAPACITOR_INFLUXDB_{index}_{option}"),
                "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key, "optional": true}},
            })
        })
        .collect()
}

fn claim(wanted: &Wanted) -> Value {
    let storage = &wanted.spec.storage;
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
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
