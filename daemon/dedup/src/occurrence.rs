//! Counts repetitions of a key from one source, so that whatever a single Kapacitor sends twice is sent
//! twice. In memory and bounded: the oldest counts are forgotten first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::Time;

use crate::key::{Key, KeyHash, hash_fields};

/// The counter of one member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Occurrences {
    seen: BTreeMap<KeyHash, u32>,
    oldest: VecDeque<KeyHash>,
    limit: usize,
    forgotten: u64,
}

impl Occurrences {
    /// Remembers at most `limit` keys (at least 1).
    pub fn new(limit: usize) -> Self {
        Self { seen: BTreeMap::new(), oldest: VecDeque::new(), limit: limit.max(1), forgotten: 0 }
    }

    /// The key of an event that `source` raises now, with its occurrence.
    pub fn key(
        &mut self,
        topic: Arc<str>,
        id: Arc<str>,
        time: Time,
        level: u8,
        source: Arc<str>,
    ) -> Key {
        let base = hash_fields(&topic, &id, time.0, level, &source, 0);
        let occurrence = match self.seen.get_mut(&base) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                if self.oldest.len() >= self.limit
                    && let Some(old) = self.oldest.pop_front()
                {
                    self.seen.remove(&old);
                    self.forgotten += 1;
                }
                self.seen.insert(base, 0);
                self.oldest.push_back(base);
                0
            }
        };
        Key { topic, id, time, level, source, occurrence }
    }

    /// Keys forgotten at the bound.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
