//! The machine of one member. `handle(now, input)`, then `poll_output()` until `None`, then sleep until
//! `poll_timeout()` and give [`Input::Tick`].
//!
//! Feed what arrived before the tick: a process that was paused must hear its peers before it judges
//! that they were silent. `now` is monotonic since an arbitrary origin and never goes back.

mod acting;
mod claim;
mod cold;
mod core;
mod entry;
mod leave;
mod line;
mod note;
mod offer;
mod outbox;
mod restore;
mod roster;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use model::MemberId;

pub use self::entry::Phase;

use self::core::{Core, Timer};
use self::entry::{Entry, State};
use self::leave::Leaving;
use self::note::Notes;
use self::sync::Session;
use crate::config::{Config, Counters};
use crate::event::{Event, HandlerId};
use crate::key::KeyHash;
use crate::message::{Message, Settled};
use crate::port::{Input, Output};
use crate::record::Record;

/// Decides who handles an event and when. Deterministic; the same code under shell, simulator and
/// model checker.
#[derive(Clone, Debug)]
pub struct Dedup {
    core: Core,
    entries: BTreeMap<KeyHash, Box<Entry>>,
    /// Entries in `Gathering` or `Asking`: those a refused connection concerns.
    asking: BTreeSet<KeyHash>,
    notes: Notes,
    sessions: BTreeMap<MemberId, Session>,
    leaving: Option<Leaving>,
    /// Entries of before the start, waiting for the sync.
    paused: usize,
    resumed: bool,
}

/// What a member knows of a pending event, for people and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The event.
    pub event: Arc<Event>,
    /// Where it stands here.
    pub phase: Phase,
    /// The member that handles it, where this one yields.
    pub holder: Option<MemberId>,
    /// Position among the owners when it came; the number of owners for a mere producer.
    pub rank: u32,
    /// Handlers that match, once judged.
    pub judged: Option<Arc<[HandlerId]>>,
    /// Handlers that have finished.
    pub finished: Vec<HandlerId>,
    /// Since when it is held.
    pub received: Duration,
    /// Raised by this member.
    pub raised: bool,
    /// No warm member is known to have raised it.
    pub cold: bool,
}

impl Dedup {
    /// A machine that goes on from the journal's records.
    pub fn new(config: Config, restored: Vec<Record>) -> Self {
        let mut machine = Self {
            core: Core::new(config),
            entries: BTreeMap::new(),
            asking: BTreeSet::new(),
            notes: Notes::default(),
            sessions: BTreeMap::new(),
            leaving: None,
            paused: 0,
            resumed: false,
        };
        machine.restore(restored);
        machine
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Duration, input: Input) {
        self.core.now = self.core.now.max(now);
        self.start_clock();
        match input {
            Input::Raise(raise) => self.raise(raise),
            Input::Message { from, message } => self.message(from, message),
            Input::Unreachable { member } => self.unreachable(member),
            Input::Members(members) => self.set_members(members),
            Input::Runners { topic, members } => self.set_runners(&topic, members),
            Input::Judged { hash, handlers } => self.judged(hash, handlers),
            Input::Outcome { hash, handler, outcome } => self.outcome(hash, &handler, outcome),
            Input::Warm { hash, members } => self.warm_members(hash, members),
            Input::WarmReply { to, hash, raised } => self.warm_reply(to, hash, raised),
            Input::Sync { peer } => self.begin_sync(peer, true),
            Input::Synced => self.resume(),
            Input::Leave { removed } => self.leave(removed),
            Input::Tick => self.fire(),
        }
        self.check_handed_over();
    }

