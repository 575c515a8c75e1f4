//! The key of an event: what members must agree on to call two events equal.
//!
//! Message, details, duration, previous level and producing member are never part of it, since
//! members differ in them.

use std::fmt;
use std::sync::Arc;

use model::Time;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// Level byte of a key that leaves the level out (summaries of `aggregate`).
pub const NO_LEVEL: u8 = u8::MAX;

/// Keys up to this many bytes are hashed on the stack.
const STACK_BYTES: usize = 512;

/// Identity of an alert event over all members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Topic the event goes to.
    pub topic: Arc<str>,
    /// Event id within the topic.
    pub id: Arc<str>,
    /// Event time, nanoseconds since 1970.
    pub time: Time,
    /// Alert level as a number (0 OK … 3 CRITICAL), or [`NO_LEVEL`].
    pub level: u8,
    /// Task and alert node that raised the event, with the replay's id where there is one.
    pub source: Arc<str>,
    /// How often the source raised an equal key before (see [`crate::Occurrences`]).
    pub occurrence: u32,
}

impl Key {
    /// xxh3-128 over the length-prefixed fields (little endian). Golden-tested, fixed for ever.
    pub fn hash(&self) -> KeyHash {
        hash_fields(&self.topic, &self.id, self.time.0, self.level, &self.source, self.occurrence)
    }
}

/// Hash of the fields of a key; see [`Key::hash`].
pub(crate) fn hash_fields(
    topic: &str,
    id: &str,
    time: i64,
    level: u8,
    source: &str,
    occurrence: u32,
) -> KeyHash {
    let size = topic.len() + id.len() + source.len() + 3 * 4 + 8 + 1 + 4;
    let write = |mut out: &mut [u8]| {
        let mut put = |bytes: &[u8]| {
            let (head, tail) = std::mem::take(&mut out).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            out = tail;
        };
        put(&(topic.len() as u32).to_le_bytes());
        put(topic.as_bytes());
        put(&(id.len() as u32).to_le_bytes());
        put(id.as_bytes());
        put(&time.to_le_bytes());
        put(&[level]);
        put(&(source.len() as u32).to_le_bytes());
        put(source.as_bytes());
        put(&occurrence.to_le_bytes());
    };
    if size <= STACK_BYTES {
        let mut buffer = [0u8; STACK_BYTES];
        write(&mut buffer[..size]);
        KeyHash(xxh3_128(&buffer[..size]))
    } else {
        let mut buffer = vec![0u8; size];
        write(&mut buffer);
        KeyHash(xxh3_128(&buffer))
    }
}

/// 128-bit hash of a [`Key`]: its name on the wire and in every map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyHash(pub u128);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
