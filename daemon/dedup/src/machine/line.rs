//! Order per event id: a newer event waits, handler by handler, for older ones that this member holds.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Dedup;
use super::entry::{Entry, State};
use crate::config::{Counters, Limits};
use crate::event::HandlerId;
use crate::key::{Key, KeyHash};

/// Place of an event among those of its id: event time, occurrence, then hash.
type Place = (i64, u32, KeyHash);

#[derive(Clone, Debug, Default)]
struct Line {
    pending: BTreeSet<Place>,
    newest_done: Option<i64>,
}

/// The events of each (topic, event id). A clash of two ids' hashes only makes one wait for the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    by_id: BTreeMap<u64, Line>,
}

fn line_id(key: &Key) -> u64 {
    xxh3_64_with_seed(key.id.as_bytes(), xxh3_64_with_seed(key.topic.as_bytes(), 0))
}

fn place(key: &Key, hash: KeyHash) -> Place {
    (key.time.0, key.occurrence, hash)
}

impl Lines {
    /// Adds an event; true if a newer one of its id is done.
    pub(super) fn add(&mut self, key: &Key, hash: KeyHash) -> bool {
        let line = self.by_id.entry(line_id(key)).or_default();
        line.pending.insert(place(key, hash));
        line.newest_done.is_some_and(|newest| newest > key.time.0)
    }

    /// Removes an event that is done, released or handed over.
    pub(super) fn remove(
        &mut self,
        key: &Key,
        hash: KeyHash,
        done: bool,
        limits: &Limits,
        counters: &mut Counters,
    ) {
        let id = line_id(key);
        let full = self.by_id.len() > limits.ids;
        let Some(line) = self.by_id.get_mut(&id) else { return };
        line.pending.remove(&place(key, hash));
        if done {
            line.newest_done = line.newest_done.max(Some(key.time.0));
        }
        if line.pending.is_empty() && (full || line.newest_done.is_none()) {
            counters.ids_overflow += u64::from(full);
            self.by_id.remove(&id);
        }
    }

    fn older(&self, key: &Key, hash: KeyHash) -> impl DoubleEndedIterator<Item = KeyHash> {
        let place = place(key, hash);
        self.by_id
            .get(&line_id(key))
            .into_iter()
            .flat_map(move |line| line.pending.range(..place))
            .map(|place| place.2)
    }

    fn next(&self, key: &Key, hash: KeyHash) -> Option<KeyHash> {
        use std::ops::Bound::{Excluded, Unbounded};
        let line = self.by_id.get(&line_id(key))?;
        line.pending.range((Excluded(place(key, hash)), Unbounded)).next().map(|place| place.2)
    }
}

impl Dedup {
    /// Whether an older event of the id, held here, is not finished for `handler`.
    pub(super) fn is_blocked(&self, entry: &Entry, handler: &str) -> bool {
        self.core
            .lines
            .older(&entry.event.key, entry.event.hash)
            .rev()
            .filter_map(|hash| self.entries.get(&hash))
            .any(|older| older.blocks(handler))
    }

    /// Something happened to an event of this key: newer ones of its id may go on. `handlers`: what has
    /// ended for it; empty = it was merely judged.
    pub(super) fn wake_line(&mut self, key: &Key, hash: KeyHash, handlers: &[HandlerId]) {
        let mut next = self.core.lines.next(key, hash);
        while let Some(hash) = next {
            let Some(entry) = self.entries.get(&hash) else { return };
            let event = entry.event.clone();
            match entry.state {
                State::Blocked => self.due(hash),
                State::Acting { stopping: false, .. } => self.start_free(hash),
                _ => {}
            }
            let stops = |entry: &Entry| {
                entry.judged.is_none()
                    || (!handlers.is_empty() && handlers.iter().all(|h| entry.blocks(h)))
            };
            if self.entries.get(&hash).is_some_and(|entry| stops(entry)) {
                return;
            }
            next = self.core.lines.next(&event.key, hash);
        }
    }
}
