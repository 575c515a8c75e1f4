//! The pod of a member, under Pod Security `restricted`, with what the user lays over it.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};

use super::super::wanted::Wanted;
use super::{environment, mounts, overlay};
use crate::crd::PullPolicy;
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// Name of the member's container.
pub(in super::super) const CONTAINER: &str = "kapacitord";
/// User and group of the image.
const USER: i64 = 65532;
/// From SIGTERM to the end: the daemon drains within its `[http] shutdown-timeout`.
const GRACE_SECONDS: i64 = 60;

/// Metadata and spec of the pods. `content` is the hash of the configuration: another one rolls the
/// pods.
pub(super) fn template(wanted: &Wanted, content: &str) -> Value {
    let mut template = json!({
        "metadata": {
            "labels": wanted.names.labels(),
            "annotations": {"kapacitor.dev/config": content},
        },
        "spec": pod(wanted),
    });
    overlay::lay(&mut template, &wanted.spec.pod_template);
    template
}

/// Why `spec.podTemplate` makes no pod, in words.
pub(in super::super) fn problem(wanted: &Wanted) -> Option<String> {
    if let Err(why) = overlay::refuse(&wanted.spec.pod_template) {
        return Some(why);
    }
    let given = template(wanted, "");
    match serde_json::from_value::<PodTemplateSpec>(given.clone()) {
        Err(why) => Some(why.to_string()),
        Ok(typed) => {
            let kept = serde_json::to_value(typed).expect("Kubernetes' objects are JSON");
            let field = overlay::lost(&given["spec"], &kept["spec"], "spec");
            field.map(|field| format!("{field} is no field of a pod"))
        }
    }
}

fn pod(wanted: &Wanted) -> Value {
    let selector = wanted.names.selector();
    let mut pod = json!({
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
        "topologySpreadConstraints": (["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(|key| json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector},
        }))),
        "containers": [container(wanted)],
        "volumes": mounts::volumes(wanted),
    });
    if !wanted.spec.image_pull_secrets.is_empty() {
        pod["imagePullSecrets"] = json!(wanted.spec.image_pull_secrets);
    }
    pod
}

fn container(wanted: &Wanted) -> Value {
    let policy = wanted.spec.image.as_ref().map_or(PullPolicy::default(), |i| i.pull_policy);
    let scheme = wanted.spec.tls.api.as_ref().map(|_| "HTTPS");
    let probe = |path: &str| {
        let mut probe = json!({"path": format!("/kapacitor/v1/{path}"), "port": "http"});
        if let Some(scheme) = scheme {
            probe["scheme"] = json!(scheme);
        }
        probe
    };
    // Unless asked for, no handler may start a program in the pod.
    let args: &[&str] =
        if wanted.spec.allow_exec { &["run"] } else { &["run", "-disable-handlers", "exec"] };
    let mut container = json!({
        "name": CONTAINER,
        "image": wanted.image,
        "imagePullPolicy": policy,
        "args": args,
        "env": environment::environment(wanted),
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
        "volumeMounts": mounts::mounts(wanted),
    });
    if !wanted.spec.env_from.is_empty() {
        container["envFrom"] = json!(wanted.spec.env_from);
    }
    container
}
