//! How members share the work: gossip, de-duplication of alerts, the HTTP API.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;
use super::reference::{SecretKeyRef, SecretRef};

/// Gossip: how members find out who is there. The defaults suit all but very large clusters.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Members that each gossip message goes to; 0 means 3. More converges faster and costs bandwidth.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub gossip_members: i32,
    /// Time between gossip messages; 0s means 200ms. From 20ms to 1m.
    #[serde(default = "zero")]
    #[x_kube(
        validation = Rule::new("duration(self) == duration('0s') || (duration(self) >= duration('20ms') && duration(self) <= duration('1m'))")
            .message("cluster.gossipInterval must be 0s, or from 20ms to 1m")
    )]
    pub gossip_interval: Duration,
    /// Time between full exchanges of state with one other member; 0s means 30s. From 1s to 1h.
    #[serde(default = "zero")]
    #[x_kube(
        validation = Rule::new("duration(self) == duration('0s') || (duration(self) >= duration('1s') && duration(self) <= duration('1h'))")
            .message("cluster.gossipSyncInterval must be 0s, or from 1s to 1h")
    )]
    pub gossip_sync_interval: Duration,
    /// Keys that seal gossip and the calls between members: a key of a Secret that holds one key per
    /// line, each base64 of 32 bytes (`kapacitorctl keys generate`). The first seals, all open; a
    /// changed Secret is followed without a restart. None: plain text, kept apart by the network
    /// policy alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_secret_ref: Option<SecretKeyRef>,
}

/// De-duplication of alerts: who delivers an alert when several members raise it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Members that own each topic and can deliver its events; 0 = every member.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub redundancy: i32,
    /// Time a member gets to deliver an event before the next in line does. From 100ms to 1h.
    #[serde(default = "ten_seconds")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('100ms') && duration(self) <= duration('1h')")
            .message("alert.delayPerMember must be from 100ms to 1h")
    )]
    pub delay_per_member: Duration,
    /// Time between full comparisons of the state of topics with the other members. From 1s to 24h.
    #[serde(default = "five_minutes")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
            .message("alert.fullSyncInterval must be from 1s to 24h")
    )]
    pub full_sync_interval: Duration,
}

/// The HTTP API of the members.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    /// Secret with the Ed25519 key that signs changes of membership, PEM in its key
    /// `private-key.pem`. By default the operator makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_key_secret_ref: Option<SecretRef>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            gossip_members: 0,
            gossip_interval: zero(),
            gossip_sync_interval: zero(),
            keys_secret_ref: None,
        }
    }
}

impl Default for Alert {
    fn default() -> Self {
        Self { redundancy: 0, delay_per_member: ten_seconds(), full_sync_interval: five_minutes() }
    }
}

fn zero() -> Duration {
    Duration::new("0s")
}

fn ten_seconds() -> Duration {
    Duration::new("10s")
}

fn five_minutes() -> Duration {
    Duration::new("5m0s")
}
