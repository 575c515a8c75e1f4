//! Full sync with a peer: digests, then specs, then done marks and pending events, then event states.
//!
//! One sync at a time; peers wait in line. It runs at start, at join, when a peer comes up, when a
//! push/pull shows other digests, and every full-sync-interval.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alert::Level;
use model::{MemberId, Str};
use rpc::{Answer, Digests, EventKeys, Reply, Request, StateKey, TopicState};

use super::Member;
use super::calls::Purpose;
use super::states;
use crate::input::CallError;
use crate::output::Severity;
use crate::persist::{Record, Write, encode};

/// Peers in line at most.
const MAX_LINE: usize = 4096;
/// After a sync with a peer, differing digests wait so long for the next one.
const PAUSE: Duration = Duration::from_secs(5);
/// A peer with which a sync failed is tried again after this.
const RETRY: Duration = Duration::from_secs(2);
/// Time between two questions to members that gossip does not hear.
const PULSE: Duration = Duration::from_secs(5);
/// The same before the first sync: a joiner may call before its roster entry has spread.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// Dedup's part may take so long.
const DEDUP_WAIT: Duration = Duration::from_mins(1);
/// Event states per page.
const PAGE: usize = 1_000;
/// Keys per page.
const KEYS: usize = 20_000;

/// The syncs of a member.
#[derive(Debug, Default)]
pub(crate) struct Syncs {
    line: VecDeque<MemberId>,
    job: Option<Job>,
    /// When the next sync by the clock is due.
    next: Option<Duration>,
    /// When to look at the line again after a failure.
    retry: Option<Duration>,
    /// When to ask silent members again.
    pulse: Option<Duration>,
}

#[derive(Debug)]
struct Job {
    peer: MemberId,
    stage: Stage,
    theirs: Digests,
    /// Keys of event states still to be pulled.
    wanted: Vec<StateKey>,
    /// The peer's digests of event states.
    buckets: Vec<u64>,
    /// The page of keys to ask for afterwards.
    after: Option<StateKey>,
    until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Digests,
    Specs,
    Dedup,
    Keys,
    States,
    Push,
}

impl Member {
    /// The digests of what is replicated here.
    pub(super) fn digests(&self) -> Digests {
        Digests {
            boot: self.boot,
            specs: self.specs.digest().root(),
            events: self.states.root(),
            done: self.dedup.root(),
            tasks: self.tasks.digest(),
            ready: self.is_ready(),
        }
    }

    /// Gives gossip the blob that its push/pulls carry.
    pub(super) fn refresh_digests(&mut self) {
        let digests = self.digests();
        self.gossip.set_digests(encode(&digests));
    }

    /// A push/pull brought a peer's digests.
    pub(super) fn peer_digests(&mut self, from: MemberId, bytes: &[u8]) {
        let Ok(theirs) = crate::persist::decode::<Digests>("digests", bytes) else { return };
        self.note_digests(from, theirs);
        let own = self.digests();
        let quiet = own.specs == theirs.specs
            && own.events == theirs.events
            && own.done == theirs.done
            && self.knows_tasks_of(from, theirs.tasks);
        let recent = self
            .peers
            .get(&from)
            .and_then(|peer| peer.synced)
            .is_some_and(|at| self.now.elapsed < at + PAUSE);
        if !quiet && !recent {
            self.sync_soon(from);
        }
        // The blob ages between push/pulls; the next one tells what is true then.
        self.refresh_digests();
    }

    /// Puts a peer into the line.
    pub(super) fn sync_soon(&mut self, peer: MemberId) {
        let runs = self.syncs.job.as_ref().is_some_and(|job| job.peer == peer);
        if peer == self.id || runs || self.syncs.line.contains(&peer) {
            return;
        }
        if self.syncs.line.len() < MAX_LINE {
            self.syncs.line.push_back(peer);
        }
        self.next_sync();
    }

    pub(super) fn sync_with_all(&mut self) {
        let peers: Vec<MemberId> = self.members_but_me().collect();
        for peer in peers {
            self.sync_soon(peer);
        }
    }

    pub(super) fn sync_timeout(&self) -> Option<Duration> {
        let job = self.syncs.job.as_ref().map(|job| job.until);
        [job, self.syncs.next, self.syncs.retry, self.syncs.pulse].into_iter().flatten().min()
    }

    pub(super) fn sync_tick(&mut self) {
        let now = self.now.elapsed;
        if self.syncs.job.as_ref().is_some_and(|job| job.until <= now) {
            self.sync_failed();
        }
        if self.syncs.retry.is_some_and(|at| at <= now) {
            self.syncs.retry = None;
            self.next_sync();
        }
        if self.syncs.pulse.is_none_or(|at| at <= now) {
            self.pulse();
            self.syncs.pulse = Some(now + PULSE);
        }
        if self.syncs.next.is_none_or(|at| at <= now) {
            let interval = self.config.full_sync_interval.max(Duration::from_secs(1));
            let first = self.syncs.next.is_none();
            self.syncs.next = Some(now + self.jittered(interval));
            if !first {
                self.collect_tombstones();
                self.forget_events();
                let active: Vec<MemberId> =
                    self.members_but_me().filter(|id| self.is_active(*id)).collect();
                if !active.is_empty() {
                    let at = (self.random() % active.len() as u64) as usize;
                    self.sync_soon(active[at]);
                }
            }
        }
    }

