//! What must survive a restart: the records that the caller appends to its journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::event::{Body, HandlerId};
use crate::key::{Key, KeyHash};
use crate::message::Settled;

/// One journal record. Given back to [`crate::Dedup::new`] in the order written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// An event that is held until it is done, released or handed over.
    Pending {
        /// Its key.
        key: Key,
        /// Its body.
        body: Body,
        /// Raised by this member.
        raised: bool,
        /// Raised by a cold task only, as far as known.
        cold: bool,
    },
    /// The handlers that match, judged here or told by a claim.
    Judged {
        /// The event.
        hash: KeyHash,
        /// The handlers.
        handlers: Arc<[HandlerId]>,
    },
    /// A handler has finished.
    HandlerDone {
        /// The event.
        hash: KeyHash,
        /// The handler.
        handler: HandlerId,
        /// How it ended.
        settled: Settled,
    },
    /// The event is done.
    Done {
        /// The event.
        hash: KeyHash,
        /// Its topic.
        topic: Arc<str>,
    },
    /// The event is held by others now; this member forgot it without it being done.
    Released {
        /// The event.
        hash: KeyHash,
    },
}

impl Record {
    /// Its kind in one word, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Judged { .. } => "judged",
            Self::HandlerDone { .. } => "handler-done",
            Self::Done { .. } => "done",
            Self::Released { .. } => "released",
        }
    }

    /// Version byte and postcard.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what [`Record::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes)
    }
}
