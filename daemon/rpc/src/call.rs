//! The calls by name: path, how many bytes each may carry, how long an answer may take.

use std::time::Duration;

/// A call. Its path is `/rpc/v1/<name>`; the `v1` is the path's, the body has its own version byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Who are you?
    Hello,
    /// Be a member of my cluster.
    Join,
    /// Roster entries that changed.
    PushRoster,
    /// Spec states that changed.
    PushSpecs,
    /// Spec states of differing buckets.
    PullSpecs,
    /// Dedup messages.
    Frame,
    /// Digests of everything.
    Sync,
    /// Keys of event states.
    EventKeys,
    /// Event states by key.
    PullEvents,
    /// Event states that the callee lacks.
    PushEvents,
    /// The tasks the caller runs.
    PushTasks,
    /// Stop sending and hand over.
    Drain,
    /// You were removed.
    Removed,
    /// Events of a leaving member.
    HandOver,
}

const MIB: usize = 1024 * 1024;

/// Calls served at once; more are answered with [`crate::Refusal::Busy`].
pub const MAX_INBOUND_CALLS: usize = 128;
/// Bytes of dedup messages put into one frame; a single larger message travels alone.
pub const FRAME_TARGET_BYTES: usize = 256 * 1024;
/// Bytes of one page of a sync.
pub const PAGE_TARGET_BYTES: usize = MIB;

impl Call {
    /// All calls, in the order of RPC.md.
    pub const ALL: [Self; 14] = [
        Self::Hello,
        Self::Join,
        Self::PushRoster,
        Self::PushSpecs,
        Self::PullSpecs,
        Self::Frame,
        Self::Sync,
        Self::EventKeys,
        Self::PullEvents,
        Self::PushEvents,
        Self::PushTasks,
        Self::Drain,
        Self::Removed,
        Self::HandOver,
    ];

    /// The path of its URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Hello => "/rpc/v1/hello",
            Self::Join => "/rpc/v1/join",
            Self::PushRoster => "/rpc/v1/push-roster",
            Self::PushSpecs => "/rpc/v1/push-specs",
            Self::PullSpecs => "/rpc/v1/pull-specs",
            Self::Frame => "/rpc/v1/frame",
            Self::Sync => "/rpc/v1/sync",
            Self::EventKeys => "/rpc/v1/event-keys",
            Self::PullEvents => "/rpc/v1/pull-events",
            Self::PushEvents => "/rpc/v1/push-events",
            Self::PushTasks => "/rpc/v1/push-tasks",
            Self::Drain => "/rpc/v1/drain",
            Self::Removed => "/rpc/v1/removed",
            Self::HandOver => "/rpc/v1/hand-over",
        }
    }

    /// The last part of its path.
    pub fn name(self) -> &'static str {
        let path = self.path();
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// The call of a path.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.path() == path)
    }

    /// Most bytes of a request.
    pub fn request_limit(self) -> usize {
        match self {
            Self::Hello | Self::Sync | Self::Drain => 4 * 1024,
            Self::PullSpecs | Self::EventKeys => 16 * 1024,
            Self::PullEvents | Self::PushRoster | Self::Removed | Self::PushTasks => 4 * MIB,
            Self::Join | Self::PushSpecs | Self::PushEvents | Self::Frame | Self::HandOver => {
                20 * MIB
            }
        }
    }

    /// Most bytes of an answer.
    pub fn answer_limit(self) -> usize {
        match self {
            Self::Join | Self::PullSpecs | Self::PullEvents | Self::PushEvents => 20 * MIB,
            Self::EventKeys => 4 * MIB,
            _ => 64 * 1024,
        }
    }

    /// How long the caller waits, name look-up and connection included.
    pub fn deadline(self) -> Duration {
        match self {
            Self::Hello | Self::Sync => Duration::from_secs(3),
            Self::Frame | Self::PushRoster => Duration::from_secs(5),
            Self::Drain => Duration::from_secs(20),
            _ => Duration::from_secs(10),
        }
    }
}