    /// Bodies of events that dedup does not hold.
    fn forget_events(&mut self) {
        if self.events.len() > self.dedup.pending_count() {
            let dedup = &self.dedup;
            self.events.retain(|hash, _| dedup.status(*hash).is_some());
        }
    }

    fn next_sync(&mut self) {
        while self.syncs.job.is_none()
            && self.syncs.retry.is_none()
            && let Some(peer) = self.syncs.line.pop_front()
        {
            if self.gossip.roster().live(&peer).is_none() {
                continue;
            }
            let until = self.now.elapsed + DEDUP_WAIT;
            self.syncs.job = Some(Job {
                peer,
                stage: Stage::Digests,
                theirs: Digests::default(),
                wanted: Vec::new(),
                buckets: Vec::new(),
                after: None,
                until,
            });
            self.sync_call(peer, Request::Sync(self.digests()));
        }
    }

    fn sync_call(&mut self, peer: MemberId, request: Request) {
        if !self.call(peer, request, Purpose::Sync(peer)) {
            self.sync_failed();
        }
    }

    fn sync_failed(&mut self) {
        let Some(job) = self.syncs.job.take() else { return };
        self.counters.syncs_failed += 1;
        let pause = if self.is_ready() { RETRY } else { FIRST_RETRY };
        self.syncs.retry = Some(self.now.elapsed + pause);
        // A peer that is up is tried again; one that is down is synced with when it comes up.
        if self.is_active(job.peer) && self.syncs.line.len() < MAX_LINE {
            self.syncs.line.push_back(job.peer);
        }
        let fields = vec![("member", job.peer.to_string())];
        self.log(Severity::Debug, "a sync was broken off", fields);
    }

    /// The answer to a step.
    pub(super) fn sync_answered(&mut self, peer: MemberId, result: Result<Answer, CallError>) {
        let Some(job) = &self.syncs.job else { return };
        if job.peer != peer {
            return;
        }
        let Ok(Ok(reply)) = result else { return self.sync_failed() };
        match (job.stage, reply) {
            (Stage::Digests, Reply::Digests(theirs)) => {
                self.note_digests(peer, theirs);
                self.tell_tasks_again(peer, theirs.tasks);
                if let Some(job) = &mut self.syncs.job {
                    job.theirs = theirs;
                }
                if theirs.specs == self.specs.digest().root() {
                    self.sync_dedup();
                } else {
                    self.enter(Stage::Specs);
                    let buckets = self.specs.digest().buckets().to_vec();
                    self.sync_call(peer, Request::PullSpecs(buckets));
                }
            }
            (Stage::Specs, Reply::Specs { differing, states }) => {
                let mut ours = self.specs.in_buckets(&differing.into_iter().collect());
                // Taken before the merge: where its edit wins, the peer must hear of ours as well.
                let theirs: BTreeMap<_, _> =
                    states.iter().map(|(key, state)| (key, state)).collect();
                ours.retain(|(key, state)| theirs.get(key).is_none_or(|theirs| *theirs != state));
                self.take_specs(states);
                if !ours.is_empty() {
                    self.call(peer, Request::PushSpecs(ours), Purpose::Push(peer));
                }
                self.sync_dedup();
            }
            (Stage::Keys, Reply::EventKeys(page)) => self.keys_seen(peer, page),
            (Stage::States, Reply::Events(states)) => {
                if states.is_empty() {
                    // None of them is known any more.
                    return self.pull_states();
                }
                self.take_states(states);
                self.pull_states();
            }
            (Stage::Push, Reply::Events(states)) => {
                self.take_states(states);
                self.sync_done();
            }
            _ => self.sync_failed(),
        }
    }

    fn enter(&mut self, stage: Stage) {
        let until = self.now.elapsed + DEDUP_WAIT;
        if let Some(job) = &mut self.syncs.job {
            job.stage = stage;
            job.until = until;
        }
    }

    fn sync_dedup(&mut self) {
        self.enter(Stage::Dedup);
        if let Some(peer) = self.syncs.job.as_ref().map(|job| job.peer) {
            self.dedup.handle(self.now.elapsed, dedup::Input::Sync { peer });
        }
    }

    /// Dedup's part has ended.
    pub(super) fn dedup_synced(&mut self, peer: MemberId, complete: bool) {
        if complete {
            self.survivors_synced();
        }
        let Some(job) = &self.syncs.job else { return };
        if job.peer != peer || job.stage != Stage::Dedup {
            return;
        }
        if !complete {
            return self.sync_failed();
        }
        if job.theirs.events == self.states.root() {
            return self.sync_done();
        }
        self.ask_keys(peer, None);
    }

