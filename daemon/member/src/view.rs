//! What a member shows of itself and its cluster.

use std::time::Duration;

use gossip::{Addresses, Status};
use model::{BootGeneration, ClusterId, MemberId, Str};
use rpc::State;

use crate::specs::Conflict;

/// `GET /kapacitor/v1/cluster`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// Whether this is a cluster that `member add` made.
    pub state: State,
    /// The cluster.
    pub cluster: ClusterId,
    /// The member that answers.
    pub member: MemberId,
    /// Its release.
    pub release: Str,
    /// It has synced since its start.
    pub ready: bool,
    /// All members that are not removed, in the order they joined.
    pub members: Vec<MemberView>,
    /// Edits that lost against a concurrent one and that nobody has edited over since, in order of key;
    /// the first [`MAX_CONFLICTS`](crate::specs::MAX_CONFLICTS).
    pub conflicts: Vec<Conflict>,
}

/// One member in a [`ClusterView`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Its id.
    pub id: MemberId,
    /// What it advertises.
    pub addresses: Addresses,
    /// Its roles.
    pub roles: Vec<Str>,
    /// As seen from here.
    pub status: Status,
    /// How long it has had that status.
    pub since: Duration,
    /// Its release, once it has told.
    pub release: Option<Str>,
    /// It has synced since its start, as far as known here.
    pub ready: bool,
    /// Its boot generation, once heard of.
    pub boot: Option<BootGeneration>,
    /// The last full sync with it; none with itself.
    pub sync: Option<PeerSync>,
}

/// A topic: who delivers its events, and what waits here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// Its name.
    pub topic: Str,
    /// Its owners in their line, as seen from here.
    pub owners: Vec<MemberId>,
    /// Events that are pending on the member that answers.
    pub pending: usize,
}

/// A task and the members that run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// Its id.
    pub id: Str,
    /// Who runs it, as far as known here, by member id.
    pub runs: Vec<TaskRun>,
}

/// A task on a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRun {
    /// Where it runs.
    pub member: MemberId,
    /// Its windows have filled since it started.
    pub warm: bool,
}

/// A list that is cut at a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// What is shown.
    pub shown: Vec<T>,
    /// How many there are.
    pub total: usize,
}

/// How what is replicated stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationView {
    /// Topic handlers and deletions of topics, tombstones included.
    pub specs: usize,
    /// Event ids whose state is known.
    pub states: usize,
    /// Markers of delivered events.
    pub done: usize,
    /// Pending events.
    pub pending: usize,
    /// Full syncs that ran to their end since the start.
    pub syncs: u64,
    /// Full syncs broken off.
    pub syncs_failed: u64,
    /// Concurrent edits that came to light.
    pub conflicts: u64,
}

/// The last full sync with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSync {
    /// How long ago it ended well.
    pub ago: Duration,
    /// The digests were equal when last compared.
    pub equal: bool,
}

/// Whether this member takes its full part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Alone, or synced with a peer since its start.
    Ready,
    /// No sync ended in time; it works with what it has.
    Unsynced,
    /// Still waiting for its first sync.
    Syncing,
    /// It is leaving its cluster or going down.
    Leaving,
}
