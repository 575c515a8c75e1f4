//! An event as this room sees it: a key and an opaque body.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::{Key, KeyHash};

/// Name of a handler within its topic; what it does is no business of this room.
pub type HandlerId = Arc<str>;

/// The event as the alert room wrote it; shared, never copied, never read here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Body(Arc<[u8]>);

impl Body {
    /// Shares the bytes.
    pub fn as_arc(&self) -> &Arc<[u8]> {
        &self.0
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Body {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Body, E> {
        Ok(Body(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Body, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Body(bytes.into()))
    }
}

/// An alert event with the hash of its key computed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What makes it equal to an event of another member.
    pub key: Key,
    /// Hash of `key`.
    pub hash: KeyHash,
    /// The event itself, opaque.
    pub body: Body,
}

impl Event {
    /// An event; hashes the key.
    pub fn new(key: Key, body: impl Into<Body>) -> Arc<Self> {
        Arc::new(Self { hash: key.hash(), key, body: body.into() })
    }
}