    fn ask_keys(&mut self, peer: MemberId, after: Option<StateKey>) {
        self.enter(Stage::Keys);
        let buckets = self.states.buckets().to_vec();
        self.sync_call(peer, Request::EventKeys { buckets, after });
    }

    fn keys_seen(&mut self, _peer: MemberId, page: EventKeys) {
        let wanted: Vec<StateKey> = page
            .keys
            .into_iter()
            .filter(|(key, mark)| self.states.get(*key).is_none_or(|own| own.mark < *mark))
            .map(|(key, _)| key)
            .collect();
        if let Some(job) = &mut self.syncs.job {
            job.wanted = wanted;
            job.after = page.next;
            if !page.buckets.is_empty() {
                job.buckets = page.buckets;
            }
        }
        self.pull_states();
    }

    /// Pulls the next page of what is wanted.
    fn pull_states(&mut self) {
        self.enter(Stage::States);
        let Some(job) = &mut self.syncs.job else { return };
        let peer = job.peer;
        if job.wanted.is_empty() {
            return match job.after {
                Some(after) => self.ask_keys(peer, Some(after)),
                None => self.push_states(peer),
            };
        }
        let rest = job.wanted.split_off(PAGE.min(job.wanted.len()));
        let keys = std::mem::replace(&mut job.wanted, rest);
        self.sync_call(peer, Request::PullEvents(keys));
    }

    /// Buckets that differ still hold what is newer here, or unknown to the peer: it gets one page per
    /// sync, the rest by its own sync.
    fn push_states(&mut self, peer: MemberId) {
        self.enter(Stage::Push);
        let Some(job) = &self.syncs.job else { return };
        if job.theirs.events == self.states.root() {
            return self.sync_done();
        }
        let (keys, _) = self.states.differing(&job.buckets, None, PAGE);
        let states = self.states_of(keys.into_iter().map(|(key, _)| key).collect());
        self.sync_call(peer, Request::PushEvents(states));
    }

    fn sync_done(&mut self) {
        let Some(job) = self.syncs.job.take() else { return };
        self.counters.syncs += 1;
        let now = self.now.elapsed;
        if let Some(peer) = self.peers.get_mut(&job.peer) {
            peer.synced = Some(now);
        }
        self.become_ready(true);
        self.next_sync();
    }

    /// Event states by key, as far as known, one page.
    pub(super) fn states_of(&self, keys: Vec<StateKey>) -> Vec<TopicState> {
        keys.into_iter()
            .take(PAGE)
            .filter_map(|key| {
                let slot = self.states.get(key)?;
                let state = match self.topics.event(&slot.topic, &slot.id) {
                    Some(state) => state,
                    None if slot.mark.level == Level::Ok => forgotten_ok(slot.mark.time),
                    None => return None,
                };
                Some(self.topic_state(&slot.topic, &slot.id, state))
            })
            .collect()
    }

    /// Keys for a peer with these bucket digests.
    pub(super) fn event_keys(&self, buckets: &[u64], after: Option<StateKey>) -> EventKeys {
        let (keys, next) = self.states.differing(buckets, after, KEYS);
        let own = if after.is_none() { self.states.buckets().to_vec() } else { Vec::new() };
        EventKeys { keys, buckets: own, next }
    }

    pub(super) fn topic_state(&self, topic: &Str, id: &Str, state: alert::State) -> TopicState {
        TopicState {
            topic: topic.clone(),
            id: id.clone(),
            born: self.specs.deletion(topic),
            time: state.time,
            level: state.level,
            message: state.message,
            details: state.details,
            duration: state.duration,
        }
    }

    /// Merges event states of a peer; returns those that are newer here.
    pub(super) fn take_states(&mut self, states: Vec<TopicState>) -> Vec<TopicState> {
        let mut newer = Vec::new();
        for state in states {
            let deletion = self.specs.deletion(&state.topic);
            if state.born < deletion {
                self.counters.void_states += 1;
                continue;
            }
            let shown = alert::State {
                message: state.message.clone(),
                details: state.details.clone(),
                time: state.time,
                duration: state.duration,
                level: state.level,
            };
            let (key, mark) = (states::key_of(&state.topic, &state.id), states::mark_of(&shown));
            match self.states.get(key) {
                Some(own) if own.mark > mark => newer.push(key),
                Some(own) if own.mark == mark => {}
                _ => self.take_state(state, shown),
            }
        }
        self.states_of(newer)
    }

    fn take_state(&mut self, state: TopicState, shown: alert::State) {
        self.states.put(&state.topic, &state.id, states::mark_of(&shown));
        self.topics.restore(&state.topic, state.id.clone(), shown);
        if self.config.persist_topics && state.level >= Level::Ok {
            self.persist(Write::Journal(encode(&Record::State(state))));
        }
    }
}

/// The state of an event id that is OK and whose texts were forgotten.
fn forgotten_ok(time: model::Time) -> alert::State {
    alert::State {
        message: "".into(),
        details: "".into(),
        time,
        duration: model::Duration(0),
        level: Level::Ok,
    }
}
