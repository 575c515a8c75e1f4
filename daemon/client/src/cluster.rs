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
    /// How what is replicated stands on the asked member.
    #[serde(default)]
    pub replication: Replication,
    /// Topics, those with pending events first; as many as the member shows.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// How many topics there are.
    #[serde(default)]
    pub topics_total: usize,
    /// Tasks that run on any member; as many as the member shows.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// How many tasks there are.
    #[serde(default)]
    pub tasks_total: usize,
}

/// How what is replicated stands on a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Replication {
    /// Topic handlers and deletions of topics.
    pub specs: u64,
    /// Event ids whose state is known.
    pub states: u64,
    /// Markers of delivered events.
    pub done: u64,
    /// Pending events.
    pub pending: u64,
    /// Full syncs that ran to their end since the member's start.
    pub syncs: u64,
    /// Full syncs broken off.
    pub syncs_failed: u64,
    /// Concurrent edits that came to light.
    pub conflicts: u64,
}

/// A topic: who delivers its events, and what waits on the asked member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// Its owners in their line.
    #[serde(default)]
    pub owners: Vec<MemberId>,
    /// Events that are pending on the asked member.
    #[serde(default)]
    pub pending: u64,
}

/// A task and the members that run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Who runs it.
    #[serde(default)]
    pub runs: Vec<Run>,
}

/// A task on a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Where it runs.
    pub member: MemberId,
    /// Its windows have filled since it started.
    pub warm: bool,
}

/// What a member finds when it looks around: `GET /cluster/check`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Who looked.
    pub member_id: MemberId,
    /// Its clock, RFC 3339.
    pub time: String,
    /// Cluster keys it uses.
    pub keys: usize,
    /// What of its private ports is open, in words.
    #[serde(default)]
    pub open: Option<String>,
    /// The addresses of the other members.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// The InfluxDBs it is configured with.
    #[serde(default)]
    pub influxdb: Vec<Influx>,
    /// Nodes of its tasks that cannot agree with those of others.
    #[serde(default)]
    pub tasks: Vec<Disagreement>,
}

/// An address of another member, dialled.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Port {
    /// Whose.
    pub member: MemberId,
    /// How gossip sees that one.
    pub status: Status,
    /// `gossip`, `rpc` or `api`.
    pub service: String,
    /// The address.
    pub address: String,
    /// `name`: it does not resolve; `port`: the wrong one or nobody answers. None: all is well.
    #[serde(default)]
    pub problem: Option<String>,
    /// In words.
    #[serde(default)]
    pub error: Option<String>,
}

/// An InfluxDB as a member is configured with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Influx {
    /// Its name.
    pub name: String,
    /// `server` or `cluster`.
    pub subscription_mode: String,
    /// Subscriptions are made.
    pub subscriptions: bool,
    /// Why the last pass over it failed.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// A node whose results differ between members that got the same points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disagreement {
    /// Its task.
    pub task: String,
    /// Its name in the task.
    pub node: String,
    /// In words.
    pub why: String,
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

    /// What the member finds when it looks around; it dials every other member.
    pub async fn check(&self) -> Result<Check, Error> {
        self.get(Path::of(&["cluster", "check"])).await
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
