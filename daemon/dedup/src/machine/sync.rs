//! Full sync: a member pulls from a peer what it lacks, by digests: groups of topics, topics, then prefixes
//! of the key hash, then keys. Done markers are taken over before pending events are asked for.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use model::MemberId;

use super::Dedup;
use super::core::Timer;
use crate::done::{Digest, group_of};
use crate::key::KeyHash;
use crate::message::{BucketDigest, Message, Pull, PullAnswer, TopicDigest};
use crate::port::Output;
use crate::prefix::Prefix;
use crate::record::Record;

/// Keys below a prefix that are listed rather than divided further.
const LEAF_KEYS: u32 = 64;
/// Prefixes per question.
const PREFIXES: usize = 64;
/// Events asked for at once.
const EVENTS: usize = 128;

/// A sync under way, on the side that pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    todo: VecDeque<Pull>,
    wanted: BTreeSet<KeyHash>,
    deadline: Duration,
}

impl Session {
    /// Without its deadline, which is a timer.
    pub(super) fn fingerprint<H: Hasher>(&self, hasher: &mut H) {
        (&self.todo, &self.wanted).hash(hasher);
    }
}

impl Dedup {
    /// Starts to pull from `peer`; `both`: the peer shall pull from here as well if something differs.
    pub(super) fn begin_sync(&mut self, peer: MemberId, both: bool) {
        if peer == self.core.me() || self.sessions.contains_key(&peer) {
            return;
        }
        let deadline = self.session_deadline();
        let session = Session { todo: VecDeque::new(), wanted: BTreeSet::new(), deadline };
        self.sessions.insert(peer, session);
        self.core.timers.insert((deadline, Timer::Session(peer)));
        let root = self.core.root();
        self.core.send(peer, Message::Pull(Pull::Root { root, both }));
    }

    fn session_deadline(&self) -> Duration {
        self.core.now + self.core.config.retry_max
    }

    pub(super) fn session_timeout(&mut self, peer: MemberId) {
        self.end_session(peer, false);
    }

    pub(super) fn session_lost(&mut self, peer: MemberId) {
        self.end_session(peer, false);
    }

    fn end_session(&mut self, peer: MemberId, complete: bool) {
        if let Some(session) = self.sessions.remove(&peer) {
            self.core.timers.remove(&(session.deadline, Timer::Session(peer)));
            self.core.outputs.push_back(Output::SyncEnded { peer, complete });
            if complete {
                self.leaving_synced();
            }
        }
    }

    /// Answers a question; remembers nothing.
    pub(super) fn pulled(&mut self, from: MemberId, pull: Pull) {
        let answer = match pull {
            Pull::Root { root, both } => {
                let same = root == self.core.root();
                if !same && both && !self.core.is_removed(from) {
                    self.begin_sync(from, false);
                }
                if same {
                    PullAnswer::Same
                } else {
                    PullAnswer::Differs { groups: self.core.topics.groups().to_vec() }
                }
            }
            Pull::Topics { groups, after } => self.topics_page(groups, after),
            Pull::Buckets { topic, prefixes } => self.buckets_page(topic, prefixes),
            Pull::Keys { topic, prefixes, after } => self.keys_page(topic, prefixes, after),
            Pull::Events { hashes } => {
                for hash in hashes.into_iter().take(EVENTS) {
                    if let Some(entry) = self.entries.get_mut(&hash) {
                        let handover = self.leaving.is_some();
                        entry.other(from).raises = false;
                        self.core.send_offer(entry, from, handover);
                    }
                }
                PullAnswer::Events
            }
        };
        self.core.send(from, Message::PullAnswer(answer));
    }

    fn topics_page(&self, groups: Vec<u8>, after: Option<Arc<str>>) -> PullAnswer {
        let asked: BTreeSet<u8> = groups.iter().copied().collect();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut topics = self
            .core
            .topics
            .by_name
            .range::<Arc<str>, _>((start, Bound::Unbounded))
            .filter(|(name, topic)| !topic.has_no_keys() && asked.contains(&group_of(name)))
            .map(|(name, topic)| TopicDigest {
                topic: name.clone(),
                done: topic.done_digest,
                pending: topic.pending_digest,
            });
        let page = topics.by_ref().take(self.core.config.limits.page_topics.max(1)).collect();
        let more = topics.next().is_some();
        PullAnswer::Topics { groups, page, more }
    }