    /// The next effect, in the order they must happen.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.core.timers.first().map(|(at, _)| *at)
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.core.counters
    }

    /// Settings.
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// Number of pending events.
    pub fn pending_count(&self) -> usize {
        self.entries.len()
    }

    /// Number of done markers.
    pub fn done_count(&self) -> usize {
        self.core.topics.done_count()
    }

    /// Whether the event is known to be done.
    pub fn is_done(&self, topic: &str, hash: KeyHash) -> bool {
        self.core.topics.is_done(topic, hash)
    }

    /// The pending events in order of hashes.
    pub fn pending(&self) -> impl Iterator<Item = Status> {
        self.entries.values().map(|entry| entry.status())
    }

    /// Where a pending event stands.
    pub fn status(&self, hash: KeyHash) -> Option<Status> {
        self.entries.get(&hash).map(|entry| entry.status())
    }

    /// Whether delivery may make another attempt: false once the handler or the event is finished.
    pub fn may_send(&self, hash: KeyHash, handler: &str) -> bool {
        self.entries.get(&hash).is_some_and(|entry| entry.is_running(handler))
    }

    /// The owners of a topic in the present view, in order.
    pub fn owners(&mut self, topic: &Arc<str>) -> Arc<[MemberId]> {
        self.core.owners(topic)
    }

    /// The same without remembering them, to look at.
    pub fn owners_now(&self, topic: &str) -> Arc<[MemberId]> {
        self.core.owners_now(topic)
    }

    /// Number of pending events by topic; only topics that have some.
    pub fn pending_by_topic(&self) -> BTreeMap<Arc<str>, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.values() {
            *counts.entry(entry.event.key.topic.clone()).or_default() += 1;
        }
        counts
    }

    /// Hash over the digests of all topics: equal on members that agree.
    pub fn root(&self) -> u64 {
        self.core.root()
    }

    /// Whether a journal record still matters; others need not be copied when a segment is rewritten.
    pub fn is_live(&self, record: &Record) -> bool {
        match record {
            Record::Pending { key, .. } => self.entries.contains_key(&key.hash()),
            Record::Judged { hash, .. } | Record::HandlerDone { hash, .. } => {
                self.entries.contains_key(hash)
            }
            Record::Done { hash, topic } => self.core.topics.is_done(topic, *hash),
            Record::Released { .. } => false,
        }
    }

    /// Feeds what decides the machine's future to `hasher`, with times relative to now and without
    /// counters: two machines of equal fingerprint behave alike. For model checkers.
    pub fn fingerprint<H: Hasher>(&self, hasher: &mut H) {
        let now = self.core.now;
        for (hash, entry) in &self.entries {
            hash.hash(hasher);
            entry.fingerprint(now, hasher);
        }
        self.core.fingerprint(hasher);
        self.notes.fingerprint(now, hasher);
        for (member, session) in &self.sessions {
            member.hash(hasher);
            session.fingerprint(hasher);
        }
        self.leaving.hash(hasher);
        self.resumed.hash(hasher);
    }

    fn fire(&mut self) {
        let now = self.core.now;
        while let Some((at, timer)) = self.core.timers.first().copied() {
            if at > now {
                break;
            }
            self.core.timers.remove(&(at, timer));
            match timer {
                Timer::Entry(hash) => self.entry_timer(hash),
                Timer::Outbox(member) => self.retry(member),
                Timer::Session(member) => self.session_timeout(member),
                Timer::Resume => self.resume(),
                Timer::Expire => self.core.expire(),
            }
        }
    }

    fn entry_timer(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        entry.timer = None;
        match &entry.state {
            State::Waiting { .. } => self.due(hash),
            State::Asking { .. } => self.warm_unanswered(hash),
            State::Gathering { .. } => self.gathering_timer(hash),
            State::Yielding { .. } => self.free(hash),
            State::Acting { .. } => self.renew(hash),
            State::Paused | State::Blocked => {}
        }
    }

    fn message(&mut self, from: MemberId, message: Message) {
        let handover = matches!(&message, Message::Offer(offer) if offer.handover);
        let asks = matches!(&message, Message::Pull(_));
        if self.core.members.removed.contains_key(&from)
            && self.leaving.is_none()
            && !handover
            && !asks
        {
            self.core.counters.refused_removed += 1;
            return;
        }
        match message {
            Message::Offer(offer) => self.offered(from, offer),
            Message::OfferAck { hash, done } => self.offer_acked(from, hash, done),
            Message::NeedBody { hash } => self.need_body(from, hash),
            Message::Claim(claim) => self.claimed(from, claim),
            Message::Grant { hash, boot, view, finished } => {
                self.granted(from, hash, boot, view, finished);
            }
            Message::Held { hash, boot, holder, holder_boot, lease_ms, acting, finished } => {
                self.held(from, hash, boot, (holder, holder_boot, lease_ms, acting), finished);
            }
            Message::Renew { hash, topic, boot, lease_ms } => {
                self.renewed(from, hash, &topic, boot, lease_ms);
            }
            Message::Release { hash, boot } => self.released(from, hash, boot),
            Message::HandlerDone { hash, topic, handler, settled } => {
                self.handler_done_heard(from, hash, &topic, handler, settled);
            }
            Message::HandlerDoneAck { hash, handler } => {
                self.core.acked(from, &outbox::Item::HandlerDone { hash, handler });
            }
            Message::Done { hash, topic } => self.done_heard(from, hash, &topic),
            Message::DoneAck { hash } => self.core.acked(from, &outbox::Item::Done { hash }),
            Message::WarmAsk { key } => self.warm_asked(from, key),
            Message::WarmAnswer { hash, raised } => self.warm_answered(from, hash, raised),
            Message::Pull(pull) => self.pulled(from, pull),
            Message::PullAnswer(answer) => self.pull_answered(from, answer),
        }
    }

    fn done_heard(&mut self, from: MemberId, hash: KeyHash, topic: &Arc<str>) {
        self.mark_done(hash, topic);
        let after = self.core.position;
        self.core.send_after(from, Message::DoneAck { hash }, after);
    }

    /// Takes over from a peer that the event is done.
    fn mark_done(&mut self, hash: KeyHash, topic: &Arc<str>) {
        if self.entries.contains_key(&hash) {
            self.finish(hash, acting::End::Elsewhere);
        } else if self.core.add_done(topic, hash, Duration::ZERO) {
            self.core.persist(Record::Done { hash, topic: topic.clone() });
            self.notes.remove(hash);
        }
    }

    fn handler_done_heard(
        &mut self,
        from: MemberId,
        hash: KeyHash,
        topic: &Arc<str>,
        handler: HandlerId,
        settled: Settled,
    ) {
        if self.entries.contains_key(&hash) {
            self.handler_finished(hash, &handler, settled, false);
        } else if !self.core.topics.is_done(topic, hash) {
            let limits = &self.core.config.limits;
            self.notes.finished(hash, handler.clone(), limits, &mut self.core.counters);
        }
        let after = self.core.position;
        self.core.send_after(from, Message::HandlerDoneAck { hash, handler }, after);
    }
}
