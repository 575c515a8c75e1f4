//! Who goes first: claims, grants, and yielding to the claims of others.

use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId};

use super::Dedup;
use super::entry::{Entry, State};
use crate::event::HandlerId;
use crate::key::KeyHash;
use crate::message::{Claim, Message};
use crate::record::Record;

impl Dedup {
    /// Asks everyone of every list heard of; nobody to ask: acts at once.
    pub(super) fn claim(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let now = self.core.now;
        self.core.counters.claims += 1;
        for other in &mut entry.others {
            other.asked = false;
            other.granted = false;
            other.defers_to = None;
        }
        let witnesses = self.core.witnesses(&entry.event.key.topic, entry.owned);
        for id in witnesses {
            entry.other(id).witness = true;
        }
        let until = now + self.core.config.grant_wait;
        entry.state = State::Gathering { until, resent: false };
        self.core.set_timer(entry, Some(now + self.core.config.grant_wait / 2));
        self.asking.insert(hash);
        self.ask_new(hash);
        self.check_grants(hash);
    }

    /// Sends the claim to listed members and witnesses that were not asked yet.
    pub(super) fn ask_new(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if !matches!(entry.state, State::Gathering { .. }) {
            return;
        }
        let mut asked = Vec::new();
        for other in &mut entry.others {
            let heard = other.listed || other.witness;
            if heard && !other.asked && !self.core.is_removed(other.id) {
                other.asked = true;
                asked.push(other.id);
            }
        }
        for to in asked {
            self.send_claim(hash, to);
        }
    }

    fn send_claim(&mut self, hash: KeyHash, to: MemberId) {
        let Some(entry) = self.entries.get(&hash) else { return };
        let topic = entry.event.key.topic.clone();
        let claim = Claim {
            hash,
            boot: self.core.config.boot,
            lease_ms: self.core.config.delay_per_member.as_millis() as u64,
            view: self.core.owners(&topic),
            handlers: entry.judged.clone().unwrap_or_default(),
            topic,
        };
        self.core.send(to, Message::Claim(claim));
    }

    /// Half of the wait has passed: ask the silent again. All of it: go on without them.
    pub(super) fn gathering_timer(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Gathering { until, resent } = entry.state else { return };
        if self.core.now < until {
            entry.state = State::Gathering { until, resent: true };
            self.core.set_timer(entry, Some(until));
            if !resent {
                let silent =
                    |o: &&super::entry::Other| o.asked && !o.granted && o.defers_to.is_none();
                let silent: Vec<_> =
                    entry.others.iter().filter(silent).map(|other| other.id).collect();
                for to in silent {
                    self.send_claim(hash, to);
                }
            }
            return;
        }
        self.core.counters.grants_missing += 1;
        match open_holder(entry) {
            Some((holder, boot, until)) => {
                let lease = until.saturating_sub(self.core.now);
                self.yield_to(hash, holder, boot, lease);
            }
            None => self.act(hash),
        }
    }

    /// Acts if each asked member has granted or refuses connections.
    pub(super) fn check_grants(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get(&hash) else { return };
        if !matches!(entry.state, State::Gathering { .. }) {
            return;
        }
        let answered = |o: &super::entry::Other| {
            o.granted || o.defers_to.is_some() || self.core.is_removed(o.id)
        };
        if entry.others.iter().filter(|o| o.asked).all(answered) && open_holder(entry).is_none() {
            self.act(hash);
        }
    }

    pub(super) fn granted(
        &mut self,
        from: MemberId,
        hash: KeyHash,
        boot: BootGeneration,
        view: Option<Arc<[MemberId]>>,
        finished: Vec<HandlerId>,
    ) {
        if boot != self.core.config.boot {
            self.core.counters.stale_boot += 1;
            return;
        }
        self.merge_finished(hash, finished);
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if !matches!(entry.state, State::Gathering { .. }) {
            return;
        }
        let other = entry.other(from);
        other.granted = true;
        other.defers_to = None;
        if let Some(view) = view {
            self.hear(hash, &view);
            self.ask_new(hash);
        }
        self.check_grants(hash);
    }

    pub(super) fn held(
        &mut self,
        from: MemberId,
        hash: KeyHash,
        boot: BootGeneration,
        (holder, holder_boot, lease_ms, acting): (MemberId, BootGeneration, u64, bool),
        finished: Vec<HandlerId>,
    ) {
        if boot != self.core.config.boot {
            self.core.counters.stale_boot += 1;
            return;
        }
        self.merge_finished(hash, finished);
        let me = self.core.me();
        let lease = self.lease(lease_ms);
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if !matches!(entry.state, State::Gathering { .. }) {
            return;
        }
        if holder == me || holder_boot < self.core.known_boot(holder) {
            self.granted(from, hash, boot, None, Vec::new());
            return;
        }
        self.core.counters.held += 1;
        let topic = entry.event.key.topic.clone();
        if acting || holder == from || super::Core::is_earlier(&topic, holder, me) {
            self.yield_to(hash, holder, holder_boot, lease);
            return;
        }
        // A later one that was quicker at `from`: it decides itself, when it hears this claim.
        let until = self.core.now + lease;
        entry.other(from).defers_to = Some((holder, holder_boot, until));
        entry.other(holder).listed = true;
        self.ask_new(hash);
        self.check_grants(hash);
    }

