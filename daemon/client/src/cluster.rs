//! `/cluster`: who is in it, add a member, remove one.

use std::fmt;

use model::{ClusterId, MemberId};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Error;
use crate::request::{Client, Path};

/// The cluster as the asked member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cluster {
    /// Whether the member belongs to a cluster.
    pub state: State,
    /// The cluster's identity; a member alone has one, too.
    pub cluster_id: ClusterId,
    /// The member that was asked.
    pub member_id: MemberId,
    /// Its release.
    #[serde(default)]
    pub version: String,
    /// It takes its full part.
    #[serde(default)]
    pub ready: bool,
    /// All members, itself too, in an order that is the same on every member.
    pub members: Vec<Member>,
    /// The latest concurrent edits that lost, oldest first; normally none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

/// An edit that lost against a concurrent one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// What was edited: `handler` or `topic-deletion`.
    pub kind: String,
    /// The topic.
    pub topic: String,
    /// The handler, if it was one.
    #[serde(default)]
    pub handler: Option<String>,
    /// The member that wrote what holds.
    pub winner: MemberId,
    /// The member that wrote what does not.
    pub loser: MemberId,
    /// What the loser wanted, when the asked member knows it.
    #[serde(default)]
    pub lost: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, winner, loser, .. } = self;
        match &self.handler {
            Some(handler) => write!(f, "handler {handler} of topic {topic}")?,
            None => write!(f, "deletion of topic {topic}")?,
        }
        write!(f, ": the edit of member {winner} holds, that of {loser} does not")
    }
}

/// Whether a member belongs to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A cluster of one: nothing was added to it, or it was removed.
    Uninitialized,
    /// Part of a cluster.
    Initialized,
}

/// One member as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Its identity.
    pub id: MemberId,
    /// `host:port` of gossip.
    pub gossip_address: String,
    /// `host:port` of RPC.
    pub rpc_address: String,
    /// `host:port` of the HTTP API.
    pub api_address: String,
    /// Its roles, `worker` so far.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whether it is there.
    pub status: Status,
    /// Since when it has this status, RFC 3339.
    #[serde(default)]
    pub since: String,
    /// Its release, once known.
    #[serde(default)]
    pub version: Option<String>,
    /// It takes its full part; unknown while it is away.
    #[serde(default)]
    pub ready: Option<bool>,
    /// Its boot generation, once known.
    #[serde(default)]
    pub boot: Option<u64>,
    /// When the two last compared what they know, RFC 3339.
    #[serde(default)]
    pub last_sync: Option<String>,
    /// Whether they knew the same then.
    #[serde(default)]
    pub digest_equal: Option<bool>,
}

/// Whether a member is there, in Serf's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answers, or is only suspected not to.
    Alive,
    /// It is stopping.
    Leaving,
    /// It stopped and said so.
    Left,
    /// It does not answer.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uninitialized => "uninitialized",
            Self::Initialized => "initialized",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        })
    }
}

impl Client {
    /// The cluster as the member sees it.
    pub async fn cluster(&self) -> Result<Cluster, Error> {
        self.get(Path::of(&["cluster"])).await
    }

    /// Has the member take the one whose RPC is at `rpc_address` (`host:port`) into its cluster. Adding
    /// a member again is a success. Needs permission.
    pub async fn add_member(&self, rpc_address: &str) -> Result<(), Error> {
        let body = json!({"rpc-address": rpc_address});
        self.call(Method::POST, Path::of(&["cluster", "members"]), Some(&body)).await.map(drop)
    }

    /// Has the member remove another one, or itself. Needs permission.
    pub async fn remove_member(&self, id: MemberId) -> Result<(), Error> {
        let id = id.to_string();
        self.call(Method::DELETE, Path::of(&["cluster", "members", &id]), None).await.map(drop)
    }
}
