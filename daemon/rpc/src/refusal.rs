//! Why a member did not do what it was asked.

use model::{ClusterId, MemberId, Str};
use serde::{Deserialize, Serialize};

/// A refusal, as data: callers branch on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The caller was removed from the cluster under this epoch; it hands over and resets itself.
    #[error("you were removed from the cluster (epoch {epoch})")]
    Removed {
        /// Epoch of the tombstone.
        epoch: u64,
        /// Cluster that removed it.
        cluster: ClusterId,
    },
    /// The callee belongs to another cluster.
    #[error("this member belongs to cluster {cluster}")]
    OtherCluster {
        /// Cluster of the callee.
        cluster: ClusterId,
    },
    /// Another member answers at this address.
    #[error("this is member {id}")]
    OtherMember {
        /// Who answers.
        id: MemberId,
    },
    /// The caller is not in the callee's roster (yet).
    #[error("you are not in the roster")]
    Stranger,
    /// Too much at once; ask again later.
    #[error("busy, ask again in {retry_after_ms} ms")]
    Busy {
        /// When to ask again.
        retry_after_ms: u32,
    },
    /// The callee cannot read or write this version.
    #[error("wire version {got} is not one of {oldest} to {newest}")]
    Version {
        /// Version of the request.
        got: u8,
        /// Oldest version the callee reads.
        oldest: u8,
        /// Newest version the callee writes.
        newest: u8,
    },
    /// The request could not be read.
    #[error("malformed request: {0}")]
    Malformed(Str),
    /// The caller did not prove the cluster key.
    #[error("the cluster key was not proved")]
    Unauthenticated,
    /// The callee is in the middle of another membership change, or going down.
    #[error("not now: {0}")]
    NotNow(Str),
    /// The callee could not save what it was told.
    #[error("failed to save: {0}")]
    Disk(Str),
}
