//! Names of everything that belongs to a cluster, from the name of its resource.

use std::collections::BTreeMap;

use kube::ResourceExt as _;

use crate::crd::KapacitorCluster;

/// Port of the HTTP API.
pub const HTTP_PORT: i32 = 9092;
/// Port of RPC.
pub const RPC_PORT: i32 = 9091;
/// Port of gossip, UDP and TCP.
pub const GOSSIP_PORT: i32 = 9090;

/// What the names of subscriptions begin with.
const SUBSCRIPTION: &str = "kapacitor-";

/// Finalizer of the resource: something is to be cleared away behind it.
pub const FINALIZER: &str = "kapacitor.dev/cleanup";
/// Annotation of a claim: whose identity it holds.
pub const MEMBER_ID: &str = "kapacitor.dev/member-id";
/// Annotation of a claim: the cluster that its member is in.
pub const CLUSTER_ID: &str = "kapacitor.dev/cluster-id";
/// Annotation of a claim: its member is on its way out.
pub const LEAVING: &str = "kapacitor.dev/leaving";
/// Annotation of a claim: its member has left and the claim was kept.
pub const RETIRED: &str = "kapacitor.dev/retired";
/// Annotation of a claim, by people: `true` keeps it when its member leaves.
pub const KEEP: &str = "kapacitor.dev/keep";
/// Annotation of a pod, by people: `true` puts a new member with a new volume in its place.
pub const REPLACE: &str = "kapacitor.dev/replace";
/// Annotation of the resource, by people: `true` waits for no InfluxDB to be clean.
pub const SKIP_CLEANUP: &str = "kapacitor.dev/skip-subscription-cleanup";
/// Annotation of the resource, by people: `true` removes a member although it alone runs some tasks.
pub const ALLOW_TASK_LOSS: &str = "kapacitor.dev/allow-task-loss";

/// Label that holds the name of the resource.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label that says what runs.
const APP: &str = "app.kubernetes.io/name";
/// Label that says who manages it.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What all children have in common, as list and watch requests take it.
pub const OURS: &str = "app.kubernetes.io/managed-by=kapacitor-operator";

/// Name of the subscriptions of a member, in `subscription-mode = "server"`.
pub fn subscription(member_id: &str) -> String {
    format!("{SUBSCRIPTION}{member_id}")
}

/// Whose subscription this is.
pub fn subscriber(subscription: &str) -> Option<&str> {
    subscription.strip_prefix(SUBSCRIPTION)
}

/// Labels that nobody else may set on pods.
pub const OWN_LABELS: [&str; 3] = [APP, INSTANCE, MANAGED_BY];

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
    /// Of a resource's children.
    pub fn of(resource: &KapacitorCluster) -> Self {
        Self {
            cluster: resource.name_any(),
            namespace: resource.namespace().unwrap_or_default(),
            domain: resource.spec.cluster_domain.clone(),
        }
    }

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

    /// Of the claim of a member's pod.
    pub fn claim(&self, ordinal: i32) -> String {
        format!("data-{}", self.pod(ordinal))
    }

    /// The number in the name of a pod or claim, `prefix` in front of the cluster's name.
    pub fn ordinal(&self, prefix: &str, name: &str) -> Option<i32> {
        let rest = name.strip_prefix(prefix)?.strip_prefix(&self.cluster)?.strip_prefix('-')?;
        rest.parse().ok().filter(|ordinal: &i32| rest == ordinal.to_string())
    }

    /// The host name of the pod called `pod`.
    pub fn host(&self, pod: &str) -> String {
        format!("{pod}.{}.{}.svc.{}", self.headless(), self.namespace, self.domain)
    }

    /// Where the RPC of a member is, `host:port`.
    pub fn rpc_address(&self, ordinal: i32) -> String {
        format!("{}:{RPC_PORT}", self.host(&self.pod(ordinal)))
    }

    /// Whether a host name is that of the member with this number, with or without the domain.
    pub fn is_host(&self, ordinal: i32, host: &str) -> bool {
        let short = format!("{}.{}.{}.svc", self.pod(ordinal), self.headless(), self.namespace);
        host == short || host.strip_prefix(&short).is_some_and(|rest| rest.starts_with('.'))
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

    /// A URL of the resource as whoever is in another namespace must write it: a host without a dot is
    /// a Service beside the members.
    pub fn seen_from_outside(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, place) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (host, port) = place.split_at(place.find(':').unwrap_or(place.len()));
        if host.is_empty() || host.contains(['.', '[']) || host == "localhost" {
            return url.to_owned();
        }
        let (namespace, domain) = (&self.namespace, &self.domain);
        format!("{scheme}://{login}{host}.{namespace}.svc.{domain}{port}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_dot_is_a_service_beside_the_members() {
        let names = Names {
            cluster: "demo".into(),
            namespace: "ns".into(),
            domain: "cluster.local".into(),
        };
        for (url, expect) in [
            ("http://influxdb:8086", "http://influxdb.ns.svc.cluster.local:8086"),
            ("https://influxdb", "https://influxdb.ns.svc.cluster.local"),
            ("http://influxdb:8086/path", "http://influxdb.ns.svc.cluster.local:8086/path"),
            ("http://influxdb.other:8086", "http://influxdb.other:8086"),
            ("http://10.0.0.1:8086", "http://10.0.0.1:8086"),
            ("http://[::1]:8086", "http://[::1]:8086"),
            ("http://localhost:8086", "http://localhost:8086"),
        ] {
            assert_eq!(names.seen_from_outside(url), expect);
        }
    }
}
