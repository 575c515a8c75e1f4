//! The pods of a cluster: image, content, volume, and what a user adds to them.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reference::ConfigMapRef;

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
    /// Digest, in place of a tag: sha256: and 64 hexadecimal digits.
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

/// Files for the load directory of every member.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// ConfigMap whose keys are the file names, such as `cpu.tick` or `pager.yaml`. Changes reach all
    /// members without a restart, as soon as Kubernetes has brought them to the pods. Names that several
    /// ConfigMaps of one kind hold are taken from the last of them.
    pub config_map_ref: ConfigMapRef,
    /// What is in it: tasks, templates or handlers.
    pub kind: LoadKind,
}

/// What a ConfigMap of `load` holds: the name of the folder that it becomes.
#[derive(
    JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LoadKind {
    /// Scripts, and YAML or JSON that makes tasks of templates.
    Tasks,
    /// Scripts with variables.
    Templates,
    /// Handlers of topics, YAML or JSON.
    Handlers,
}

impl LoadKind {
    /// All, in the order in which members load them.
    pub const ALL: [Self; 3] = [Self::Templates, Self::Tasks, Self::Handlers];

    /// The folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Templates => "templates",
            Self::Handlers => "handlers",
        }
    }
}

/// The volume of a member: identity, definitions, pending events.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0")
        .message("storage.size may only grow"),
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)")
        .message("storage.storageClassName is immutable")
)]
pub struct Storage {
    /// Size of each member's volume. It may grow, where the storage class lets volumes grow
    /// (allowVolumeExpansion); it never shrinks.
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
    /// What becomes of the volume of a member that leaves because `replicas` fell: Delete or Retain. A
    /// stop (`replicas: 0`) lets nobody leave.
    #[serde(default)]
    pub when_scaled: ClaimPolicy,
    /// What becomes of the volumes when the resource is deleted: Retain, so that a resource made again
    /// under its name finds its members, or Delete.
    #[serde(default = "retain")]
    pub when_deleted: ClaimPolicy,
}

/// What becomes of a volume.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimPolicy {
    /// It is deleted.
    #[default]
    Delete,
    /// It stays.
    Retain,
}

/// What is laid over the pods that the operator writes.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodTemplate {
    /// Labels and annotations to add.
    #[serde(default)]
    pub metadata: PodTemplateMetadata,
    /// A PodSpec. Lists whose entries have names (containers, volumes, env) are merged entry by entry,
    /// other lists are replaced. The member's container is called `kapacitord`. What holds the
    /// operator's design together (command, host name, its volumes and variables) is refused.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schemars(schema_with = "pod_spec_schema")]
    pub spec: Value,
}

/// Labels and annotations.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodTemplateMetadata {
    /// Labels to add.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations to add.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// How changes reach the pods: one after the other, the highest first, each back in sync before the
/// next one goes; where one does not come back the change stops.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// Change no further pod.
    #[serde(default)]
    pub paused: bool,
    /// Change only the pods whose number is this or higher, to try something out on a few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub partition: Option<i32>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            size: eight_gibibytes(),
            storage_class_name: None,
            when_scaled: ClaimPolicy::default(),
            when_deleted: retain(),
        }
    }
}

/// The API server would have to repeat all of Kubernetes' own schema here; what is wrong in it shows
/// as reason `InvalidSpec`.
fn pod_spec_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn retain() -> ClaimPolicy {
    ClaimPolicy::Retain
}

fn eight_gibibytes() -> String {
    "8Gi".to_owned()
}
