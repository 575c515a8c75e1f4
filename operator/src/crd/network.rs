//! Who reaches the members, and how.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::name::HTTP_PORT;

/// For InfluxDBs outside of the Kubernetes cluster.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct External {
    /// Address that subscriptions name in place of the pod's own, `host` or `host:port`, e.g.
    /// `kap-{ordinal}.example.com:{port}`. {ordinal} is the number of the pod, {name} its name, {port}
    /// 9092. It must be another address for each member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 253),
        regex(
            pattern = r"^([-a-zA-Z0-9._]|\{ordinal\}|\{name\})+(:(\{port\}|[0-9]*(\{ordinal\})?[0-9]*))?$"
        )
    )]
    #[x_kube(
        validation = Rule::new("self.contains('{ordinal}') || self.contains('{name}')")
            .message("external.addressTemplate must differ between members: use {ordinal} or {name}")
    )]
    pub address_template: Option<String>,
}

impl External {
    /// The host, and the port unless it is the API's own, of the member with this number and name; what
    /// stands for them may itself be a placeholder. `None` without a template.
    pub fn address(&self, ordinal: &str, name: &str) -> Option<(String, Option<String>)> {
        let address = self
            .address_template
            .as_ref()?
            .replace("{ordinal}", ordinal)
            .replace("{name}", name)
            .replace("{port}", &HTTP_PORT.to_string());
        let (host, port) = address.split_once(':').unwrap_or((&address, ""));
        Some((host.to_owned(), (!port.is_empty()).then(|| port.to_owned())))
    }
}

/// TLS of the members.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tls {
    /// Certificate of the HTTP API, port 9092, for the host names of all members, such as
    /// `*.demo-members.default.svc.cluster.local`, and for the Service. None: plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<TlsSecrets>,
    /// Certificate that members show each other at port 9091, for the host names of all of them; each
    /// verifies the other's. None: plain, or sealed by the keys of `cluster.keysSecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<TlsSecrets>,
}

/// Where a certificate and its authority are.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsSecrets {
    /// Secret of type kubernetes.io/tls: `tls.crt` and `tls.key`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: String,
    /// Secret whose key `ca.crt` is the authority that signed it. By default the same Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub ca_secret_name: Option<String>,
}

impl TlsSecrets {
    /// The Secret with `ca.crt`.
    pub fn ca(&self) -> &str {
        self.ca_secret_name.as_deref().unwrap_or(&self.secret_name)
    }
}

/// The budget that lets a drain of nodes take one member at a time.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionBudget {
    /// Keep one. A single member never has one: it would block the drain of its node.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Who may reach the members.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Let only members reach ports 9090 and 9091, and only members, the operator and `peers` 9092.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Who else may reach port 9092: InfluxDB above all, and people's tools. None: every pod and
    /// address may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub peers: Vec<NetworkPolicyPeer>,
}

impl Default for DisruptionBudget {
    fn default() -> Self {
        Self { enabled: yes() }
    }
}

impl Default for NetworkPolicy {
    fn default() -> Self {
        Self { enabled: yes(), peers: Vec::new() }
    }
}

fn yes() -> bool {
    true
}
