//! From its turn to its end: judging, starting handlers, renewing the claim, handing it on, done.

use std::sync::Arc;
use std::time::Duration;

use super::Dedup;
use super::entry::State;
use super::outbox::{Item, Rest};
use crate::event::HandlerId;
use crate::key::KeyHash;
use crate::message::{Message, Outcome, Settled};
use crate::port::Output;
use crate::record::Record;

/// Why an event is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// This member finished the last handler.
    Here,
    /// A peer told.
    Elsewhere,
}

impl Dedup {
    /// The turn of the event has come, or what it was blocked by has moved.
    pub(super) fn due(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        self.core.set_timer(entry, None);
        entry.state = State::Blocked;
        if self.leaving.is_some() {
            return;
        }
        if entry.cold && !entry.warmth_known {
            self.ask_warm(hash);
        } else if entry.judged.is_some() {
            self.try_claim(hash);
        } else if !entry.judging {
            entry.judging = true;
            self.core.outputs.push_back(Output::Judge { event: entry.event.clone() });
        }
    }

    pub(super) fn judged(&mut self, hash: KeyHash, handlers: Option<Arc<[HandlerId]>>) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        entry.judging = false;
        if entry.judged.is_none() {
            let Some(handlers) = handlers else {
                if entry.state == State::Blocked {
                    self.wait_a_round(hash);
                }
                return;
            };
            entry.judged = Some(handlers.clone());
            if !entry.others.is_empty() {
                self.core.persist(Record::Judged { hash, handlers });
            }
        }
        let event = entry.event.clone();
        if entry.state == State::Blocked && self.leaving.is_none() {
            self.try_claim(hash);
        }
        self.wake_line(&event.key, hash, &[]);
    }

    /// Waits for one turn of every owner.
    pub(super) fn wait_a_round(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let round = self.core.owners(&entry.event.key.topic).len().max(1) as u32;
        let due = self.core.now + self.core.config.delay_per_member.saturating_mul(round);
        entry.state = State::Waiting { due };
        self.core.set_timer(entry, Some(due));
    }

    /// Claims the event unless older events of its id block every handler that is left.
    fn try_claim(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get(&hash) else { return };
        if !entry.is_complete() {
            let judged = entry.judged.iter().flat_map(|set| set.iter());
            let mut left = judged.filter(|h| !entry.is_finished(h));
            if left.all(|h| self.is_blocked(entry, h)) {
                return;
            }
        }
        self.claim(hash);
    }

    /// The grants are in: the event is this member's.
    pub(super) fn act(&mut self, hash: KeyHash) {
        self.asking.remove(&hash);
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let now = self.core.now;
        entry.state = State::Acting { since: now, stopping: false };
        let watched = entry.audience().next().is_some();
        let renew = watched.then(|| now + self.core.config.delay_per_member / 3);
        self.core.set_timer(entry, renew);
        self.start_free(hash);
    }

    /// Starts the handlers that are left and not blocked by an older event of the id.
    pub(super) fn start_free(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get(&hash) else { return };
        if entry.is_complete() {
            self.finish(hash, End::Here);
            return;
        }
        let Some(judged) = entry.judged.clone() else { return };
        for handler in judged.iter() {
            let Some(entry) = self.entries.get(&hash) else { return };
            if entry.is_finished(handler)
                || entry.is_running(handler)
                || self.is_blocked(entry, handler)
            {
                continue;
            }
            let start = Output::Start {
                event: entry.event.clone(),
                handler: handler.clone(),
                waited: self.core.now.saturating_sub(entry.received),
                after: entry.position,
            };
            self.core.outputs.push_back(start);
            if let Some(entry) = self.entries.get_mut(&hash) {
                entry.running.push(handler.clone());
            }
        }
    }

    /// A third of the lease has passed: renew it, or hand the event on if it was held long enough.
    pub(super) fn renew(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Acting { since, stopping } = entry.state else { return };
        let now = self.core.now;
        let delay = self.core.config.delay_per_member;
        let held = now.saturating_sub(since);
        let successor = entry.others.iter().any(|o| o.listed && self.core.is_alive(o.id));
        if !stopping
            && successor
            && held >= delay.saturating_mul(self.core.config.hold_delays.max(1))
        {
            self.stop(hash);
            return;
        }
        for other in entry.audience() {
            if !self.core.is_removed(other.id) {
                let renew = Message::Renew {
                    hash,
                    topic: entry.event.key.topic.clone(),
                    boot: self.core.config.boot,
                    lease_ms: delay.as_millis() as u64,
                };
                self.core.send(other.id, renew);
            }
        }
        let end = since + delay.saturating_mul(self.core.config.hold_delays.max(1));
        let next = now + delay / 3;
        let next = if now < end && !stopping { next.min(end) } else { next };
        self.core.set_timer(entry, Some(next));
    }

    /// Ends the sends of an event; once they have ended it is handed on.
    pub(super) fn stop(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Acting { stopping, .. } = &mut entry.state else { return };
        *stopping = true;
        for handler in &entry.running {
            self.core.outputs.push_back(Output::Stop { hash, handler: handler.clone() });
        }
        if entry.running.is_empty() {
            self.hand_on(hash);
        } else {
            // The lease must not end while a last attempt is in flight.
            let at = self.core.now + self.core.config.delay_per_member / 3;
            self.core.set_timer(entry, Some(at));
        }
    }

    fn hand_on(&mut self, hash: KeyHash) {
        let leaving = self.leaving.is_some();
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        self.core.counters.handed_on += u64::from(!leaving);
        entry.taken_over = true;
        for other in entry.audience() {
            if !self.core.is_removed(other.id) {
                let boot = self.core.config.boot;
                self.core.send_after(other.id, Message::Release { hash, boot }, self.core.position);
            }
        }
        if leaving {
            self.core.set_timer(entry, None);
            entry.state = State::Blocked;
        } else {
            self.wait_a_round(hash);
        }
    }

    pub(super) fn outcome(&mut self, hash: KeyHash, handler: &HandlerId, outcome: Outcome) {
        let settled = match outcome {
            Outcome::Delivered => Settled::Delivered,
            Outcome::GivenUp => Settled::GivenUp,
            Outcome::Stopped => {
                let Some(entry) = self.entries.get_mut(&hash) else { return };
                entry.running.retain(|h| h != handler);
                self.check_stopped(hash);
                return;
            }
        };
        self.handler_finished(hash, handler, settled, true);
    }

    fn check_stopped(&mut self, hash: KeyHash) {
        if self.entries.get(&hash).is_some_and(|entry| {
            matches!(entry.state, State::Acting { stopping: true, .. }) && entry.running.is_empty()
        }) {
            self.hand_on(hash);
        }
    }

    /// A handler has ended, here or elsewhere.
    pub(super) fn handler_finished(
        &mut self,
        hash: KeyHash,
        handler: &HandlerId,
        settled: Settled,
        here: bool,
    ) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let running = entry.is_running(handler);
        entry.running.retain(|h| h != handler);
        if entry.is_finished(handler) {
            return;
        }
        if entry.finished.len() >= self.core.config.limits.handlers {
            self.core.counters.oversized += 1;
            return;
        }
        entry.finished.push(handler.clone());
        if running && !here {
            self.core.outputs.push_back(Output::Cancel { hash, handler: handler.clone() });
            self.core.counters.notification_dropped += 1;
        }
        self.core.counters.given_up += u64::from(here && settled == Settled::GivenUp);
        if entry.is_complete() {
            let acting = matches!(entry.state, State::Acting { .. });
            self.finish(hash, if here || acting { End::Here } else { End::Elsewhere });
            return;
        }
        let after =
            self.core.persist(Record::HandlerDone { hash, handler: handler.clone(), settled });
        if here {
            for other in &entry.others {
                if !self.core.is_removed(other.id) {
                    let item = Item::HandlerDone { hash, handler: handler.clone() };
                    let topic = entry.event.key.topic.clone();
                    self.core.tell(other.id, item, Rest::HandlerDone { topic, settled }, after);
                }
            }
        }
        let event = entry.event.clone();
        self.wake_line(&event.key, hash, std::slice::from_ref(handler));
        self.check_stopped(hash);
    }

    /// The event is done: marker, journal, peers, line.
    pub(super) fn finish(&mut self, hash: KeyHash, end: End) {
        let Some(mut entry) = self.entries.remove(&hash) else { return };
        self.forget(&mut entry, true);
        let key = &entry.event.key;
        let topic = &key.topic;
        self.core.add_done(topic, hash, Duration::ZERO);
        let after = self.core.persist(Record::Done { hash, topic: topic.clone() });
        for handler in &entry.running {
            self.core.outputs.push_back(Output::Cancel { hash, handler: handler.clone() });
            self.core.counters.notification_dropped += 1;
        }
        if end != End::Elsewhere {
            for other in &entry.others {
                if !self.core.is_removed(other.id) {
                    let rest = Rest::Done { topic: topic.clone() };
                    self.core.tell(other.id, Item::Done { hash }, rest, after);
                }
            }
        }
        let counters = &mut self.core.counters;
        match end {
            End::Elsewhere => {}
            End::Here if !entry.owned => counters.last_resort_handled += 1,
            End::Here if entry.rank == 0 && !entry.taken_over => counters.primary_handled += 1,
            End::Here => counters.secondary_handled += 1,
        }
        self.core.outputs.push_back(Output::Done { hash, here: end == End::Here });
        let handlers = entry.judged.as_deref().unwrap_or(&[]);
        self.wake_line(key, hash, handlers);
    }

    /// Removes an entry that has left the map from everything that names it.
    pub(super) fn forget(&mut self, entry: &mut super::entry::Entry, done: bool) {
        let hash = entry.event.hash;
        self.core.set_timer(entry, None);
        self.asking.remove(&hash);
        for other in &entry.others {
            self.core.drop_offer(hash, other.id);
        }
        if entry.state == State::Paused {
            self.paused = self.paused.saturating_sub(1);
        }
        let core = &mut self.core;
        core.pending_bytes = core.pending_bytes.saturating_sub(entry.event.body.len());
        core.topics.remove_pending(&entry.event.key.topic, hash);
        let limits = &core.config.limits;
        core.lines.remove(&entry.event.key, hash, done, limits, &mut core.counters);
    }
}
