//! What all events share: settings, view, topics, timers, outboxes, outputs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId};
use xxhash_rust::xxh3::Xxh3;

use super::entry::Entry;
use super::line::Lines;
use super::outbox::Outbox;
use crate::config::{Config, Counters};
use crate::done::Topics;
use crate::key::KeyHash;
use crate::members::Members;
use crate::message::Message;
use crate::order::{order, owners};
use crate::port::{Output, Position};
use crate::record::Record;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    Entry(KeyHash),
    Outbox(MemberId),
    Session(MemberId),
    Resume,
    Expire,
}

#[derive(Clone, Debug)]
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) now: Duration,
    pub(super) started: bool,
    pub(super) members: Members,
    /// Number of the present view; owners are computed once per view and topic.
    pub(super) view: u64,
    /// Highest boot generation seen of each member, in views and claims.
    pub(super) boots: BTreeMap<MemberId, BootGeneration>,
    pub(super) topics: Topics,
    pub(super) lines: Lines,
    pub(super) outboxes: BTreeMap<MemberId, Outbox>,
    pub(super) timers: BTreeSet<(Duration, Timer)>,
    pub(super) expiring: bool,
    pub(super) outputs: VecDeque<Output>,
    pub(super) position: Position,
    pub(super) pending_bytes: usize,
    pub(super) counters: Counters,
}

