//! The replicated map of handler specs and topic deletions: last writer wins, by version and member.
//!
//! A write gets the highest version seen anywhere plus one, so it beats all its writer knew; of two
//! concurrent writes the one with the higher stamp holds everywhere, and every member names the other
//! one as a [`Conflict`] until somebody writes the key again: the latest write that lost is part of
//! the state, a function of the holding write and of all that were seen. No wall clock decides
//! anything. Merging is commutative, associative and idempotent (property tests below). A deletion
//! leaves a tombstone for at least [`TOMBSTONE_AGE`] and until every roster member has shown that it
//! knows it.

mod digest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{MemberId, Str, Time};
use rpc::{Past, SpecKey, SpecState, Stamp};
use xxhash_rust::xxh3::xxh3_64;

pub use digest::{BUCKETS, Digest, bucket_of};

/// How long a tombstone is kept at least.
pub const TOMBSTONE_AGE: Duration = Duration::from_hours(24);
/// Writes remembered per key: bounds how far back a concurrent edit is noticed.
pub const HISTORY: usize = 16;
/// Keys the map holds at most, tombstones included.
pub const MAX_KEYS: usize = 200_000;
/// Bytes a spec's text has at most.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Versions above this are refused: no honest cluster writes that often.
pub const MAX_VERSION: u64 = 1 << 60;
/// Conflicts shown.
pub const MAX_CONFLICTS: usize = 100;

/// A write that lost against a concurrent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What both wrote.
    pub key: SpecKey,
    /// The write that holds.
    pub winner: Stamp,
    /// The write that does not.
    pub loser: Stamp,
    /// What the loser wanted.
    pub lost: Lost,
}

/// What a write that lost had wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// That the key has no value.
    Deletion,
    /// This value: the write has held here.
    Value(Str),
    /// A value that this member never had.
    Elsewhere,
}

impl Lost {
    /// The value, where it is known.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Deletion | Self::Elsewhere => None,
        }
    }
}

/// Why the map refused a write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The map holds [`MAX_KEYS`] keys.
    #[error("too many handlers: the limit is {MAX_KEYS}, deleted ones of the last day included")]
    Full,
    /// The text exceeds [`MAX_VALUE_BYTES`].
    #[error("the handler's spec has {0} bytes, the limit is {MAX_VALUE_BYTES}")]
    TooLarge(usize),
    /// A peer sent a version above [`MAX_VERSION`].
    #[error("version {0} is not credible")]
    Version(u64),
}

/// What changed by a merge.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Merged {
    /// Keys whose state changed here; persist them.
    pub changed: Vec<SpecKey>,
    /// Of these the keys whose holding write changed; apply them.
    pub applied: Vec<SpecKey>,
    /// Concurrent edits that this member did not know of.
    pub conflicts: Vec<Conflict>,
    /// States that were not taken.
    pub refused: Vec<(SpecKey, Refused)>,
}

/// Tells whether a file is to be loaded as a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileVerdict {
    /// Write it.
    Load,
    /// The key holds this very file.
    Current,
    /// A later write replaced this file: it stays replaced.
    Replaced,
}

#[derive(Clone, Debug)]
struct Slot {
    state: SpecState,
    /// When the holding write came here; a tombstone's age counts from it.
    since: Duration,
    /// The value of the write that lost, where that has held here.
    lost: Option<Str>,
}

/// The map. Getters read; [`Specs::write`] and [`Specs::merge`] change; the caller persists what
/// they name ([`Specs::state`]) and gives it back through [`Specs::restore`] at start.
#[derive(Clone, Debug)]
pub struct Specs {
    me: MemberId,
    slots: BTreeMap<SpecKey, Slot>,
    highest: u64,
    digest: Digest,
    /// Digests that roster members were last seen to hold, while tombstones wait.
    acked: BTreeMap<MemberId, u64>,
}

impl Specs {
    /// An empty map of member `me`.
    pub fn new(me: MemberId) -> Self {
        Self {
            me,
            slots: BTreeMap::new(),
            highest: 0,
            digest: Digest::default(),
            acked: BTreeMap::new(),
        }
    }

    /// Takes a persisted state at start; ages count from `now`.
    pub fn restore(&mut self, now: Duration, key: SpecKey, state: SpecState) {
        self.highest = self.highest.max(state.stamp.version.min(MAX_VERSION));
        self.put(now, key, state, None);
    }

    /// Entries, tombstones included.
    pub fn entries(&self) -> usize {
        self.slots.len()
    }

    /// The highest version seen; to be persisted, as a forgotten tombstone may have had it.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes the persisted [`Specs::highest`] at start.
    pub fn restore_highest(&mut self, version: u64) {
        self.highest = self.highest.max(version.min(MAX_VERSION));
    }