    pub(super) fn merge_finished(&mut self, hash: KeyHash, finished: Vec<HandlerId>) {
        for handler in finished {
            self.handler_finished(hash, &handler, crate::message::Settled::Delivered, false);
        }
    }

    /// Remembers a list of owners that a peer told.
    pub(super) fn hear(&mut self, hash: KeyHash, view: &[MemberId]) -> bool {
        let limit = self.core.config.limits.view;
        self.core.counters.oversized += u64::from(view.len() > limit);
        let me = self.core.me();
        let Some(entry) = self.entries.get_mut(&hash) else { return false };
        if entry.others.len() >= limit.saturating_mul(2) {
            self.core.counters.oversized += 1;
            return false;
        }
        entry.hear(me, &view[..view.len().min(limit)])
    }

    /// Lets another member handle the event for a lease.
    pub(super) fn yield_to(
        &mut self,
        hash: KeyHash,
        to: MemberId,
        boot: BootGeneration,
        lease: Duration,
    ) {
        self.asking.remove(&hash);
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if entry.state == State::Paused {
            self.paused = self.paused.saturating_sub(1);
        }
        let until = self.core.now + lease;
        entry.taken_over = true;
        entry.state = State::Yielding { to, boot, until };
        self.core.set_timer(entry, Some(until));
    }

    /// The claim of another has ended without a Done: the line goes on behind it.
    pub(super) fn free(&mut self, hash: KeyHash) {
        let me = self.core.me();
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Yielding { to, .. } = entry.state else { return };
        self.core.counters.takeovers += 1;
        let line = self.core.owners(&entry.event.key.topic);
        let place = |id: MemberId| line.iter().position(|owner| *owner == id);
        let mine = place(me).unwrap_or(line.len());
        let size = line.len().max(mine + 1);
        let distance = match place(to) {
            Some(theirs) => (mine + size - theirs - 1) % size,
            None => mine,
        };
        let delay = self.core.config.delay_per_member;
        let due = self.core.now + delay.saturating_mul(distance as u32);
        if distance == 0 {
            self.due(hash);
        } else {
            entry.state = State::Waiting { due };
            self.core.set_timer(entry, Some(due));
        }
    }

    /// Notes the boot of a peer; false if the message is of an older one.
    fn is_current(&mut self, from: MemberId, boot: BootGeneration) -> bool {
        let known = self.core.known_boot(from);
        if boot < known {
            self.core.counters.stale_boot += 1;
            return false;
        }
        if boot > known {
            self.new_boot(from, boot);
        }
        true
    }

    /// A newer boot of a member: what its former self claimed is free.
    pub(super) fn new_boot(&mut self, member: MemberId, boot: BootGeneration) {
        self.core.boots.insert(member, boot);
        self.notes.void(member, |old| old < boot);
        self.free_where(|to, old| to == member && old < boot);
    }

    pub(super) fn free_where(&mut self, void: impl Fn(MemberId, BootGeneration) -> bool) {
        let freed: Vec<KeyHash> = self
            .entries
            .iter()
            .filter(|(_, entry)| {
                matches!(entry.state, State::Yielding { to, boot, .. } if void(to, boot))
            })
            .map(|(hash, _)| *hash)
            .collect();
        for hash in freed {
            self.free(hash);
        }
    }

    /// A lease as told, no longer than twice the own delay.
    fn lease(&self, lease_ms: u64) -> Duration {
        let most = self.core.config.delay_per_member.saturating_mul(2);
        Duration::from_millis(lease_ms).min(most)
    }

