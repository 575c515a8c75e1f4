//! A host with its disk, clock, and the process that runs on it or does not.

use std::collections::VecDeque;
use std::time::Duration;

use member::{Input, Member};
use model::{MemberId, Time};

use crate::disk::Disk;

/// Wall time of the world's beginning.
const EPOCH: i64 = 1_600_000_000_000_000_000;

/// A host.
pub struct Node {
    /// Identity of its member; a lost disk changes it.
    pub id: MemberId,
    /// Number of the cluster that its disk began with.
    pub(crate) cluster: u64,
    /// The process, when it runs.
    pub member: Option<Member>,
    /// Counts starts: what was meant for an earlier process is lost.
    pub life: u64,
    pub(crate) disk: Disk,
    /// A copy of the disk, and when it was made.
    pub(crate) copy: Option<(Duration, Disk)>,
    /// Inputs that wait while the process is paused.
    pub(crate) paused: Option<VecDeque<Input>>,
    pub(crate) wake: Option<Duration>,
    /// How far its wall clock is off, ns.
    pub(crate) skew: i64,
    /// Time from a write to its report.
    pub(crate) fsync: Duration,
    /// When its disk was slow or full last.
    pub(crate) disk_well_since: Duration,
    /// Since when the windows of its task are full, unless they are filling.
    pub(crate) warm_since: Option<Duration>,
    /// It is going down in order.
    pub(crate) stopping: bool,
    /// A rewrite of its journal is under way: records.
    pub(crate) rewriting: Option<usize>,
    /// The number of the open fault of its being down.
    pub(crate) down: Option<usize>,
}

impl Node {
    pub(crate) fn new(id: MemberId, cluster: u64) -> Self {
        Self {
            id,
            cluster,
            member: None,
            life: 0,
            disk: Disk::default(),
            copy: None,
            paused: None,
            wake: None,
            skew: 0,
            fsync: Duration::from_millis(1),
            disk_well_since: Duration::ZERO,
            warm_since: None,
            stopping: false,
            rewriting: None,
            down: None,
        }
    }

    /// It runs and is not paused.
    pub fn is_up(&self) -> bool {
        self.member.is_some() && self.paused.is_none()
    }

    pub(crate) fn wall(&self, now: Duration) -> Time {
        Time(EPOCH + now.as_nanos() as i64 + self.skew)
    }
}