    fn buckets_page(&self, topic: Arc<str>, mut asked: Vec<Prefix>) -> PullAnswer {
        asked.truncate(PREFIXES);
        asked.retain(|prefix| !prefix.is_longest());
        let mut buckets = Vec::new();
        for prefix in &asked {
            for prefix in (0..=u8::MAX).filter_map(|byte| prefix.child(byte)) {
                let (done, pending) = self.core.topics.bucket(&topic, prefix);
                if done.count > 0 || pending.count > 0 {
                    buckets.push(BucketDigest { prefix, done, pending });
                }
            }
        }
        PullAnswer::Buckets { topic, asked, buckets }
    }

    fn keys_page(
        &self,
        topic: Arc<str>,
        mut prefixes: Vec<Prefix>,
        after: Option<KeyHash>,
    ) -> PullAnswer {
        prefixes.truncate(PREFIXES);
        prefixes.sort_unstable();
        let limit = self.core.config.limits.page_keys.max(1);
        let now = self.core.now.as_secs() as u32;
        let mut done = Vec::new();
        let mut pending = Vec::new();
        let mut more = None;
        if let Some(state) = self.core.topics.by_name.get(&topic) {
            'prefixes: for prefix in &prefixes {
                let keys = prefix.range();
                for hash in state.pending.range(keys.clone()) {
                    if after.is_none() && pending.len() < limit {
                        pending.push(*hash);
                    }
                }
                for (hash, second) in state.done.range(keys) {
                    if after.is_some_and(|after| *hash <= after) {
                        continue;
                    }
                    if done.len() >= limit {
                        more = done.last().map(|(hash, _)| *hash);
                        break 'prefixes;
                    }
                    done.push((*hash, now.saturating_sub(*second)));
                }
            }
        }
        PullAnswer::Keys { topic, prefixes, done, pending, more }
    }

    /// Takes an answer and asks the next question.
    pub(super) fn pull_answered(&mut self, from: MemberId, answer: PullAnswer) {
        if !self.sessions.contains_key(&from) {
            return;
        }
        match answer {
            PullAnswer::Same => return self.end_session(from, true),
            PullAnswer::Differs { groups } => self.groups_seen(from, &groups),
            PullAnswer::Topics { groups, page, more } => {
                self.topics_seen(from, groups, page, more);
            }
            PullAnswer::Buckets { topic, asked, buckets } => {
                self.buckets_seen(from, &topic, &asked, buckets);
            }
            PullAnswer::Keys { topic, prefixes, done, pending, more } => {
                self.keys_seen(from, &topic, done, pending);
                if more.is_some() {
                    self.then(from, Pull::Keys { topic, prefixes, after: more });
                }
            }
            PullAnswer::Events => {}
        }
        self.ask_next(from);
    }

    fn then(&mut self, peer: MemberId, pull: Pull) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.todo.len() < self.core.config.limits.questions {
            session.todo.push_front(pull);
        } else {
            self.core.counters.questions_overflow += 1;
            self.end_session(peer, false);
        }
    }

    fn ask_next(&mut self, peer: MemberId) {
        let deadline = self.session_deadline();
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        self.core.timers.remove(&(session.deadline, Timer::Session(peer)));
        session.deadline = deadline;
        self.core.timers.insert((deadline, Timer::Session(peer)));
        // Never act on what is already done: events come after all markers.
        let pull = session.todo.pop_front().or_else(|| {
            let hashes: Vec<_> =
                std::iter::from_fn(|| session.wanted.pop_first()).take(EVENTS).collect();
            (!hashes.is_empty()).then_some(Pull::Events { hashes })
        });
        match pull {
            Some(pull) => self.core.send(peer, Message::Pull(pull)),
            None => self.end_session(peer, true),
        }
    }

    fn groups_seen(&mut self, from: MemberId, theirs: &[u64]) {
        let own = self.core.topics.groups();
        let differs = |group: &u8| theirs.get(usize::from(*group)) != own.get(usize::from(*group));
        let groups: Vec<u8> = (0..=u8::MAX).filter(differs).collect();
        if !groups.is_empty() {
            self.then(from, Pull::Topics { groups, after: None });
        }
    }

    fn topics_seen(&mut self, from: MemberId, groups: Vec<u8>, page: Vec<TopicDigest>, more: bool) {
        if more && let Some(last) = page.last() {
            self.then(from, Pull::Topics { groups, after: Some(last.topic.clone()) });
        }
        for digest in page.into_iter().take(self.core.config.limits.page_topics.max(1)) {
            let own = self.core.topics.by_name.get(&digest.topic);
            let own = own.map_or_else(Default::default, |t| (t.done_digest, t.pending_digest));
            if own == (digest.done, digest.pending) {
                continue;
            }
            let topic = digest.topic;
            if digest.done.count.max(digest.pending.count) <= LEAF_KEYS {
                let prefixes = vec![Prefix::ROOT];
                self.then(from, Pull::Keys { topic, prefixes, after: None });
            } else {
                self.then(from, Pull::Buckets { topic, prefixes: vec![Prefix::ROOT] });
            }
        }
    }

    fn buckets_seen(
        &mut self,
        from: MemberId,
        topic: &Arc<str>,
        asked: &[Prefix],
        buckets: Vec<BucketDigest>,
    ) {
        let mut list = Vec::new();
        let mut divide = Vec::new();
        for bucket in buckets.into_iter().take(PREFIXES * 256) {
            let prefix = bucket.prefix;
            let expected = prefix.parent().is_some_and(|parent| asked.contains(&parent));
            let own: (Digest, Digest) = self.core.topics.bucket(topic, prefix);
            if !expected || own == (bucket.done, bucket.pending) {
                continue;
            }
            let keys = bucket.done.count.max(bucket.pending.count);
            if keys <= LEAF_KEYS || prefix.is_longest() {
                list.push(prefix);
            } else {
                divide.push(prefix);
            }
        }
        for prefixes in divide.chunks(PREFIXES).map(<[_]>::to_vec) {
            self.then(from, Pull::Buckets { topic: topic.clone(), prefixes });
        }
        for prefixes in list.chunks(PREFIXES).map(<[_]>::to_vec) {
            self.then(from, Pull::Keys { topic: topic.clone(), prefixes, after: None });
        }
    }

    fn keys_seen(
        &mut self,
        from: MemberId,
        topic: &Arc<str>,
        done: Vec<(KeyHash, u32)>,
        pending: Vec<KeyHash>,
    ) {
        let limit = self.core.config.limits.page_keys.max(1);
        for (hash, age) in done.into_iter().take(limit) {
            let age = Duration::from_secs(u64::from(age));
            if self.core.topics.is_done(topic, hash) {
                continue;
            }
            if self.entries.contains_key(&hash) {
                self.core.counters.synced_done += 1;
                self.mark_done(hash, topic);
            } else if age < self.core.config.horizon && self.core.add_done(topic, hash, age) {
                self.core.counters.synced_done += 1;
                self.core.persist(Record::Done { hash, topic: topic.clone() });
                self.notes.remove(hash);
            }
        }
        let me = self.core.me();
        if !self.core.owners(topic).contains(&me) {
            return;
        }
        let room = self.core.config.limits.pending.saturating_sub(self.entries.len());
        for hash in pending.into_iter().take(limit) {
            let known = self.entries.contains_key(&hash) || self.core.topics.is_done(topic, hash);
            if let Some(session) = self.sessions.get_mut(&from)
                && !known
                && session.wanted.len() < room
                && session.wanted.insert(hash)
            {
                self.core.counters.synced_events += 1;
            }
        }
    }
}
