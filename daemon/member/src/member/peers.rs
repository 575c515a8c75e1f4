//! The other members as this one deals with them: queues, what they told, whether they are ready.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use dedup::{Message, Peer as Seen, Removal};
use gossip::Status;
use model::{BootGeneration, MemberId, Str};
use rpc::{
    Digests, FRAME_TARGET_BYTES, Frame, PAGE_TARGET_BYTES, Request, SpecKey, SpecState, Task,
    TopicState,
};

use super::Member;
use super::calls::Purpose;
use super::leave::Life;

/// Messages queued for one peer at most; beyond, the oldest repeat or sync repairs.
const MAX_QUEUED: usize = 100_000;
/// Messages in one frame at most.
const MAX_FRAME_MESSAGES: usize = 4_096;
/// A peer that answered a call counts as alive for so long, whatever gossip says.
const ANSWERS: Duration = Duration::from_secs(12);
/// Silent peers asked at a time.
const PULSES: usize = 8;
/// First byte of the payload with which a member tells that it has become ready.
const READY: u8 = b'r';

/// Another member of the roster.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    queue: VecDeque<Message>,
    states: Vec<TopicState>,
    /// Specs and deletions that changed and were not pushed yet.
    specs: BTreeSet<SpecKey>,
    /// A push of specs is on its way: what changes meanwhile goes with the next.
    pushing: bool,
    /// A frame is on its way: the next one waits for its end.
    busy: bool,
    /// The boot generation for which it told that it is ready.
    pub(crate) ready: Option<BootGeneration>,
    pub(crate) release: Option<Str>,
    /// Digests it last told.
    pub(crate) digests: Option<Digests>,
    /// The tasks it runs.
    pub(crate) tasks: BTreeMap<Str, Task>,
    /// Digest of the tasks here that it was told, unless the call failed or it refused.
    pub(crate) tasks_told: Option<u64>,
    /// When it last answered a call; none once a call found nobody.
    pub(crate) answered: Option<Duration>,
    /// The life in which it was heard of after its host had refused connections for it.
    pub(crate) refusing: Option<BootGeneration>,
    /// When the last sync with it ended well.
    pub(crate) synced: Option<Duration>,
}

impl Member {
    /// Queues a message; it leaves with the next frame.
    pub(super) fn queue_message(&mut self, to: MemberId, message: Message) {
        if to == self.id {
            return;
        }
        let peer = self.peers.entry(to).or_default();
        if peer.queue.len() >= MAX_QUEUED {
            self.counters.messages_dropped += 1;
            return;
        }
        peer.queue.push_back(message);
        self.dirty.insert(to);
    }

    /// Tells the state of an event that nobody handles to the members that do not raise it themselves.
    pub(super) fn spread_state(&mut self, event: &alert::Event) {
        let task = &event.body.data.task;
        let to: Vec<MemberId> = self
            .peers
            .iter()
            .filter(|(id, peer)| {
                self.gossip.roster().live(id).is_some() && !peer.tasks.contains_key(task)
            })
            .map(|(id, _)| *id)
            .collect();
        if to.is_empty() {
            return;
        }
        let state = self.topic_state(&event.topic, &event.body.id, event.body.state());
        for id in to {
            let peer = self.peers.entry(id).or_default();
            if peer.states.len() >= MAX_QUEUED {
                self.counters.messages_dropped += 1;
                continue;
            }
            peer.states.push(state.clone());
            self.dirty.insert(id);
        }
    }

    /// Sends a frame to each peer that has something queued and none on its way.
    pub(super) fn flush_peers(&mut self) {
        let dirty: Vec<MemberId> = self.dirty.iter().copied().collect();
        for id in dirty {
            self.flush_specs(id);
            let Some(peer) = self.peers.get_mut(&id) else {
                self.dirty.remove(&id);
                continue;
            };
            if peer.busy {
                continue;
            }
            if peer.queue.is_empty() && peer.states.is_empty() {
                self.dirty.remove(&id);
                continue;
            }
            let frame = peer.take_frame();
            peer.busy = true;
            let request = if matches!(self.life, Life::Removed(_)) {
                Request::HandOver(frame)
            } else {
                Request::Frame(frame)
            };
            if !self.call(id, request, Purpose::Frame(id)) {
                self.frame_ended(id);
            }
        }
    }

    /// Pushes states of these keys to all other members but one.
    pub(super) fn push_specs(&mut self, keys: &[SpecKey], but: Option<MemberId>) {
        let to: Vec<MemberId> = self.members_but_me().filter(|id| Some(*id) != but).collect();
        for id in to {
            let peer = self.peers.entry(id).or_default();
            peer.specs.extend(keys.iter().cloned());
            self.dirty.insert(id);
        }
    }

    /// One push at a time: a member that answers late is told of many changes at once.
    fn flush_specs(&mut self, id: MemberId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.pushing {
            return;
        }
        let (mut states, mut bytes) = (Vec::<(SpecKey, SpecState)>::new(), 0);
        while bytes < PAGE_TARGET_BYTES
            && let Some(key) = peer.specs.pop_first()
        {
            if let Some(state) = self.specs.state(&key) {
                bytes += 256 + state.value.as_ref().map_or(0, |value| value.len());
                states.push((key, state.clone()));
            }
        }
        if states.is_empty() {
            return;
        }
        peer.pushing = true;
        if !self.call(id, Request::PushSpecs(states), Purpose::PushSpecs(id)) {
            self.specs_pushed(id, false);
        }
    }

