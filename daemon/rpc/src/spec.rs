//! Replicated specs on the wire: what one key of the last-writer-wins map looks like between members.
//!
//! The rules of merging live in `member::specs`; here is only the shape.

use model::{MemberId, Str};
use serde::{Deserialize, Serialize};

/// Stamps a write: the version counts writes over all keys (highest seen + 1), ties go by member id.
/// No wall clock is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Highest version the writer had seen, plus one.
    pub version: u64,
    /// The writer.
    pub member: MemberId,
}

/// What is replicated under one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SpecKey {
    /// A handler of a topic.
    Handler {
        /// Topic the handler listens on.
        topic: Str,
        /// Id of the handler, unique within its topic.
        id: Str,
    },
    /// The latest deletion of a topic: event states that were born under an older one are void.
    Deletion {
        /// The deleted topic.
        topic: Str,
    },
}

impl SpecKey {
    /// The topic this is about.
    pub fn topic(&self) -> &Str {
        match self {
            Self::Handler { topic, .. } | Self::Deletion { topic } => topic,
        }
    }
}

/// A write that a key has seen, kept so that concurrent edits are noticed and a file is not loaded
/// over what replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Past {
    /// Stamp of the write.
    pub stamp: Stamp,
    /// Hash of the file the write was loaded from, if it was.
    pub file: Option<u64>,
    /// Hash of what was written; 0 for a deletion.
    pub value: u64,
}

/// One key of the map: the write that holds and the writes known before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecState {
    /// Stamp of the write that holds.
    pub stamp: Stamp,
    /// The value as JSON text; `None` is a tombstone. Always `None` for a [`SpecKey::Deletion`].
    pub value: Option<Str>,
    /// Wall time of the write in ns since 1970, for showing only.
    pub written: i64,
    /// Latest known writes of this key, the holding one included, newest first.
    pub history: Vec<Past>,
    /// The latest write that lost against the holding one: neither writer knew the other's.
    pub lost: Option<Stamp>,
}
