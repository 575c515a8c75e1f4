//! The InfluxDBs of a cluster.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::cleanup::Cleanup;
use super::duration::Duration;
use super::network::Tls;
use super::reference::SecretRef;

/// One InfluxDB. Each member subscribes for itself, so that each receives every point.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Influxdb {
    /// Name used in scripts.
    #[schemars(length(max = 100), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub name: String,
    /// Addresses, used in turn; each starts with http:// or https://. Put no user or password here.
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
    /// Whom to trust, and what to show, when its address is https.
    #[serde(default)]
    pub tls: InfluxdbTls,
    /// How it sends points to the members, http or https. By default as they speak: https with
    /// `tls.api`. Another one is for something between InfluxDB and the members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_protocol: Option<SubscriptionProtocol>,
    /// Databases to subscribe to, each with its retention policies. Empty: all.
    #[serde(default)]
    #[schemars(schema_with = "subscriptions_schema")]
    #[x_kube(
        validation = Rule::new("self.all(db, db.matches('^[^\\\\x00-\\\\x1f\\\\x7f]+$'))")
            .message("names of databases must not be empty or hold control characters")
    )]
    pub subscriptions: BTreeMap<String, Vec<String>>,
    /// Databases never to subscribe to, each with its retention policies.
    #[serde(default)]
    #[schemars(schema_with = "subscriptions_schema")]
    #[x_kube(
        validation = Rule::new("self.all(db, db.matches('^[^\\\\x00-\\\\x1f\\\\x7f]+$'))")
            .message("names of databases must not be empty or hold control characters")
    )]
    pub excluded_subscriptions: BTreeMap<String, Vec<String>>,
    /// Time between comparisons of the subscriptions with the databases that there are; 0s means 1m.
    /// Shorter sees new databases sooner and costs queries.
    #[serde(default = "one_minute")]
    #[x_kube(
        validation = Rule::new("duration(self) == duration('0s') || (duration(self) >= duration('1s') && duration(self) <= duration('24h'))")
            .message("subscriptionsSyncInterval must be 0s, or from 1s to 24h")
    )]
    pub subscriptions_sync_interval: Duration,
    /// What becomes of the subscriptions of members that are gone.
    #[serde(default)]
    pub cleanup: Cleanup,
}

/// TLS towards an InfluxDB.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfluxdbTls {
    /// Secret whose key `ca.crt` is the authority to trust. None: those of the image, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
    /// Secret whose keys `tls.crt` and `tls.key` are the certificate to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretRef>,
    /// Do not verify its certificate. Anyone in between can read and change what is sent.
    #[serde(default)]
    pub insecure_skip_verify: bool,
}

/// How an InfluxDB sends points.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionProtocol {
    /// Plain.
    Http,
    /// With TLS.
    Https,
}

impl SubscriptionProtocol {
    /// What members speak.
    pub fn of(tls: &Tls) -> Self {
        if tls.api.is_some() { Self::Https } else { Self::Http }
    }

    /// As kapacitor.conf writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Names go to InfluxQL and TOML, quoted; what no quoting makes harmless is refused.
fn subscriptions_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "additionalProperties": {
            "type": "array",
            "description": "Retention policies.",
            "maxItems": 100,
            "items": {"type": "string", "maxLength": 200, "pattern": "^[^\\x00-\\x1f\\x7f]+$"}
        }
    })
}

fn one_minute() -> Duration {
    Duration::new("1m")
}