    /// Writes `value` (`None` deletes) under `key`; returns the stamp. `file` is the hash of the file
    /// it came from. Deleting what is not there still leaves a tombstone.
    pub fn write(
        &mut self,
        now: Duration,
        wall: Time,
        key: SpecKey,
        value: Option<Str>,
        file: Option<u64>,
    ) -> Result<Stamp, Refused> {
        if let Some(v) = &value
            && v.len() > MAX_VALUE_BYTES
        {
            return Err(Refused::TooLarge(v.len()));
        }
        if self.slots.len() >= MAX_KEYS && !self.slots.contains_key(&key) {
            return Err(Refused::Full);
        }
        if self.highest >= MAX_VERSION {
            return Err(Refused::Version(self.highest));
        }
        self.highest += 1;
        let stamp = Stamp { version: self.highest, member: self.me };
        let mut history = self.slots.get(&key).map_or_else(Vec::new, |s| s.state.history.clone());
        remember(&mut history, Past { stamp, file, value: hash(value.as_ref()) });
        let state = SpecState { stamp, value, written: wall.0, history, lost: None };
        self.put(now, key, state, None);
        Ok(stamp)
    }

    /// Merges states of a peer. What is equal or older changes nothing.
    pub fn merge(
        &mut self,
        now: Duration,
        states: impl IntoIterator<Item = (SpecKey, SpecState)>,
    ) -> Merged {
        let mut merged = Merged::default();
        for (key, state) in states {
            if let Err(why) = self.merge_one(now, &key, state, &mut merged) {
                merged.refused.push((key, why));
            }
        }
        merged
    }

    fn merge_one(
        &mut self,
        now: Duration,
        key: &SpecKey,
        mut theirs: SpecState,
        merged: &mut Merged,
    ) -> Result<(), Refused> {
        normalise(&mut theirs);
        let newest = theirs.history.first().map_or(0, |p| p.stamp.version);
        if newest > MAX_VERSION {
            return Err(Refused::Version(newest));
        }
        if let Some(v) = &theirs.value
            && v.len() > MAX_VALUE_BYTES
        {
            return Err(Refused::TooLarge(v.len()));
        }
        let Some(slot) = self.slots.get(key) else {
            if self.slots.len() >= MAX_KEYS {
                return Err(Refused::Full);
            }
            self.highest = self.highest.max(newest);
            merged.changed.push(key.clone());
            merged.applied.push(key.clone());
            self.put(now, key.clone(), theirs, None);
            merged.conflicts.extend(self.conflict(key));
            return Ok(());
        };
        self.highest = self.highest.max(newest);
        let ours = &slot.state;
        if *ours == theirs {
            return Ok(());
        }
        let wins = holds_over(&theirs, ours);
        let (winner, loser) = if wins { (&theirs, ours) } else { (ours, &theirs) };
        let joined = join(winner, loser);
        if joined != *ours {
            let since = if wins { now } else { slot.since };
            let before = (ours.stamp, ours.lost);
            let value = [(ours.lost, &slot.lost), (Some(loser.stamp), &loser.value)]
                .into_iter()
                .find_map(|(stamp, value)| value.clone().filter(|_| stamp == joined.lost));
            let news = (joined.stamp, joined.lost) != before;
            merged.changed.push(key.clone());
            if wins {
                merged.applied.push(key.clone());
            }
            self.put(since, key.clone(), joined, value);
            if news {
                merged.conflicts.extend(self.conflict(key));
            }
        }
        Ok(())
    }

    fn put(&mut self, since: Duration, key: SpecKey, mut state: SpecState, lost: Option<Str>) {
        normalise(&mut state);
        if let Some(old) = self.slots.get(&key) {
            self.digest.toggle(&key, &old.state);
        }
        self.digest.toggle(&key, &state);
        self.slots.insert(key, Slot { state, since, lost });
    }

    /// What a file with hash `file` means for `key`.
    pub fn file_verdict(&self, key: &SpecKey, file: u64) -> FileVerdict {
        let Some(slot) = self.slots.get(key) else {
            return FileVerdict::Load;
        };
        let mut known = slot.state.history.iter().filter(|p| p.file == Some(file));
        match known.next() {
            None => FileVerdict::Load,
            Some(p) if p.stamp == slot.state.stamp => FileVerdict::Current,
            Some(_) => FileVerdict::Replaced,
        }
    }

    /// The state under `key`, tombstones included.
    pub fn state(&self, key: &SpecKey) -> Option<&SpecState> {
        self.slots.get(key).map(|s| &s.state)
    }

    /// The value under `key`.
    pub fn value(&self, key: &SpecKey) -> Option<&Str> {
        self.slots.get(key).and_then(|s| s.state.value.as_ref())
    }

    /// Keys whose value holds against a write that its writer did not know, in order.
    pub fn conflicts(&self) -> impl Iterator<Item = Conflict> {
        self.slots.keys().filter_map(|key| self.conflict(key))
    }

    fn conflict(&self, key: &SpecKey) -> Option<Conflict> {
        let Slot { state, lost: value, .. } = self.slots.get(key)?;
        let loser = state.lost?;
        let deleted = |past: &Past| past.stamp == loser && past.value == DELETION;
        let lost = match value {
            Some(value) => Lost::Value(value.clone()),
            None if state.history.iter().any(deleted) => Lost::Deletion,
            None => Lost::Elsewhere,
        };
        Some(Conflict { key: key.clone(), winner: state.stamp, loser, lost })
    }

