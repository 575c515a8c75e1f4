//! Messages that are retried until acked: offers, handler ends, dones. One timer per peer.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use model::MemberId;

use super::Dedup;
use super::core::{Core, Timer};
use super::entry::Entry;
use crate::event::HandlerId;
use crate::key::KeyHash;
use crate::message::{Message, Offer, Settled};
use crate::port::Position;

/// What an ack names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Item {
    Offer { hash: KeyHash },
    HandlerDone { hash: KeyHash, handler: HandlerId },
    Done { hash: KeyHash },
}

/// What else its message needs; an offer is built from the entry.
#[derive(Clone, Debug)]
pub(super) enum Rest {
    Offer,
    HandlerDone { topic: Arc<str>, settled: Settled },
    Done { topic: Arc<str> },
}

#[derive(Clone, Debug)]
struct Attempt {
    rest: Rest,
    after: Position,
    count: u32,
    next: Duration,
}

/// Unacked messages to one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    items: BTreeMap<Item, Attempt>,
    timer: Option<Duration>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn fingerprint<H: Hasher>(&self, hasher: &mut H) {
        for item in self.items.keys() {
            item.hash(hasher);
        }
    }
}

fn message(item: &Item, rest: &Rest) -> Option<Message> {
    Some(match (item, rest) {
        (Item::HandlerDone { hash, handler }, Rest::HandlerDone { topic, settled }) => {
            Message::HandlerDone {
                hash: *hash,
                topic: topic.clone(),
                handler: handler.clone(),
                settled: *settled,
            }
        }
        (Item::Done { hash }, Rest::Done { topic }) => {
            Message::Done { hash: *hash, topic: topic.clone() }
        }
        _ => return None,
    })
}

impl Core {
    /// Sends now, and again until acked.
    pub(super) fn tell(&mut self, to: MemberId, item: Item, rest: Rest, after: Position) {
        if let Some(message) = message(&item, &rest) {
            self.send_after(to, message, after);
            self.keep(to, item, rest, after);
        }
    }

    fn keep(&mut self, to: MemberId, item: Item, rest: Rest, after: Position) {
        let next = self.now + self.config.retry_min;
        let outbox = self.outboxes.entry(to).or_default();
        if outbox.items.len() >= self.config.limits.outbox && !outbox.items.contains_key(&item) {
            self.counters.outbox_overflow += 1;
            return;
        }
        outbox.items.insert(item, Attempt { rest, after, count: 0, next });
        if outbox.timer.is_none() {
            outbox.timer = Some(next);
            self.timers.insert((next, Timer::Outbox(to)));
        }
    }

    pub(super) fn acked(&mut self, from: MemberId, item: &Item) {
        if let Some(outbox) = self.outboxes.get_mut(&from) {
            outbox.items.remove(item);
            if outbox.items.is_empty() {
                self.drop_outbox(from);
            }
        }
    }

    /// Forgets what a peer was to be told of one event's offer.
    pub(super) fn drop_offer(&mut self, hash: KeyHash, to: MemberId) {
        self.acked(to, &Item::Offer { hash });
    }

    /// Whether the event is being offered to the peer.
    pub(super) fn is_offering(&self, to: MemberId, hash: KeyHash) -> bool {
        let outbox = self.outboxes.get(&to);
        outbox.is_some_and(|outbox| outbox.items.contains_key(&Item::Offer { hash }))
    }

    pub(super) fn drop_outbox(&mut self, member: MemberId) {
        if let Some(outbox) = self.outboxes.remove(&member)
            && let Some(at) = outbox.timer
        {
            self.timers.remove(&(at, Timer::Outbox(member)));
        }
    }

    /// The peer is back: everything is due at once.
    pub(super) fn hurry(&mut self, member: MemberId) {
        let now = self.now;
        if let Some(outbox) = self.outboxes.get_mut(&member) {
            for attempt in outbox.items.values_mut() {
                attempt.next = now;
                attempt.count = 0;
            }
            if let Some(at) = outbox.timer.replace(now) {
                self.timers.remove(&(at, Timer::Outbox(member)));
            }
            self.timers.insert((now, Timer::Outbox(member)));
        }
    }

    /// Offers the event to an owner, now and until it acks.
    pub(super) fn offer_to(&mut self, entry: &mut Entry, to: MemberId, handover: bool) {
        self.send_offer(entry, to, handover);
        let hash = entry.event.hash;
        self.keep(to, Item::Offer { hash }, Rest::Offer, entry.position);
    }

    pub(super) fn send_offer(&mut self, entry: &mut Entry, to: MemberId, handover: bool) {
        let view = self.owners(&entry.event.key.topic);
        let bare = entry.other(to).raises && !handover;
        let offer = Offer {
            key: entry.event.key.clone(),
            view,
            cold: entry.cold,
            raised: entry.raised,
            handover,
            finished: entry.finished.clone(),
            body: (!bare).then(|| entry.event.body.clone()),
        };
        self.send_after(to, Message::Offer(offer), entry.position);
    }
}

impl Dedup {
    /// Resends what is due to one peer, a bounded number at a time.
    pub(super) fn retry(&mut self, member: MemberId) {
        let now = self.core.now;
        let Some(outbox) = self.core.outboxes.get_mut(&member) else { return };
        outbox.timer = None;
        let (min, max) = (self.core.config.retry_min, self.core.config.retry_max);
        let reachable = self.core.members.roster.get(&member).is_some_and(|peer| peer.alive);
        let mut due = Vec::new();
        let mut next = None::<Duration>;
        for (item, attempt) in &mut outbox.items {
            if attempt.next <= now && due.len() < self.core.config.limits.resend {
                attempt.count += 1;
                let wait = min.saturating_mul(1 << attempt.count.min(16)).min(max);
                attempt.next = now + if reachable { wait } else { max };
                due.push((item.clone(), attempt.rest.clone(), attempt.after));
            }
            let at = attempt.next.max(now + Duration::from_millis(1));
            next = Some(next.map_or(at, |n| n.min(at)));
        }
        if let Some(at) = next {
            outbox.timer = Some(at);
            self.core.timers.insert((at, Timer::Outbox(member)));
        }
        if !reachable {
            return;
        }
        let handover = self.leaving.is_some();
        for (item, rest, after) in due {
            self.core.counters.resent += 1;
            if let Some(message) = message(&item, &rest) {
                self.core.send_after(member, message, after);
            } else if let Item::Offer { hash } = item {
                match self.entries.get_mut(&hash) {
                    Some(entry) => self.core.send_offer(entry, member, handover),
                    None => self.core.drop_offer(hash, member),
                }
            }
        }
    }
}
