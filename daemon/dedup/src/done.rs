//! The done markers and pending keys of each topic, their digests, and the owners cached beside them.
//!
//! Topics never mix: a marker of one topic is invisible to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::MemberId;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::key::KeyHash;
use crate::prefix::Prefix;

/// Count and xor of a set of key hashes: equal sets have equal digests, whatever their history.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Digest {
    /// How many keys.
    pub count: u32,
    /// Xor of their hashes.
    pub xor: u128,
}

impl Digest {
    pub(crate) fn add(&mut self, hash: KeyHash) {
        self.count = self.count.wrapping_add(1);
        self.xor ^= hash.0;
    }

    pub(crate) fn remove(&mut self, hash: KeyHash) {
        self.count = self.count.wrapping_sub(1);
        self.xor ^= hash.0;
    }
}

/// Topics are compared in so many groups, by the first byte of the hash of their names.
pub(crate) const GROUPS: usize = 256;

/// The group of a topic.
pub(crate) fn group_of(topic: &str) -> u8 {
    (xxh3_64(topic.as_bytes()) >> 56) as u8
}

/// What is known of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    /// Done markers with the second of their insertion.
    pub(crate) done: BTreeMap<KeyHash, u32>,
    pub(crate) pending: BTreeSet<KeyHash>,
    pub(crate) done_digest: Digest,
    pub(crate) pending_digest: Digest,
    /// For an inline topic: who runs its task.
    pub(crate) runners: Option<Vec<MemberId>>,
    /// Owners, with the number of the view they were computed in.
    pub(crate) owners: Option<(u64, Arc<[MemberId]>)>,
}

impl Topic {
    pub(crate) fn is_idle(&self) -> bool {
        self.has_no_keys() && self.runners.is_none()
    }

    /// Whether there is nothing to compare.
    pub(crate) fn has_no_keys(&self) -> bool {
        self.done.is_empty() && self.pending.is_empty()
    }
}

/// All topics, and the order in which markers expire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Topics {
    pub(crate) by_name: BTreeMap<Arc<str>, Topic>,
    expiry: BTreeMap<u32, Vec<(Arc<str>, KeyHash)>>,
    done_count: usize,
}

impl Topics {
    pub(crate) fn is_done(&self, topic: &str, hash: KeyHash) -> bool {
        self.by_name.get(topic).is_some_and(|t| t.done.contains_key(&hash))
    }

    pub(crate) fn done_count(&self) -> usize {
        self.done_count
    }

    pub(crate) fn topic_mut(&mut self, name: &Arc<str>) -> &mut Topic {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.clone(), Topic::default());
        }
        self.by_name.get_mut(name).expect("inserted above")
    }

    pub(crate) fn add_pending(&mut self, name: &Arc<str>, hash: KeyHash) {
        let topic = self.topic_mut(name);
        if topic.pending.insert(hash) {
            topic.pending_digest.add(hash);
        }
    }

    pub(crate) fn remove_pending(&mut self, name: &str, hash: KeyHash) {
        if let Some(topic) = self.by_name.get_mut(name)
            && topic.pending.remove(&hash)
        {
            topic.pending_digest.remove(hash);
        }
    }

    /// Adds a marker of age `age`; false if it was there.
    pub(crate) fn add_done(
        &mut self,
        name: &Arc<str>,
        hash: KeyHash,
        now: Duration,
        age: Duration,
    ) -> bool {
        let second = now.saturating_sub(age).as_secs() as u32;
        let topic = self.topic_mut(name);
        if topic.done.contains_key(&hash) {
            return false;
        }
        topic.done.insert(hash, second);
        topic.done_digest.add(hash);
        self.expiry.entry(second).or_default().push((name.clone(), hash));
        self.done_count += 1;
        true
    }

    /// When the oldest marker was inserted.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.expiry.keys().next().map(|second| Duration::from_secs(u64::from(*second)))
    }

    /// A restart begins every age anew, at `now`.
    pub(crate) fn age_from(&mut self, now: Duration) {
        let second = now.as_secs() as u32;
        let all = std::mem::take(&mut self.expiry).into_values().flatten().collect();
        for topic in self.by_name.values_mut() {
            topic.done.values_mut().for_each(|inserted| *inserted = second);
        }
        self.expiry.insert(second, all);
    }

    /// Drops one of the oldest markers.
    pub(crate) fn drop_oldest(&mut self) {
        let Some(mut first) = self.expiry.first_entry() else { return };
        let dropped = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        if let Some((name, hash)) = dropped
            && let Some(topic) = self.by_name.get_mut(&name)
            && topic.done.remove(&hash).is_some()
        {
            topic.done_digest.remove(hash);
            self.done_count -= 1;
        }
    }

    /// One number over the digests of each group of topics.
    pub(crate) fn groups(&self) -> [u64; GROUPS] {
        let mut groups = [0; GROUPS];
        for (name, topic) in self.by_name.iter().filter(|(_, topic)| !topic.has_no_keys()) {
            let mut hasher = Xxh3::new();
            hasher.update(name.as_bytes());
            for digest in [topic.done_digest, topic.pending_digest] {
                hasher.update(&digest.count.to_le_bytes());
                hasher.update(&digest.xor.to_le_bytes());
            }
            groups[usize::from(group_of(name))] ^= hasher.digest();
        }
        groups
    }

    /// Digests of done markers and pending events under a prefix.
    pub(crate) fn bucket(&self, topic: &str, prefix: Prefix) -> (Digest, Digest) {
        let mut done = Digest::default();
        let mut pending = Digest::default();
        if let Some(topic) = self.by_name.get(topic) {
            for (hash, _) in topic.done.range(prefix.range()) {
                done.add(*hash);
            }
            for hash in topic.pending.range(prefix.range()) {
                pending.add(*hash);
            }
        }
        (done, pending)
    }

    /// Forgets topics of which nothing is known.
    pub(crate) fn drop_idle(&mut self) {
        self.by_name.retain(|_, topic| !topic.is_idle());
    }
}