    /// All keys with their states, tombstones included, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&SpecKey, &SpecState)> {
        self.slots.iter().map(|(k, s)| (k, &s.state))
    }

    /// Number of handlers that hold.
    pub fn handler_count(&self) -> usize {
        self.iter().filter(|(_, state)| state.value.is_some()).count()
    }

    /// States of the keys in `buckets`, as a peer needs them whose digest differs there.
    pub fn in_buckets(&self, buckets: &BTreeSet<u8>) -> Vec<(SpecKey, SpecState)> {
        self.iter()
            .filter(|(k, _)| buckets.contains(&bucket_of(k)))
            .map(|(k, s)| (k.clone(), s.clone()))
            .collect()
    }

    /// Digest of everything, by bucket.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The latest deletion of `topic`; event states born under an older one are void.
    pub fn deletion(&self, topic: &Str) -> Option<Stamp> {
        self.state(&SpecKey::Deletion { topic: topic.clone() }).map(|s| s.stamp)
    }

    /// Drops everything: a removed member forgets the specs of its cluster.
    pub fn clear(&mut self) -> Vec<SpecKey> {
        self.digest = Digest::default();
        self.acked.clear();
        std::mem::take(&mut self.slots).into_keys().collect()
    }

    /// Notes that `peer` showed this root digest of its own map.
    pub fn note_peer_root(&mut self, peer: MemberId, root: u64) {
        self.acked.insert(peer, root);
    }

    /// Forgets tombstones that are old enough and that every member of `roster` has shown to know
    /// (its digest equals ours). Those of files stay, or the file would come back. Returns the
    /// forgotten keys; delete them on disk.
    pub fn collect_tombstones(
        &mut self,
        now: Duration,
        roster: &BTreeSet<MemberId>,
    ) -> Vec<SpecKey> {
        let root = self.digest.root();
        self.acked.retain(|id, _| roster.contains(id));
        let all_equal =
            roster.iter().filter(|id| **id != self.me).all(|id| self.acked.get(id) == Some(&root));
        if !all_equal {
            return Vec::new();
        }
        let old: Vec<SpecKey> = self
            .slots
            .iter()
            .filter(|(k, s)| {
                matches!(k, SpecKey::Handler { .. })
                    && s.state.value.is_none()
                    && now.saturating_sub(s.since) >= TOMBSTONE_AGE
                    && s.state.history.iter().all(|p| p.file.is_none())
            })
            .map(|(k, _)| k.clone())
            .collect();
        for key in &old {
            if let Some(slot) = self.slots.remove(key) {
                self.digest.toggle(key, &slot.state);
            }
        }
        old
    }
}

/// Whether `a` holds against `b`. Equal stamps mean the same write; the value breaks a tie that only a
/// damaged peer can make, so that even then all members agree.
fn holds_over(a: &SpecState, b: &SpecState) -> bool {
    (a.stamp, &a.value, a.written) > (b.stamp, &b.value, b.written)
}

/// Adds a write to a history: newest first, [`HISTORY`] at most. Keeping the newest K of a union is
/// what makes merging associative.
fn remember(history: &mut Vec<Past>, past: Past) {
    if let Err(at) = history.binary_search_by(|p| past.cmp(p)) {
        history.insert(at, past);
        history.truncate(HISTORY);
    }
}

/// Sorts what came from outside and makes sure the holding write is in its own history.
fn normalise(state: &mut SpecState) {
    if !state.history.is_sorted_by(|a, b| a > b) {
        state.history.sort_unstable_by(|a, b| b.cmp(a));
        state.history.dedup();
    }
    state.history.retain(|p| p.stamp <= state.stamp);
    if !state.history.iter().any(|p| p.stamp == state.stamp) {
        let value = hash(state.value.as_ref());
        remember(&mut state.history, Past { stamp: state.stamp, file: None, value });
    }
    state.history.truncate(HISTORY);
    state.lost = state.lost.filter(|lost| *lost < state.stamp);
}

/// The winner with what the loser had seen. A write that the loser has in its history and the winner
/// has not was unknown to the writer of what holds, unless it is older than all that the winner
/// remembers; so the latest write that lost is the same in whatever order states are merged.
fn join(winner: &SpecState, loser: &SpecState) -> SpecState {
    let mut joined = winner.clone();
    if winner.stamp == loser.stamp {
        joined.lost = joined.lost.max(loser.lost);
    }
    let known = |past: &Past| winner.history.iter().any(|p| p.stamp == past.stamp);
    let full = winner.history.len() == HISTORY;
    let forgotten = |past: &Past| full && winner.history.last().is_some_and(|p| past < p);
    let value = hash(winner.value.as_ref());
    for past in &loser.history {
        if past.value != value && !known(past) && !forgotten(past) {
            joined.lost = joined.lost.max(Some(past.stamp));
        }
        remember(&mut joined.history, *past);
    }
    joined
}

/// [`Past::value`] of a deletion.
const DELETION: u64 = 0;

/// [`Past::value`].
fn hash(value: Option<&Str>) -> u64 {
    value.map_or(DELETION, |text| xxh3_64(text.as_bytes()).max(DELETION + 1))
}
