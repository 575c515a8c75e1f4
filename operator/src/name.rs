//! Names of everything that belongs to a cluster, from the name of its resource.

use std::collections::BTreeMap;

/// Port of the HTTP API.
pub const HTTP_PORT: i32 = 9092;
/// Port of RPC.
pub const RPC_PORT: i32 = 9091;
/// Port of gossip, UDP and TCP.
pub const GOSSIP_PORT: i32 = 9090;

/// Label that holds the name of the resource.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label that says what runs.
const APP: &str = "app.kubernetes.io/name";
/// Label that says who manages it.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The names of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Of the resource, the StatefulSet and the Service for people.
    pub cluster: String,
    /// Of the namespace.
    pub namespace: String,
    /// DNS domain of Kubernetes.
    pub domain: String,
}

impl Names {
    /// Of the headless Service that gives each pod its host name.
    pub fn headless(&self) -> String {
        format!("{}-members", self.cluster)
    }

    /// Of the ConfigMap with kapacitor.conf.
    pub fn config(&self) -> String {
        format!("{}-config", self.cluster)
    }

    /// Of the Secret with the key that signs membership changes.
    pub fn admin_key(&self) -> String {
        format!("{}-admin-key", self.cluster)
    }

    /// Of a member's pod.
    pub fn pod(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.cluster)
    }

    /// The host name of the pod called `pod`.
    pub fn host(&self, pod: &str) -> String {
        format!("{pod}.{}.{}.svc.{}", self.headless(), self.namespace, self.domain)
    }

    /// Where the HTTP API of a member is.
    pub fn api_url(&self, ordinal: i32) -> String {
        format!("http://{}:{HTTP_PORT}", self.host(&self.pod(ordinal)))
    }

    /// Where the RPC of a member is, `host:port`.
    pub fn rpc_address(&self, ordinal: i32) -> String {
        format!("{}:{RPC_PORT}", self.host(&self.pod(ordinal)))
    }

    /// Labels that select the pods.
    pub fn selector(&self) -> BTreeMap<String, String> {
        let pairs = [(APP, "kapacitor"), (INSTANCE, self.cluster.as_str())];
        pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// The same as text, as list requests and the scale subresource take it.
    pub fn selector_text(&self) -> String {
        let pairs: Vec<String> = self.selector().iter().map(|(k, v)| format!("{k}={v}")).collect();
        pairs.join(",")
    }

    /// Labels of all children.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selector();
        labels.insert(MANAGED_BY.to_owned(), "kapacitor-operator".to_owned());
        labels
    }
}
