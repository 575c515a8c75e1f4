//! The cluster as the caller sees it: who is there, alive, ready, of which boot, and who was removed.

use std::collections::BTreeMap;

use model::{BootGeneration, MemberId};

/// A roster member that is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Highest boot generation seen.
    pub boot: BootGeneration,
    /// Alive or suspect; false when failed or left.
    pub alive: bool,
    /// Synced since its start, or its bounded wait is over.
    pub ready: bool,
}

/// How a member was removed from the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// It ended its sends and handed over before it went: its claims are void at once.
    Drained,
    /// The wait for its hand-over was given up: its last lease is honoured to the end.
    Unreached,
}

/// The view of one member: the roster with liveness. Replaces the previous one as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Members {
    /// The roster without removed members, this member included.
    pub roster: BTreeMap<MemberId, Peer>,
    /// Members whose roster entry is a tombstone.
    pub removed: BTreeMap<MemberId, Removal>,
}
