//! The children of a cluster, pure: from [`Wanted`] to objects. One object, one file.
//!
//! Every child carries a mark, the hash of what it was built from ([`MARK`]); a child with another mark
//! is applied again. The number of pods is no part of it: the controller sizes the set by itself.

mod admin_key;
mod budget;
mod config;
mod environment;
mod mounts;
mod network_policy;
mod overlay;
mod pod;
mod services;
mod set;
#[cfg(test)]
mod tests;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::decide::SetSeen;
use super::wanted::Wanted;
use crate::quantity::Quantity;

pub use admin_key::admin_key;
pub(super) use mounts::authority;
pub(super) use pod::{CONTAINER, problem as pod_problem};

/// Annotation with the mark of a child.
pub const MARK: &str = "kapacitor.dev/built-from";

/// What is applied, in this order: the set comes last, since its pods need the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Children {
    /// The members' account, without any right.
    pub account: ServiceAccount,
    /// kapacitor.conf.
    pub config: ConfigMap,
    /// Gives each pod its host name.
    pub headless: Service,
    /// One address for people and tools.
    pub service: Service,
    /// Lets a drain take one member at a time; `None`: there must be none.
    pub budget: Option<PodDisruptionBudget>,
    /// Who may reach the members; `None`: there must be none.
    pub network_policy: Option<NetworkPolicy>,
    /// The members.
    pub set: StatefulSet,
}

/// What stays of the set that is there, whatever is wished: it changes step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Size of the claims of pods to come, where it is another one than wished.
    pub claim_size: Option<String>,
    /// Changes reach the pods from this number on; no part of the mark.
    pub partition: i32,
}

impl Kept {
    /// Of this set.
    pub fn of(wanted: &Wanted, set: Option<&SetSeen>) -> Self {
        let wish = Quantity::parse(&wanted.spec.storage.size).unwrap_or_default();
        let other = set.filter(|set| set.claim_size != wish);
        let partition = set.map_or(0, |set| set.partition);
        Self { claim_size: other.map(|set| set.claim_size.to_string()), partition }
    }
}

/// Builds all children. How many pods the set has is no part of them: a set keeps the size it has.
pub fn children(wanted: &Wanted, kept: &Kept) -> Children {
    let config = config::config_map(wanted);
    let content = hash(&config.data);
    Children {
        account: marked(set::service_account(wanted)),
        config: marked(config),
        headless: marked(services::headless(wanted)),
        service: marked(services::service(wanted)),
        budget: budget::budget(wanted).map(marked),
        network_policy: network_policy::network_policy(wanted).map(marked),
        set: set::held_back(marked(set::stateful_set(wanted, kept, &content)), kept.partition),
    }
}

fn marked<K: ResourceExt + Serialize>(mut child: K) -> K {
    let mark = hash(&child);
    child.annotations_mut().insert(MARK.to_owned(), mark);
    child
}

fn hash(content: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(content).expect("Kubernetes' objects are JSON");
    format!("{:016x}", xxh3_64(&bytes))
}

/// Metadata of a child.
fn metadata(wanted: &Wanted, name: &str) -> Value {
    json!({
        "name": name,
        "namespace": wanted.names.namespace,
        "labels": wanted.names.labels(),
        "ownerReferences": [wanted.owner],
    })
}

/// Typed from JSON. A field that the type does not know would be lost: that is a mistake here.
fn typed<K: DeserializeOwned + Serialize>(value: Value) -> K {
    let typed: K = serde_json::from_value(value.clone()).expect("the object is well formed");
    debug_assert_eq!(
        serde_json::to_value(&typed).expect("Kubernetes' objects are JSON"),
        value,
        "a field is misspelt"
    );
    typed
}
