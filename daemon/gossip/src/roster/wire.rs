//! The roster as bytes, for the disk and for RPC: a version byte, then postcard.

use model::MemberId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Entry, Roster};
use crate::{PROTOCOL, PROTOCOL_MIN};

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing there.
    #[error("no bytes")]
    Empty,
    /// Written by a newer or much older release.
    #[error("version {0} is not one this release reads")]
    Version(u8),
    /// Cut, or not ours.
    #[error("malformed")]
    Malformed,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    highest: u64,
    entries: Vec<(MemberId, Entry)>,
}

/// Version byte and postcard.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![PROTOCOL]).expect("wire types always serialise")
}

/// The reverse of [`encode`]; refuses trailing bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if !(PROTOCOL_MIN..=PROTOCOL).contains(&version) {
        return Err(DecodeError::Version(version));
    }
    match model::wire::take(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Malformed),
    }
}

impl Roster {
    /// The form that is persisted and pushed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|(id, entry)| (*id, entry.clone())).collect();
        encode(&Stored { highest: self.highest, entries })
    }

    /// Reads [`Roster::to_bytes`]. Entries over a limit are left out.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored: Stored = decode(bytes)?;
        let mut roster = Self::new();
        roster.merge(stored.entries);
        roster.highest = roster.highest.max(stored.highest);
        Ok(roster)
    }
}
