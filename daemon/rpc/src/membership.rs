//! Joining, leaving and the roster between members.

use gossip::Entry;
use model::{ClusterId, MemberId};
use serde::{Deserialize, Serialize};

use crate::spec::{SpecKey, SpecState};

/// Makes the callee a member of the caller's cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The cluster to take over.
    pub cluster: ClusterId,
    /// The whole roster, the callee's new entry included.
    pub roster: Vec<(MemberId, Entry)>,
    /// All specs of the cluster; they win over the callee's own.
    pub specs: Vec<(SpecKey, SpecState)>,
    /// Highest spec version the cluster has seen.
    pub highest: u64,
}

/// The callee has saved its new cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Specs the joiner brings, stamped anew: its own, less those whose key the cluster had.
    pub specs: Vec<(SpecKey, SpecState)>,
    /// How many of its specs gave way to the cluster's.
    pub lost: u32,
}

/// Roster entries that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRoster {
    /// Entries; merged by the receiver.
    pub entries: Vec<(MemberId, Entry)>,
    /// Of these the removed ones that had ended their sends and handed over: their claims are void at
    /// once. The lease of any other removed member is honoured to its end.
    pub drained: Vec<MemberId>,
}

/// Asks the callee, which is about to be removed, to stop sending and to hand over what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Milliseconds the caller waits for the answer.
    pub within_ms: u32,
}

/// How far draining came when the callee answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Sends in flight have ended and every event was acked by a survivor.
    pub complete: bool,
}

/// Tells the callee that it was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Cluster it was removed from.
    pub cluster: ClusterId,
    /// The roster that is left, its tombstone included, so that it knows whom to hand over to.
    pub roster: Vec<(MemberId, Entry)>,
    /// It was drained before.
    pub drained: bool,
}
