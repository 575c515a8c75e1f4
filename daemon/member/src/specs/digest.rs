//! Digest of the replicated map: 256 buckets by key, so that a sync moves only what differs.

use rpc::{SpecKey, SpecState};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Buckets of the digest.
pub const BUCKETS: usize = 256;

/// Per bucket the xor of the hashes of (key, state).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    buckets: Box<[u64; BUCKETS]>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]) }
    }
}

impl Digest {
    /// Adds (key, state), or takes it out when it is in.
    pub(crate) fn toggle(&mut self, key: &SpecKey, state: &SpecState) {
        let mut bytes = key_bytes(key);
        let seed = xxh3_64(&bytes);
        bytes.clear();
        bytes.extend_from_slice(&state.stamp.version.to_le_bytes());
        bytes.extend_from_slice(state.stamp.member.as_uuid().as_bytes());
        for past in &state.history {
            bytes.extend_from_slice(&past.stamp.version.to_le_bytes());
            bytes.extend_from_slice(past.stamp.member.as_uuid().as_bytes());
            bytes.push(u8::from(past.file.is_some()));
            bytes.extend_from_slice(&past.file.unwrap_or_default().to_le_bytes());
        }
        if let Some(lost) = &state.lost {
            bytes.extend_from_slice(&lost.version.to_le_bytes());
            bytes.extend_from_slice(lost.member.as_uuid().as_bytes());
        }
        if let Some(value) = &state.value {
            bytes.push(1);
            bytes.extend_from_slice(value.as_bytes());
        }
        self.buckets[usize::from((seed >> 56) as u8)] ^= xxh3_64_with_seed(&bytes, seed);
    }

    /// One number over all buckets.
    pub fn root(&self) -> u64 {
        let mut bytes = Vec::with_capacity(BUCKETS * 8);
        for b in self.buckets.iter() {
            bytes.extend_from_slice(&b.to_le_bytes());
        }
        xxh3_64(&bytes)
    }

    /// The buckets, to be sent when the roots differ.
    pub fn buckets(&self) -> &[u64] {
        self.buckets.as_slice()
    }

    /// Numbers of the buckets that differ from `theirs`; all of them when it has another length.
    pub fn differing(&self, theirs: &[u64]) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|b| theirs.get(usize::from(*b)) != Some(&self.buckets[usize::from(*b)]))
            .collect()
    }
}

/// The bucket of a key.
pub fn bucket_of(key: &SpecKey) -> u8 {
    (xxh3_64(&key_bytes(key)) >> 56) as u8
}

fn key_bytes(key: &SpecKey) -> Vec<u8> {
    let (kind, topic, id): (u8, &str, &str) = match key {
        SpecKey::Handler { topic, id } => (0, topic, id),
        SpecKey::Deletion { topic } => (1, topic, ""),
    };
    let mut bytes = Vec::with_capacity(topic.len() + id.len() + 9);
    bytes.push(kind);
    bytes.extend_from_slice(&(topic.len() as u64).to_le_bytes());
    bytes.extend_from_slice(topic.as_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes
}