    pub(super) fn claimed(&mut self, from: MemberId, claim: Claim) {
        if !self.is_current(from, claim.boot) {
            return;
        }
        let Claim { hash, topic, boot, lease_ms, view, handlers } = claim;
        if handlers.len() > self.core.config.limits.handlers {
            self.core.counters.oversized += 1;
            return;
        }
        let lease = self.lease(lease_ms);
        if !self.entries.contains_key(&hash) {
            if self.core.topics.is_done(&topic, hash) {
                self.core.send(from, Message::Done { hash, topic });
            } else {
                self.claim_of_unknown(from, Claim { hash, topic, boot, lease_ms, view, handlers });
            }
            return;
        }
        self.hear(hash, &view);
        let me = self.core.me();
        let now = self.core.now;
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        entry.other(from).listed = true;
        let earlier = super::Core::is_earlier(&topic, from, me);
        let own = self.core.config.delay_per_member.as_millis() as u64;
        let holder = match &entry.state {
            State::Acting { .. } if earlier && entry.running.is_empty() => None,
            State::Acting { .. } => Some((me, self.core.config.boot, own, true)),
            State::Gathering { .. } if !earlier => Some((me, self.core.config.boot, own, false)),
            State::Yielding { to, boot, until } if *to != from => {
                left(*until, now).map(|lease_ms| (*to, *boot, lease_ms, false))
            }
            _ => None,
        };
        let finished = entry.finished.clone();
        if let Some((holder, holder_boot, lease_ms, acting)) = holder {
            let held =
                Message::Held { hash, boot, holder, holder_boot, lease_ms, acting, finished };
            self.core.send(from, held);
            self.ask_new(hash);
            return;
        }
        if entry.judged.as_ref() != Some(&handlers) {
            entry.judged = Some(handlers.clone());
            self.core.persist(Record::Judged { hash, handlers });
        }
        self.yield_to(hash, from, boot, lease);
        let own = self.core.owners(&topic);
        let view = (own != view).then_some(own);
        self.core.send(from, Message::Grant { hash, boot, view, finished });
        if let Some(event) = self.entries.get(&hash).map(|entry| entry.event.clone()) {
            self.wake_line(&event.key, hash, &[]);
        }
    }

    fn claim_of_unknown(&mut self, from: MemberId, claim: Claim) {
        let Claim { hash, topic, boot, lease_ms, view, handlers } = claim;
        let now = self.core.now;
        let until = now + self.lease(lease_ms);
        let limits = &self.core.config.limits;
        let note = self.notes.note(hash, limits, &mut self.core.counters);
        for id in view.iter().take(limits.view).chain([&from]) {
            if note.heard.len() < limits.view && !note.heard.contains(id) {
                note.heard.push(*id);
            }
        }
        let finished = note.finished.clone();
        if let Some((holder, holder_boot, end)) = note.claim
            && holder != from
            && let Some(lease_ms) = left(end, now)
        {
            let acting = false;
            let held =
                Message::Held { hash, boot, holder, holder_boot, lease_ms, acting, finished };
            self.core.send(from, held);
            return;
        }
        note.claim = Some((from, boot, until));
        note.judged = Some(handlers);
        let own = self.core.owners(&topic);
        let view = (own != view).then_some(own);
        self.core.send(from, Message::Grant { hash, boot, view, finished });
    }

    pub(super) fn renewed(
        &mut self,
        from: MemberId,
        hash: KeyHash,
        topic: &Arc<str>,
        boot: BootGeneration,
        lease_ms: u64,
    ) {
        if !self.is_current(from, boot) {
            return;
        }
        let lease = self.lease(lease_ms);
        if let Some(entry) = self.entries.get_mut(&hash) {
            if !matches!(entry.state, State::Acting { .. }) {
                entry.other(from).listed = true;
                self.yield_to(hash, from, boot, lease);
            }
        } else if self.core.topics.is_done(topic, hash) {
            self.core.send(from, Message::Done { hash, topic: topic.clone() });
        } else {
            let until = self.core.now + lease;
            let limits = &self.core.config.limits;
            let note = self.notes.note(hash, limits, &mut self.core.counters);
            note.claim = Some((from, boot, until));
        }
    }

    pub(super) fn released(&mut self, from: MemberId, hash: KeyHash, boot: BootGeneration) {
        if !self.is_current(from, boot) {
            return;
        }
        match self.entries.get(&hash).map(|entry| &entry.state) {
            Some(State::Yielding { to, .. }) if *to == from => self.free(hash),
            Some(_) => {}
            None => self.notes.void_of(hash, from),
        }
    }

    /// Nothing can come from this peer now: it cannot have granted, nor can it send.
    pub(super) fn unreachable(&mut self, member: MemberId) {
        let hashes: Vec<KeyHash> = self.asking.iter().copied().collect();
        for hash in hashes {
            let Some(entry) = self.entries.get_mut(&hash) else { continue };
            match &entry.state {
                State::Gathering { .. } => {
                    let other = entry.other(member);
                    if other.asked && !other.granted {
                        other.granted = true;
                        self.check_grants(hash);
                    }
                }
                State::Asking { .. } => self.cannot_tell(hash, member),
                _ => {}
            }
        }
        self.session_lost(member);
    }
}

/// A holder that an asked member named and that has not given way itself.
fn open_holder(entry: &Entry) -> Option<(MemberId, BootGeneration, Duration)> {
    entry
        .others
        .iter()
        .filter(|other| other.asked)
        .filter_map(|other| other.defers_to)
        .find(|(holder, ..)| !entry.others.iter().any(|o| o.id == *holder && o.granted))
}

/// What is left of a lease, as told to others, in whole milliseconds. Less than one is nothing: who is
/// told of a lease without length would ask again at once, and be told the same.
fn left(until: Duration, now: Duration) -> Option<u64> {
    let left = until.saturating_sub(now).as_millis() as u64;
    (left > 0).then_some(left)
}