    /// A push has ended. What did not arrive is left to a sync, and so is what waits behind it.
    pub(super) fn specs_pushed(&mut self, id: MemberId, arrived: bool) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.pushing = false;
        if arrived {
            self.dirty.insert(id);
            return;
        }
        peer.specs.clear();
        if self.is_active(id) {
            self.sync_soon(id);
        }
    }

    /// The frame has arrived or is lost; what was in it and needs an answer is repeated by dedup.
    pub(super) fn frame_ended(&mut self, id: MemberId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.busy = false;
        }
    }

    /// Nobody accepts connections there: nothing is on its way to or from it.
    pub(super) fn unreachable(&mut self, id: MemberId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.queue.clear();
            peer.states.clear();
        }
        self.dedup.handle(self.now.elapsed, dedup::Input::Unreachable { member: id });
    }

    /// Follows the roster: a peer per member that is not removed.
    pub(super) fn follow_roster(&mut self) {
        let roster = self.gossip.roster();
        let me = self.id;
        let live: Vec<MemberId> =
            roster.live_members().map(|(id, _)| *id).filter(|id| *id != me).collect();
        self.peers.retain(|id, peer| live.binary_search(id).is_ok() || !peer.queue.is_empty());
        self.alone = live.is_empty();
        self.drained.retain(|id| live.binary_search(id).is_err());
        for id in live {
            self.peers.entry(id).or_default();
        }
        self.view_changed = true;
    }

    /// Gives dedup the present view.
    pub(super) fn tell_view(&mut self) {
        let mut members = dedup::Members::default();
        for view in self.gossip.members() {
            let me = view.id == self.id;
            let boot = if me { Some(self.boot) } else { view.boot };
            let alive = view.status.is_active() || self.answers(view.id);
            let ready = if me {
                // In its own eyes a restarted member owns what it held: others rely on it. It acts on
                // it only once it has synced.
                !self.is_leaving()
            } else {
                view.status != Status::Leaving && alive && self.peer_is_ready(view.id, boot)
            };
            let seen = Seen { boot: boot.unwrap_or_default(), alive, ready };
            members.roster.insert(view.id, seen);
        }
        for (id, _) in self.gossip.roster().entries().filter(|(_, e)| e.removed) {
            let how = if self.drained.contains(id) { Removal::Drained } else { Removal::Unreached };
            members.removed.insert(*id, how);
        }
        self.dedup.handle(self.now.elapsed, dedup::Input::Members(members));
        self.tell_runners();
    }

    /// Gossip does not hear it, but it answers calls: UDP is cut somewhere, it is no less alive.
    fn answers(&self, id: MemberId) -> bool {
        let answered = self.peers.get(&id).and_then(|peer| peer.answered);
        answered.is_some_and(|at| self.now.elapsed < at + ANSWERS)
    }

    /// Notes whether a call found the peer.
    pub(super) fn note_answer(&mut self, id: MemberId, found: bool) {
        let before = self.answers(id);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.answered = found.then_some(self.now.elapsed);
        }
        if before != self.answers(id) && !self.is_active(id) {
            self.view_changed = true;
        }
    }

    /// Asks the members that gossip does not hear, some at a time.
    pub(super) fn pulse(&mut self) {
        let silent: Vec<MemberId> =
            self.members_but_me().filter(|id| !self.is_active(*id)).collect();
        if silent.is_empty() {
            return;
        }
        let from = self.random() as usize % silent.len();
        for id in silent.iter().cycle().skip(from).take(silent.len().min(PULSES)) {
            self.ask_pulse(*id);
        }
        self.view_changed = true;
    }

    /// Asks whether a member that gossip doubts is there.
    pub(super) fn ask_pulse(&mut self, id: MemberId) {
        let request = Request::Sync(self.digests());
        self.call(id, request, Purpose::Pulse(id));
    }

    pub(super) fn peer_is_ready(&self, id: MemberId, boot: Option<BootGeneration>) -> bool {
        let ready = self.peers.get(&id).and_then(|peer| peer.ready);
        ready.is_some() && ready == boot
    }

    /// What a peer's push/pull or answer told of itself.
    pub(super) fn note_digests(&mut self, id: MemberId, digests: Digests) {
        self.specs.note_peer_root(id, digests.specs);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let ready = digests.ready.then_some(digests.boot);
        if ready.is_some() && peer.ready != ready {
            peer.ready = ready;
            self.view_changed = true;
        }
        peer.digests = Some(digests);
    }

    /// Spreads that this member has become ready, faster than the next push/pull.
    pub(super) fn tell_ready(&mut self) {
        let mut bytes = vec![READY];
        bytes.extend_from_slice(&self.boot.0.to_le_bytes());
        // A full backlog is no loss: push/pull tells it, too.
        let _ = self.gossip.broadcast(&bytes);
    }

    pub(super) fn peer_broadcast(&mut self, from: MemberId, boot: BootGeneration, bytes: &[u8]) {
        if bytes.first() != Some(&READY) || bytes.get(1..9) != Some(&boot.0.to_le_bytes()[..]) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.ready = Some(boot);
            self.view_changed = true;
        }
    }
}

impl Peer {
    fn take_frame(&mut self) -> Frame {
        let mut frame = Frame::default();
        let mut bytes = 0;
        while let Some(message) = self.queue.front() {
            bytes += weight(message);
            let full = bytes > FRAME_TARGET_BYTES || frame.messages.len() >= MAX_FRAME_MESSAGES;
            if full && !frame.messages.is_empty() {
                break;
            }
            frame.messages.extend(self.queue.pop_front());
        }
        let room = MAX_FRAME_MESSAGES.min(self.states.len());
        frame.states = self.states.drain(..room).collect();
        frame
    }
}

/// Rough size of a message on the wire.
fn weight(message: &Message) -> usize {
    128 + match message {
        Message::Offer(offer) => offer.body.as_ref().map_or(0, |b| b.len()),
        Message::PullAnswer(_) => 64 * 1024,
        _ => 0,
    }
}
