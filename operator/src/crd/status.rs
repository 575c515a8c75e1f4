//! What is: the status of a cluster and its ledger of members.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is, as the operator last saw it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KapacitorClusterStatus {
    /// The generation of the resource that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The identity of the cluster; written before the first member is added, never guessed again.
    #[serde(default, rename = "clusterID", skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// Pods of the StatefulSet.
    #[serde(default)]
    pub replicas: i32,
    /// Pods that are ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Labels of the pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The release that the members run, when they agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The ledger: every identity that was ever meant to be in the cluster and is not forgotten. A pod
    /// has one that is in, and may have others that are on their way out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into(), "memberID".into()]))]
    pub members: Vec<MemberStatus>,
    /// Member IDs that left last, newest last: should a subscription of theirs turn up again, it is
    /// dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departed: Vec<String>,
    /// Subscriptions of departed members that were dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsubscribed: i64,
    /// Ready, Available, Progressing, Degraded, MembersInSync, SubscriptionsClean, Paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// One identity of the ledger.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// Name of its pod.
    pub name: String,
    /// Number of its pod.
    pub ordinal: i32,
    /// Its Member ID, written before it is added; empty for a pod that went without ever telling.
    #[serde(rename = "memberID")]
    pub member_id: String,
    /// Where it stands.
    pub state: MemberState,
    /// Since when it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Why it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// It was removed without having handed over what it held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unclean: bool,
    /// UID of the claim that holds its identity.
    #[serde(default, rename = "claimUID", skip_serializing_if = "Option::is_none")]
    pub claim_uid: Option<String>,
}

/// Where a member stands.
#[derive(
    JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum MemberState {
    /// Recorded, not yet on every list.
    Joining,
    /// On the list of every member that answers.
    InSync,
    /// It does not answer.
    Unreachable,
    /// It belongs to another cluster; a human must decide.
    Foreign,
    /// It is to leave; nothing is done yet that could not be taken back.
    Condemned,
    /// It is removed from the cluster. From here on there is no way back.
    Removing,
    /// Removed; its pod ends.
    Stopping,
    /// Its pod is gone; its subscriptions are dropped.
    Unsubscribing,
    /// Its claim is deleted or kept.
    Reclaiming,
}

/// Why a member leaves.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Fewer members are wished.
    ScaleDown,
    /// A human asked for another member in its place.
    Replace,
    /// Its pod came back as someone else: its volume was lost.
    Displaced,
}

impl MemberState {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Joining,
        Self::InSync,
        Self::Unreachable,
        Self::Foreign,
        Self::Condemned,
        Self::Removing,
        Self::Stopping,
        Self::Unsubscribing,
        Self::Reclaiming,
    ];

    /// On its way out.
    pub fn is_leaving(self) -> bool {
        self >= Self::Condemned
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}
