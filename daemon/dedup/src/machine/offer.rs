//! How events come in: raised here, or offered by a member that holds them.

use std::sync::Arc;
use std::time::Duration;

use model::MemberId;

use super::Dedup;
use super::entry::{Entry, State};
use crate::event::Event;
use crate::key::KeyHash;
use crate::message::{Message, Offer};
use crate::port::{Output, Raise};
use crate::record::Record;

impl Dedup {
    pub(super) fn raise(&mut self, raise: Raise) {
        let Raise { event, cold, raisers } = raise;
        let hash = event.hash;
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.raised = true;
            if entry.cold && !cold {
                // Those that hold it as cold must hear that a warm task raised it.
                for other in &mut entry.others {
                    other.raises |= other.holds;
                    other.holds = false;
                }
            }
            if !cold {
                self.warmed(hash);
            }
            self.offer_to_owners(hash, &raisers);
            return;
        }
        if !self.core.is_alone() && self.core.topics.is_done(&event.key.topic, hash) {
            self.core.counters.suppressed += 1;
            self.core.outputs.push_back(Output::Done { hash, here: false });
            return;
        }
        if cold && self.notes.is_unfounded(hash) {
            self.core.counters.cold_dropped += 1;
            self.core.outputs.push_back(Output::Done { hash, here: false });
            return;
        }
        let limits = &self.core.config.limits;
        if self.entries.len() >= limits.pending.saturating_mul(2)
            || self.core.pending_bytes >= limits.pending_bytes.saturating_mul(2)
        {
            self.core.counters.pending_overflow += 1;
            return;
        }
        self.accept(event, true, cold);
        self.offer_to_owners(hash, &raisers);
        self.enter(hash);
    }

    /// Holds the event durably; its state is set by `enter`.
    fn accept(&mut self, event: Arc<Event>, raised: bool, cold: bool) {
        let hash = event.hash;
        let record =
            Record::Pending { key: event.key.clone(), body: event.body.clone(), raised, cold };
        let position = self.core.persist(record);
        let mut entry = Entry::new(event, position, self.core.now);
        entry.raised = raised;
        entry.cold = cold;
        self.insert(entry);
        if let Some(note) = self.notes.remove(hash)
            && let Some(entry) = self.entries.get_mut(&hash)
        {
            entry.judged = note.judged;
            entry.finished = note.finished;
            let me = self.core.me();
            entry.hear(me, &note.heard);
            if let Some((to, boot, until)) = note.claim
                && until > self.core.now
                && boot >= self.core.known_boot(to)
            {
                entry.state = State::Yielding { to, boot, until };
            }
        }
    }

    /// Puts an entry into the map and everything that names it, with its rank in the present view.
    pub(super) fn insert(&mut self, mut entry: Entry) {
        let hash = entry.event.hash;
        let key = &entry.event.key;
        let core = &mut self.core;
        core.topics.add_pending(&key.topic, hash);
        core.pending_bytes += entry.event.body.len();
        core.counters.late += u64::from(core.lines.add(key, hash));
        let owners = core.owners(&key.topic);
        let me = core.me();
        let place = owners.iter().position(|id| *id == me);
        entry.owned = place.is_some();
        // Nobody is known to be ready, not even this member: those that are will not ask it, so it
        // lets each of them go first.
        let unknown = owners.is_empty() && !core.is_alone();
        let last = if unknown { core.members.roster.len() } else { owners.len() };
        entry.rank = place.unwrap_or(last) as u32;
        entry.hear(me, &owners);
        self.entries.insert(hash, Box::new(entry));
    }

    /// Starts the wait of a new event.
    fn enter(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if let State::Yielding { until, .. } = entry.state {
            entry.taken_over = true;
            self.core.set_timer(entry, Some(until));
        } else if entry.rank == 0 {
            self.due(hash);
        } else {
            let delay = self.core.config.delay_per_member;
            let due = self.core.now + delay.saturating_mul(entry.rank);
            entry.state = State::Waiting { due };
            self.core.set_timer(entry, Some(due));
        }
    }

    /// Offers an event to the present owners that are not known to hold it.
    pub(super) fn offer_to_owners(&mut self, hash: KeyHash, raisers: &[MemberId]) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let owners = self.core.owners(&entry.event.key.topic);
        let me = self.core.me();
        for id in owners.iter().filter(|id| **id != me) {
            let other = entry.other(*id);
            other.listed = true;
            other.raises |= raisers.contains(id);
            if !other.holds {
                self.core.offer_to(entry, *id, false);
            }
        }
        self.check_release(hash);
    }

    pub(super) fn offered(&mut self, from: MemberId, offer: Offer) {
        let Offer { key, view, cold, raised, handover, finished, body } = offer;
        let hash = key.hash();
        if finished.len() > self.core.config.limits.handlers {
            self.core.counters.oversized += 1;
            return;
        }
        if !self.entries.contains_key(&hash) {
            if self.core.topics.is_done(&key.topic, hash) {
                self.core.send(from, Message::OfferAck { hash, done: true });
                return;
            }
            if cold && self.notes.is_unfounded(hash) {
                self.core.send(from, Message::WarmAnswer { hash, raised: false });
                return;
            }
            // A leaving member takes nothing more; the offerer turns to the others.
            if self.leaving.is_some() {
                return;
            }
            let Some(body) = body else {
                self.core.send(from, Message::NeedBody { hash });
                return;
            };
            let limits = &self.core.config.limits;
            if self.entries.len() >= limits.pending
                || self.core.pending_bytes >= limits.pending_bytes
            {
                self.core.counters.pending_overflow += 1;
                return;
            }
            self.accept(Arc::new(Event { key, hash, body }), false, cold);
            self.known_holder(hash, from, raised, handover);
            self.hear(hash, &view);
            self.merge_finished(hash, finished);
            self.enter(hash);
        } else {
            self.known_holder(hash, from, raised, handover);
            self.merge_finished(hash, finished);
            if self.hear(hash, &view) {
                self.ask_new(hash);
            }
            if !cold {
                self.warmed(hash);
            }
        }
        // A leaving member's ack would make the offerer forget what is forgotten here soon.
        if self.leaving.is_some() {
            return;
        }
        let after = self.entries.get(&hash).map_or(self.core.position, |entry| entry.position);
        self.core.send_after(from, Message::OfferAck { hash, done: false }, after);
        self.check_release(hash);
    }

    /// Who offers an event holds it, unless it is about to forget it.
    fn known_holder(&mut self, hash: KeyHash, from: MemberId, raised: bool, handover: bool) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let other = entry.other(from);
        if handover {
            other.holds = false;
            return;
        }
        other.holds = true;
        other.producer |= raised;
        self.core.drop_offer(hash, from);
    }

    pub(super) fn offer_acked(&mut self, from: MemberId, hash: KeyHash, done: bool) {
        self.core.drop_offer(hash, from);
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if done {
            let topic = entry.event.key.topic.clone();
            self.mark_done(hash, &topic);
            return;
        }
        entry.other(from).holds = true;
        self.check_release(hash);
    }

    pub(super) fn need_body(&mut self, from: MemberId, hash: KeyHash) {
        let handover = self.leaving.is_some();
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.other(from).raises = false;
            self.core.send_offer(entry, from, handover);
        }
    }

    /// Forgets an event that others hold now: a mere producer's once every owner acked; a leaving
    /// member's once one survivor did.
    pub(super) fn check_release(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get(&hash) else { return };
        if matches!(entry.state, State::Acting { .. } | State::Gathering { .. }) {
            return;
        }
        let me = self.core.me();
        let core = &self.core;
        let release = match &self.leaving {
            Some(leaving) => {
                leaving.hands_over
                    && entry
                        .others
                        .iter()
                        .any(|o| o.holds && core.is_alive(o.id) && !core.is_removed(o.id))
            }
            None if entry.owned => false,
            None => {
                let topic = entry.event.key.topic.clone();
                let owners = self.core.owners(&topic);
                let Some(entry) = self.entries.get(&hash) else { return };
                !owners.is_empty() && owners.iter().all(|id| *id != me && entry.holds(*id))
            }
        };
        if release && let Some(mut entry) = self.entries.remove(&hash) {
            self.forget(&mut entry, false);
            self.core.persist(Record::Released { hash });
            let handlers = entry.judged.as_deref().unwrap_or(&[]);
            self.wake_line(&entry.event.key, hash, handlers);
        }
    }

    /// A warm member raised the event too.
    fn warmed(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if std::mem::take(&mut entry.cold) {
            let (key, body) = (entry.event.key.clone(), entry.event.body.clone());
            let record = Record::Pending { key, body, raised: entry.raised, cold: false };
            entry.position = self.core.persist(record);
        }
        if matches!(entry.state, State::Asking { .. }) {
            self.asking.remove(&hash);
            self.due(hash);
        }
    }

    /// Time a newcomer of the line has waited already; none, its wait starts at its own receipt.
    pub(super) fn restart_wait(&self, rank: u32) -> Duration {
        self.core.config.delay_per_member.saturating_mul(rank.saturating_add(1))
    }
}
