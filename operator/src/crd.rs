//! The resource `kapacitorclusters.kapacitor.dev/v1alpha1`: what a user wishes, and what is.
//!
//! `crds/` and the chart's copy are generated from these types ([`yaml`]); a test compares them. The
//! rules of validation stand in the schema (CEL), so no webhook is needed. Fields follow one rule: a
//! default that works, and the name the daemon's configuration has for the same thing.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

mod status;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::{CustomResource, CustomResourceExt as _, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use status::{Cause, KapacitorClusterStatus, MemberState, MemberStatus};

/// The API group.
pub const GROUP: &str = "kapacitor.dev";

/// A highly available Kapacitor: members that run the same tasks and deliver each alert once.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "kapacitor.dev",
    version = "v1alpha1",
    kind = "KapacitorCluster",
    plural = "kapacitorclusters",
    shortname = "kc",
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
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.replicas == 0 || self.alert.redundancy <= self.replicas")
        .message("alert.redundancy must not exceed replicas")
        .field_path(".alert.redundancy")
)]
pub struct KapacitorClusterSpec {
    /// Members wanted; 0 = stopped, with nothing lost. Fewer than 3 cannot lose a member and restart
    /// another at the same time.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,

    /// The image of the members; by default the operator's own release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,

    /// The cluster's DNS domain, for the members' host names.
    #[serde(default = "cluster_local")]
    #[schemars(length(max = 100), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub cluster_domain: String,

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

    /// Who delivers an alert when several members raise it.
    #[serde(default)]
    pub alert: Alert,

    /// CPU and memory of each member.
    #[serde(default = "small")]
    #[schemars(schema_with = "resources_schema")]
    pub resources: ResourceRequirements,

    /// The volume of each member.
    #[serde(default)]
    pub storage: Storage,

    /// Further options of kapacitor.conf, TOML. What the operator sets itself (host name, data
    /// directory, addresses, admin keys, InfluxDBs) is refused. Put no secrets here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65536))]
    pub extra_config: String,
}

/// Which image the members run.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.tag) && has(self.digest))")
        .message("image.tag and image.digest exclude each other")
)]
pub struct Image {
    /// Registry and name, without tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^[a-z0-9][-a-zA-Z0-9._/:]*$"))]
    pub repository: Option<String>,
    /// Tag; by default the operator's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-zA-Z0-9_][-a-zA-Z0-9._]{0,127}$"))]
    pub tag: Option<String>,
    /// Digest, in place of a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// When to pull: Always, IfNotPresent or Never.
    #[serde(default)]
    pub pull_policy: PullPolicy,
}

/// When an image is pulled.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "Kubernetes' own words")]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

/// One InfluxDB.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Influxdb {
    /// Name used in scripts.
    #[schemars(length(max = 100), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub name: String,
    /// Addresses, used in turn.
    #[schemars(
        length(min = 1, max = 16),
        inner(length(max = 500), regex(pattern = r"^https?://[!#-\[\]-~]+$"))
    )]
    pub urls: Vec<String>,
    /// The one that scripts mean when they name none. A single one is it anyway.
    #[serde(default)]
    pub default: bool,
    /// Secret in the same namespace with the keys `influxdb-user` and `influxdb-password`, or
    /// `influxdb-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// A Secret of the same namespace, by name.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

/// De-duplication of alerts.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Members that own each topic and can deliver its events; 0 = every member.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub redundancy: i32,
    /// Time a member gets to deliver an event before the next in line does, 100ms to 1h.
    #[serde(default = "ten_seconds")]
    #[schemars(length(max = 20), regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('100ms') && duration(self) <= duration('1h')")
            .message("alert.delayPerMember must be from 100ms to 1h")
    )]
    pub delay_per_member: String,
}

/// The volume of a member: identity, definitions, pending events.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.size == oldSelf.size")
        .message("storage.size cannot change: growing volumes is not built yet"),
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)")
        .message("storage.storageClassName is immutable")
)]
pub struct Storage {
    /// Size of each member's volume.
    #[serde(default = "eight_gibibytes")]
    #[schemars(
        length(max = 20),
        regex(pattern = r"^[1-9][0-9]*(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$")
    )]
    pub size: String,
    /// Storage class; by default the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub storage_class_name: Option<String>,
}

impl Default for Alert {
    fn default() -> Self {
        Self { redundancy: 0, delay_per_member: ten_seconds() }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: eight_gibibytes(), storage_class_name: None }
    }
}

impl Default for KapacitorClusterSpec {
    fn default() -> Self {
        Self {
            replicas: three(),
            image: None,
            cluster_domain: cluster_local(),
            influxdb: Vec::new(),
            alert: Alert::default(),
            resources: small(),
            storage: Storage::default(),
            extra_config: String::new(),
        }
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

fn ten_seconds() -> String {
    "10s".to_owned()
}

fn eight_gibibytes() -> String {
    "8Gi".to_owned()
}

fn small() -> ResourceRequirements {
    serde_json::from_value(serde_json::json!({"requests": {"cpu": "50m", "memory": "64Mi"}}))
        .expect("these are resources")
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
