//! Bodies of our own messages; any change of a struct is a new version.

use foca::Member;
use model::{BootGeneration, MemberId};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::roster::{Entry, Rank};

/// Tells a sender why we refuse its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) to: MemberId,
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    /// The cluster removed the sender with this epoch.
    Removed { epoch: u32 },
    /// A later life of the sender is known.
    OldBoot { known: BootGeneration },
    /// The sender is not in our roster: it should push.
    Unknown,
}

/// What the asker of a push/pull sends.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) to: MemberId,
    pub(crate) ranks: Vec<(MemberId, Rank)>,
    /// Our own entry always; more in a second request.
    pub(crate) push: Vec<(MemberId, Entry)>,
    pub(crate) members: Vec<Member<Identity>>,
    pub(crate) digests: Vec<u8>,
}

/// What it gets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) to: MemberId,
    /// Ranks of the tombstones the answerer has: its acks.
    pub(crate) tombstones: Vec<(MemberId, Rank)>,
    pub(crate) push: Vec<(MemberId, Entry)>,
    pub(crate) lacking: Vec<MemberId>,
    pub(crate) members: Vec<Member<Identity>>,
    pub(crate) digests: Vec<u8>,
}
