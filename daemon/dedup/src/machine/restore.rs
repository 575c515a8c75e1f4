//! From the journal back to work: what was held is held, what was claimed is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Dedup;
use super::core::Timer;
use super::entry::{Entry, State};
use crate::event::Event;
use crate::key::KeyHash;
use crate::port::Position;
use crate::record::Record;

impl Dedup {
    /// Reads the records in the order written. Nothing is timed yet: the clock starts with the first
    /// input.
    pub(super) fn restore(&mut self, records: Vec<Record>) {
        let mut held: BTreeMap<KeyHash, Entry> = BTreeMap::new();
        for record in records {
            match record {
                Record::Pending { key, body, raised, cold } => {
                    let event: Arc<Event> = Event::new(key, body);
                    let entry = held
                        .entry(event.hash)
                        .or_insert_with(|| Entry::new(event, Position::NONE, Duration::ZERO));
                    entry.raised |= raised;
                    entry.cold = cold;
                }
                Record::Judged { hash, handlers } => {
                    if let Some(entry) = held.get_mut(&hash) {
                        entry.judged = Some(handlers);
                    }
                }
                Record::HandlerDone { hash, handler, .. } => {
                    if let Some(entry) = held.get_mut(&hash)
                        && !entry.is_finished(&handler)
                    {
                        entry.finished.push(handler);
                    }
                }
                Record::Done { hash, topic } => {
                    held.remove(&hash);
                    let now = self.core.now;
                    self.core.topics.add_done(&topic, hash, now, Duration::ZERO);
                    while self.core.topics.done_count() > self.core.config.limits.done.max(1) {
                        self.core.topics.drop_oldest();
                        self.core.counters.done_overflow += 1;
                    }
                }
                Record::Released { hash } => {
                    held.remove(&hash);
                }
            }
        }
        self.paused = held.len();
        for (_, mut entry) in held {
            entry.state = State::Paused;
            entry.taken_over = true;
            self.insert(entry);
        }
    }

    /// The first input starts the bounded wait of restored events and the age of restored markers.
    pub(super) fn start_clock(&mut self) {
        if self.core.started {
            return;
        }
        self.core.started = true;
        let now = self.core.now;
        for entry in self.entries.values_mut() {
            entry.received = now;
        }
        if !self.resumed {
            self.core.timers.insert((now + self.core.config.ready_wait, Timer::Resume));
        }
        if self.core.topics.done_count() > 0 {
            self.core.topics.age_from(now);
            self.core.expiring = true;
            self.core.timers.insert((now + self.core.config.horizon, Timer::Expire));
        }
    }

    /// Restored events go on, one place further back in the line: others may have taken them over.
    pub(super) fn resume(&mut self) {
        if self.resumed {
            return;
        }
        self.resumed = true;
        self.core.timers.retain(|(_, timer)| *timer != Timer::Resume);
        if self.paused == 0 {
            return;
        }
        self.paused = 0;
        let hashes: Vec<KeyHash> = self.entries.keys().copied().collect();
        for hash in hashes {
            let me = self.core.me();
            let alone = self.core.is_alone();
            let Some(entry) = self.entries.get_mut(&hash) else { continue };
            if entry.state != State::Paused {
                continue;
            }
            let owners = self.core.owners(&entry.event.key.topic);
            let place = owners.iter().position(|id| *id == me);
            entry.owned |= place.is_some();
            entry.rank = place.unwrap_or(owners.len()) as u32;
            entry.hear(me, &owners);
            if alone {
                self.due(hash);
                continue;
            }
            let rank = entry.rank;
            let due = self.core.now + self.restart_wait(rank);
            if let Some(entry) = self.entries.get_mut(&hash) {
                entry.state = State::Waiting { due };
                self.core.set_timer(entry, Some(due));
            }
        }
    }
}