impl Core {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            now: Duration::ZERO,
            started: false,
            members: Members::default(),
            view: 0,
            boots: BTreeMap::new(),
            topics: Topics::default(),
            lines: Lines::default(),
            outboxes: BTreeMap::new(),
            timers: BTreeSet::new(),
            expiring: false,
            outputs: VecDeque::new(),
            position: Position::NONE,
            pending_bytes: 0,
            counters: Counters::default(),
        }
    }

    pub(super) fn me(&self) -> MemberId {
        self.config.me
    }

    /// A cluster of one: suppresses nothing, asks nobody.
    pub(super) fn is_alone(&self) -> bool {
        self.members.roster.len() <= 1
    }

    pub(super) fn is_alive(&self, member: MemberId) -> bool {
        self.members.roster.get(&member).is_some_and(|peer| peer.alive)
    }

    pub(super) fn is_removed(&self, member: MemberId) -> bool {
        self.members.removed.contains_key(&member)
    }

    pub(super) fn known_boot(&self, member: MemberId) -> BootGeneration {
        self.boots.get(&member).copied().unwrap_or_default()
    }

    /// The owners of a topic, computed anew.
    pub(super) fn owners_now(&self, name: &str) -> Arc<[MemberId]> {
        let topic = self.topics.by_name.get(name);
        let roster = &self.members.roster;
        let eligible = |id: &MemberId| roster.get(id).is_some_and(|p| p.alive && p.ready);
        match topic.and_then(|t| t.runners.as_ref()) {
            Some(runners) => owners(
                name,
                runners.iter().copied().filter(|id| eligible(id)),
                self.config.redundancy,
            ),
            None => {
                let ids = roster.keys().copied().filter(|id| eligible(id));
                owners(name, ids, self.config.redundancy)
            }
        }
    }

    /// The owners of a topic in the present view.
    pub(super) fn owners(&mut self, name: &Arc<str>) -> Arc<[MemberId]> {
        if let Some((view, list)) = self.topics.by_name.get(name).and_then(|t| t.owners.as_ref())
            && *view == self.view
        {
            return list.clone();
        }
        let list = self.owners_now(name);
        if let Some(topic) = self.topics.by_name.get_mut(name) {
            topic.owners = Some((self.view, list.clone()));
        }
        list
    }

    /// Whom to ask for grants besides the owners, so that two members whose lists of owners have no
    /// member in common hear of each other nevertheless. For an owner: the first of the line behind the
    /// owners, who owns the topic in the eyes of a member that does not know of a change yet, and those
    /// of the line before the last owner that are alive and not ready as far as known here. For a mere
    /// producer, which acts as last resort: all of the line, since each producer may do the same.
    pub(super) fn witnesses(&self, name: &Arc<str>, owner: bool) -> Vec<MemberId> {
        let redundancy = self.config.redundancy;
        let runners = self.topics.by_name.get(name).and_then(|topic| topic.runners.as_ref());
        let alive =
            self.members.roster.iter().filter(|(id, peer)| {
                peer.alive && runners.is_none_or(|runners| runners.contains(id))
            });
        let mut ready = 0;
        let mut line = order(name, alive.map(|(id, _)| *id));
        line.retain(|id| {
            let before = ready;
            ready += usize::from(self.members.roster.get(id).is_some_and(|peer| peer.ready));
            *id != self.config.me && (!owner || redundancy == 0 || before <= redundancy)
        });
        line
    }

    /// Whether `a` stands before `b` in the order of the topic, whatever the view.
    pub(super) fn is_earlier(topic: &str, a: MemberId, b: MemberId) -> bool {
        a != b && order(topic, [a, b]).first() == Some(&a)
    }

    pub(super) fn persist(&mut self, record: Record) -> Position {
        self.position.0 += 1;
        self.outputs.push_back(Output::Persist { position: self.position, record });
        self.position
    }

    pub(super) fn send(&mut self, to: MemberId, message: Message) {
        self.send_after(to, message, Position::NONE);
    }

    pub(super) fn send_after(&mut self, to: MemberId, message: Message, after: Position) {
        self.outputs.push_back(Output::Send { to, message, after });
    }

    /// Sets or clears the one timer of an entry.
    pub(super) fn set_timer(&mut self, entry: &mut Entry, at: Option<Duration>) {
        let hash = entry.event.hash;
        if let Some(old) = entry.timer.take() {
            self.timers.remove(&(old, Timer::Entry(hash)));
        }
        if let Some(at) = at {
            self.timers.insert((at, Timer::Entry(hash)));
            entry.timer = Some(at);
        }
    }

    /// Adds a done marker and keeps the set within its bound; false if it was there.
    pub(super) fn add_done(&mut self, topic: &Arc<str>, hash: KeyHash, age: Duration) -> bool {
        if !self.topics.add_done(topic, hash, self.now, age) {
            return false;
        }
        let limits = &self.config.limits;
        let alone = self.is_alone();
        let limit = if alone { limits.done_alone } else { limits.done };
        while self.topics.done_count() > limit.max(1) {
            self.topics.drop_oldest();
            if !alone {
                self.counters.done_overflow += 1;
            }
        }
        if !self.expiring {
            self.expiring = true;
            self.timers.insert((self.now + self.config.horizon, Timer::Expire));
        }
        true
    }

    /// Forgets markers past the horizon.
    pub(super) fn expire(&mut self) {
        self.expiring = false;
        while let Some(oldest) = self.topics.oldest() {
            // Markers know their second only; one second more is never too early.
            let end = oldest + self.config.horizon + Duration::from_secs(1);
            if end > self.now {
                self.expiring = true;
                self.timers.insert((end, Timer::Expire));
                return;
            }
            self.topics.drop_oldest();
        }
    }

    /// Hash over the groups of topics: equal where nothing differs.
    pub(super) fn root(&self) -> u64 {
        let mut hasher = Xxh3::new();
        for group in self.topics.groups() {
            hasher.update(&group.to_le_bytes());
        }
        hasher.digest()
    }

    pub(super) fn fingerprint<H: Hasher>(&self, hasher: &mut H) {
        self.members.hash(hasher);
        self.boots.hash(hasher);
        for topic in self.topics.by_name.values() {
            topic.done_digest.hash(hasher);
            topic.pending_digest.hash(hasher);
            topic.runners.hash(hasher);
        }
        for (member, outbox) in &self.outboxes {
            member.hash(hasher);
            outbox.fingerprint(hasher);
        }
        for (at, timer) in &self.timers {
            if !matches!(timer, Timer::Expire) {
                at.saturating_sub(self.now).hash(hasher);
                timer.hash(hasher);
            }
        }
    }
}
