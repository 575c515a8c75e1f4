//! Hello: who answers at an address.

use model::Str;
use serde::{Deserialize, Serialize};

/// Asks who is there. The only call that is answered to anybody who holds the cluster key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest and newest wire version the caller reads.
    pub versions: (u8, u8),
}

/// Whether a member belongs to a cluster that `member add` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// A cluster of one that was never joined, or a member that was removed.
    Uninitialized,
    /// Part of a cluster.
    Initialized,
}

/// Spelt as `member list` and the HTTP API print it.
impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Uninitialized => "uninitialized",
            Self::Initialized => "initialized",
        })
    }
}

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// What the member says of itself.
    pub hello: gossip::Hello,
    /// Release it runs.
    pub release: Str,
    /// Oldest and newest wire version it reads.
    pub versions: (u8, u8),
    /// It has synced since its start.
    pub ready: bool,
    /// Highest epoch it had in any roster: an admission must stand above a tombstone that the adder has
    /// not heard of yet.
    pub epoch: u32,
}
