//! The resource `kapacitorclusters.kapacitor.dev/v1alpha1`: what a user wishes, and what is.
//!
//! `crds/` and the chart's copy are generated from these types ([`yaml`]); a test compares them. The
//! rules of validation stand in the schema (CEL), so no webhook is needed. Fields follow one rule: a
//! default that works, and the name the daemon's configuration has for the same thing.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

mod alert;
mod cleanup;
mod duration;
#[cfg(test)]
mod examples;
mod influxdb;
mod network;
mod pod;
mod reference;
#[cfg(test)]
mod rules;
mod status;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, ResourceRequirements};
use kube::{CustomResource, CustomResourceExt as _, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

pub use alert::{Alert, Cluster, Http};
pub use cleanup::{Cleanup, CleanupPolicy, Sweep};
pub use duration::Duration;
pub use influxdb::{Influxdb, InfluxdbTls, SubscriptionProtocol};
pub use network::{DisruptionBudget, External, NetworkPolicy, Tls, TlsSecrets};
pub use pod::{
    ClaimPolicy, Image, Load, LoadKind, PodTemplate, PodTemplateMetadata, PullPolicy, Storage,
    UpdateStrategy,
};
pub use reference::{ConfigMapRef, SecretKeyRef, SecretRef};
pub use status::{Cause, KapacitorClusterStatus, MemberState, MemberStatus};

/// The API group.
pub const GROUP: &str = "kapacitor.dev";

/// Members that a cluster has at most.
pub const MAX_REPLICAS: i32 = 100;

/// A highly available Kapacitor: members that run the same tasks and deliver each alert once.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "kapacitor.dev",
    version = "v1alpha1",
    kind = "KapacitorCluster",
    plural = "kapacitorclusters",
    shortname = "kc",
    category = "all",
    namespaced,
    derive = "PartialEq",
    status = "KapacitorClusterStatus",
    doc = "A highly available Kapacitor: members that run the same tasks and deliver each alert once.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "ClusterID",
        type_ = "string",
        json_path = ".status.clusterID",
        priority = 1
    ),
    validation = Rule::new(
        "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
    )
    .message("metadata.name names pods and Services: at most 40 characters of a-z, 0-9 and -, starting with a letter")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.replicas == 0 || self.stopped || self.alert.redundancy <= self.replicas")
        .message("alert.redundancy must not exceed replicas")
        .field_path(".alert.redundancy")
)]
pub struct KapacitorClusterSpec {
    /// Members wanted; 0 = stopped, with nothing lost. Fewer than 3 cannot lose a member and restart
    /// another at the same time.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = MAX_REPLICAS))]
    pub replicas: i32,

    /// Stop all members and remove none, as `replicas: 0` does, but without losing the number.
    #[serde(default)]
    pub stopped: bool,

    /// Change nothing, whatever else is written here. A deleted resource goes all the same.
    #[serde(default)]
    pub paused: bool,

    /// The image of the members; by default the operator's own release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,

    /// Secrets with logins for the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<SecretRef>,

    /// The cluster's DNS domain, for the members' host names. It must not change later.
    #[serde(default = "cluster_local")]
    #[schemars(length(max = 100), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub cluster_domain: String,

    /// Gossip: how members find out who is there.
    #[serde(default)]
    pub cluster: Cluster,

    /// Who delivers an alert when several members raise it.
    #[serde(default)]
    pub alert: Alert,

    /// The HTTP API of the members.
    #[serde(default)]
    pub http: Http,

    /// The InfluxDBs that send points to each member and that tasks read and write. None: points come
    /// through the members' HTTP API alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.size() <= 1 || self.exists_one(i, i.default)")
            .message("exactly one influxdb must have default: true")
    )]
    pub influxdb: Vec<Influxdb>,

    /// The address of members for InfluxDBs outside of the Kubernetes cluster.
    #[serde(default)]
    pub external: External,

    /// ConfigMaps with tasks, templates and handlers: every member has them, also those that come
    /// later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub load: Vec<Load>,

    /// Further options of kapacitor.conf, TOML. What the operator sets itself (host name, data
    /// directory, addresses, admin keys, InfluxDBs) is refused. Put no secrets here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65536))]
    pub extra_config: String,

    /// Variables of the members' environment, such as KAPACITOR_SECTION_OPTION with a value from a
    /// Secret. Those of what the operator sets itself are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,

    /// ConfigMaps and Secrets whose keys all become variables; those of `env` and of the operator win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub env_from: Vec<EnvFromSource>,

    /// CPU and memory of each member.
    #[serde(default = "small")]
    #[serde(deserialize_with = "quantities_as_text")]
    #[schemars(schema_with = "resources_schema")]
    pub resources: ResourceRequirements,

    /// The volume of each member.
    #[serde(default)]
    pub storage: Storage,

    /// TLS of the members.
    #[serde(default)]
    pub tls: Tls,

    /// What is laid over the pods.
    #[serde(default)]
    pub pod_template: PodTemplate,

    /// How changes reach the pods.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,

    /// The budget that lets a drain of nodes take one member at a time.
    #[serde(default)]
    pub pod_disruption_budget: DisruptionBudget,

    /// Who may reach the members.
    #[serde(default)]
    pub network_policy: NetworkPolicy,

    /// Let handlers of kind `exec` run programs in the pods. The image holds none but its own.
    #[serde(default)]
    pub allow_exec: bool,
}

impl KapacitorClusterSpec {
    /// Members wanted, with a stop counted in.
    pub fn wish(&self) -> i32 {
        if self.stopped { 0 } else { self.replicas }
    }
}

impl Default for KapacitorClusterSpec {
    fn default() -> Self {
        // What the schema says is said once.
        serde_json::from_value(serde_json::json!({})).expect("every field has a default")
    }
}

/// The definition as YAML: the content of `crds/` and of the chart's copy.
pub fn yaml() -> String {
    let crd = serde_yaml::to_string(&KapacitorCluster::crd());
    let crd = crd.expect("a definition has only string keys");
    format!("# Generated by `kapacitor-operator crds`; `make generated` rewrites it.\n{crd}")
}

fn three() -> i32 {
    3
}

fn cluster_local() -> String {
    "cluster.local".to_owned()
}

fn small() -> ResourceRequirements {
    serde_json::from_value(serde_json::json!({"requests": {"cpu": "50m", "memory": "64Mi"}}))
        .expect("these are resources")
}

/// `cpu: 1` is a quantity as good as `cpu: "1"`, but the type knows text only. One resource that cannot
/// be read would stop the watch of all.
fn quantities_as_text<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<ResourceRequirements, D::Error> {
    let mut value = serde_json::Value::deserialize(from)?;
    for group in ["requests", "limits"] {
        for quantity in value[group].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            if quantity.is_number() {
                *quantity = serde_json::Value::String(quantity.to_string());
            }
        }
    }
    serde_json::from_value(value).map_err(serde::de::Error::custom)
}

/// Kubernetes' own schema repeats a page of prose for each quantity; this one says the same.
fn resources_schema(_: &mut SchemaGenerator) -> Schema {
    let quantities = |what: &str| {
        json_schema!({
            "type": "object",
            "description": what,
            "maxProperties": 16,
            "additionalProperties": {"x-kubernetes-int-or-string": true}
        })
    };
    json_schema!({
        "type": "object",
        "description": "CPU and memory of each member.",
        "properties": {
            "requests": quantities("What a member is given at least."),
            "limits": quantities("What a member may use at most."),
        }
    })
}
