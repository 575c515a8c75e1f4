//! An index over the event states of all topics, with digests, so that members can compare them.
//!
//! OK states count in no digest: they may be forgotten. They still answer for themselves when a peer
//! has an older state that is not OK.

use std::collections::BTreeMap;

use alert::{Body, Level, State};
use model::{Duration, Str, Time};
use rpc::{StateKey, StateMark};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Buckets of the digest.
pub(crate) const BUCKETS: usize = 256;

/// The index.
#[derive(Debug)]
pub(crate) struct States {
    slots: BTreeMap<StateKey, Slot>,
    buckets: Box<[u64; BUCKETS]>,
}

/// What is known of one event id.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) topic: Str,
    pub(crate) id: Str,
    pub(crate) mark: StateMark,
}

impl Default for States {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), buckets: Box::new([0; BUCKETS]) }
    }
}

impl States {
    /// Notes the last state of an event id.
    pub(crate) fn put(&mut self, topic: &Str, id: &Str, mark: StateMark) {
        let key = key_of(topic, id);
        let bucket = &mut self.buckets[bucket_of(key)];
        *bucket ^= weight(key, mark);
        match self.slots.get_mut(&key) {
            Some(slot) => {
                *bucket ^= weight(key, slot.mark);
                slot.mark = mark;
            }
            None => {
                self.slots.insert(key, Slot { topic: topic.clone(), id: id.clone(), mark });
            }
        }
    }

    /// Forgets all states of a topic.
    pub(crate) fn drop_topic(&mut self, topic: &str) {
        let keys: Vec<StateKey> =
            self.slots.iter().filter(|(_, s)| &*s.topic == topic).map(|(k, _)| *k).collect();
        for key in keys {
            if let Some(slot) = self.slots.remove(&key) {
                self.buckets[bucket_of(key)] ^= weight(key, slot.mark);
            }
        }
    }

    pub(crate) fn get(&self, key: StateKey) -> Option<&Slot> {
        self.slots.get(&key)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The bucket digests.
    pub(crate) fn buckets(&self) -> &[u64] {
        self.buckets.as_slice()
    }

    /// One number over all.
    pub(crate) fn root(&self) -> u64 {
        let mut bytes = Vec::with_capacity(BUCKETS * 8);
        for b in self.buckets.iter() {
            bytes.extend_from_slice(&b.to_le_bytes());
        }
        xxh3_64(&bytes)
    }

    /// Keys and marks of what is not OK in buckets that differ from `theirs`, after `after`, at
    /// most `limit`; and where to go on.
    pub(crate) fn differing(
        &self,
        theirs: &[u64],
        after: Option<StateKey>,
        limit: usize,
    ) -> (Vec<(StateKey, StateMark)>, Option<StateKey>) {
        let from = after.map_or(Some(0), |k| k.checked_add(1));
        let Some(from) = from else { return (Vec::new(), None) };
        let mut found = Vec::new();
        for (key, slot) in self.slots.range(from..) {
            let bucket = bucket_of(*key);
            if slot.mark.level == Level::Ok || theirs.get(bucket) == Some(&self.buckets[bucket]) {
                continue;
            }
            if found.len() >= limit {
                let last = found.last().map(|(k, _)| *k);
                return (found, last);
            }
            found.push((*key, slot.mark));
        }
        (found, None)
    }
}

/// The key of an event id in a topic.
pub(crate) fn key_of(topic: &str, id: &str) -> StateKey {
    xxh3_64_with_seed(id.as_bytes(), xxh3_64(topic.as_bytes()))
}

/// The bucket of a key: its first byte, so that buckets are ranges.
pub(crate) fn bucket_of(key: StateKey) -> usize {
    (key >> 56) as usize
}

/// What tells a state from others of its event id.
pub(crate) fn mark(time: Time, level: Level, duration: Duration, message: &str) -> StateMark {
    if level == Level::Ok {
        return StateMark { time, level, duration: Duration(0), message: 0 };
    }
    StateMark { time, level, duration, message: xxh3_64(message.as_bytes()) }
}

/// [`mark`] of what is shown.
pub(crate) fn mark_of(state: &State) -> StateMark {
    mark(state.time, state.level, state.duration, &state.message)
}

/// [`mark`] of what is raised.
pub(crate) fn mark_of_event(body: &Body) -> StateMark {
    mark(body.time, body.level, body.duration, &body.message)
}

fn weight(key: StateKey, mark: StateMark) -> u64 {
    if mark.level == Level::Ok {
        return 0;
    }
    let mut bytes = [0u8; 25];
    bytes[..8].copy_from_slice(&mark.time.0.to_le_bytes());
    bytes[8..16].copy_from_slice(&mark.duration.0.to_le_bytes());
    bytes[16..24].copy_from_slice(&mark.message.to_le_bytes());
    bytes[24] = mark.level.number();
    xxh3_64_with_seed(&bytes, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64, level: Level) -> StateMark {
        mark(Time(time), level, Duration(0), "")
    }

    #[test]
    fn equal_states_have_equal_digests_whatever_their_history_and_ok_counts_nothing() {
        let (mut a, mut b) = (States::default(), States::default());
        let (t, x, y): (Str, Str, Str) = ("t".into(), "x".into(), "y".into());
        a.put(&t, &x, at(1, Level::Info));
        a.put(&t, &x, at(2, Level::Critical));
        b.put(&t, &y, at(9, Level::Ok));
        b.put(&t, &x, at(2, Level::Critical));
        assert_eq!(a.root(), b.root());
        assert!(a.differing(b.buckets(), None, 10).0.is_empty());
        a.put(&t, &x, at(3, Level::Ok));
        assert_eq!(a.root(), States::default().root());
        b.drop_topic("t");
        assert_eq!(b.root(), States::default().root());
        assert_eq!(b.len(), 0);
    }

    #[test]
    fn pages_go_on_where_they_ended() {
        let mut a = States::default();
        for n in 0..100 {
            a.put(&"t".into(), &format!("id{n}").into(), at(n, Level::Warning));
        }
        let mut seen = 0;
        let mut after = None;
        loop {
            let (page, next) = a.differing(&[], after, 7);
            seen += page.len();
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 100);
    }
}
