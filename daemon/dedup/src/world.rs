//! A small deterministic world for tests: machines, journals, links with chosen faults, a receiver.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId, Time};

use crate::{
    Config, Dedup, Event, HandlerId, Input, Key, KeyHash, Members, Message, Outcome, Output, Peer,
    Position, Raise, Record, Removal, decode_frame, encode_frame,
};

pub(crate) const DELAY: Duration = Duration::from_secs(10);

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn member(n: u8) -> MemberId {
    MemberId::from_uuid(uuid_of(n))
}

fn uuid_of(n: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([n; 16])
}

pub(crate) fn key(topic: &str, id: &str, time: i64) -> Key {
    Key {
        topic: topic.into(),
        id: id.into(),
        time: Time(time),
        level: 3,
        source: "task/alert2".into(),
        occurrence: 0,
    }
}

pub(crate) fn event(topic: &str, id: &str, time: i64) -> Arc<Event> {
    Event::new(key(topic, id, time), vec![1u8, 2, 3])
}

pub(crate) fn handlers(names: &[&str]) -> Arc<[HandlerId]> {
    names.iter().map(|name| HandlerId::from(*name)).collect()
}

/// What a receiver does with an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    Takes,
    Fails,
    Refuses,
}

pub(crate) struct Node {
    pub(crate) machine: Option<Dedup>,
    pub(crate) boot: u64,
    /// Durable records and the position up to which the running machine's outputs were written.
    pub(crate) journal: Vec<Record>,
    pub(crate) persisted: Position,
    /// What the machine wanted started and has not ended.
    pub(crate) running: BTreeSet<(KeyHash, HandlerId)>,
    pub(crate) handed_over: bool,
    pub(crate) synced_with: Vec<MemberId>,
}

type Loss = dyn FnMut(MemberId, MemberId, &Message) -> bool;
type Judge = dyn Fn(MemberId, &Event) -> Arc<[HandlerId]>;

/// The whole world. Messages are delivered in order of sending after `latency`.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) nodes: BTreeMap<MemberId, Node>,
    pub(crate) members: Members,
    wire: VecDeque<(Duration, MemberId, MemberId, Vec<u8>)>,
    pub(crate) latency: Duration,
    pub(crate) cut: BTreeSet<(MemberId, MemberId)>,
    /// Drops a message when it says so.
    pub(crate) lose: Box<Loss>,
    pub(crate) judge: Box<Judge>,
    pub(crate) receiver: Box<dyn Fn(&HandlerId) -> Receiver>,
    pub(crate) warm: Vec<MemberId>,
    /// Members that a warm query was put to.
    pub(crate) warm_raised: Option<bool>,
    pub(crate) sent: Vec<(Duration, MemberId, KeyHash, HandlerId)>,
    pub(crate) tweak: Box<dyn Fn(&mut Config)>,
    pub(crate) bytes: usize,
}

impl World {
    pub(crate) fn new(size: u8) -> Self {
        Self::with(size, |_| {})
    }

    pub(crate) fn with(size: u8, tweak: impl Fn(&mut Config) + 'static) -> Self {
        let mut world = Self {
            now: Duration::ZERO,
            nodes: BTreeMap::new(),
            members: Members::default(),
            wire: VecDeque::new(),
            latency: ms(1),
            cut: BTreeSet::new(),
            lose: Box::new(|_, _, _| false),
            judge: Box::new(|_, _| handlers(&["h"])),
            receiver: Box::new(|_| Receiver::Takes),
            warm: Vec::new(),
            warm_raised: None,
            sent: Vec::new(),
            tweak: Box::new(tweak),
            bytes: 0,
        };
        for n in 1..=size {
            world.add(member(n));
        }
        world.tell_members();
        for n in 1..=size {
            world.input(member(n), Input::Synced);
        }
        world
    }

    pub(crate) fn add(&mut self, id: MemberId) {
        let node = Node {
            machine: None,
            boot: 0,
            journal: Vec::new(),
            persisted: Position::NONE,
            running: BTreeSet::new(),
            handed_over: false,
            synced_with: Vec::new(),
        };
        self.nodes.insert(id, node);
        self.start(id);
    }

    pub(crate) fn start(&mut self, id: MemberId) {
        let node = self.nodes.get_mut(&id).expect("a node");
        node.boot += 1;
        let boot = BootGeneration(node.boot);
        let mut config = Config::new(id, boot);
        config.delay_per_member = DELAY;
        (self.tweak)(&mut config);
        node.machine = Some(Dedup::new(config, node.journal.clone()));
        node.persisted = Position::NONE;
        node.running.clear();
        self.members.roster.insert(id, Peer { boot, alive: true, ready: true });
    }

    /// The process is killed: only its journal stays.
    pub(crate) fn kill(&mut self, id: MemberId) {
        self.nodes.get_mut(&id).expect("a node").machine = None;
        self.wire.retain(|(_, from, to, _)| *from != id && *to != id);
    }

    pub(crate) fn restart(&mut self, id: MemberId) {
        self.start(id);
        self.tell_members();
        self.input(id, Input::Synced);
    }

    pub(crate) fn tell_members(&mut self) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for id in ids {
            if !self.members.removed.contains_key(&id) {
                self.input(id, Input::Members(self.members.clone()));
            }
        }
    }

    /// Removes a member from the roster of all others.
    pub(crate) fn remove(&mut self, id: MemberId, how: Removal) {
        self.members.roster.remove(&id);
        self.members.removed.insert(id, how);
        self.tell_members();
    }

    pub(crate) fn machine(&mut self, id: MemberId) -> &mut Dedup {
        self.nodes.get_mut(&id).and_then(|n| n.machine.as_mut()).expect("a running machine")
    }

    pub(crate) fn raise(&mut self, id: MemberId, event: &Arc<Event>) {
        let raisers = Arc::from([]);
        self.input(id, Input::Raise(Raise { event: event.clone(), cold: false, raisers }));
    }

    pub(crate) fn raise_cold(&mut self, id: MemberId, event: &Arc<Event>) {
        let raisers = Arc::from([]);
        self.input(id, Input::Raise(Raise { event: event.clone(), cold: true, raisers }));
    }

    pub(crate) fn input(&mut self, id: MemberId, input: Input) {
        let now = self.now;
        let Some(machine) = self.nodes.get_mut(&id).and_then(|n| n.machine.as_mut()) else {
            return;
        };
        machine.handle(now, input);
        self.drain(id);
    }

    fn drain(&mut self, id: MemberId) {
        loop {
            let node = self.nodes.get_mut(&id).expect("a node");
            let Some(machine) = node.machine.as_mut() else { return };
            let Some(output) = machine.poll_output() else { return };
            match output {
                Output::Persist { position, record } => {
                    assert_eq!(position.0, node.persisted.0 + 1, "positions count records");
                    node.persisted = position;
                    node.journal.push(Record::decode(&record.encode()).expect("own record"));
                }
                Output::Send { to, message, after } => {
                    assert!(after <= node.persisted);
                    self.post(id, to, message);
                }
                Output::Judge { event } => {
                    let hash = event.hash;
                    let handlers = Some((self.judge)(id, &event));
                    self.input(id, Input::Judged { hash, handlers });
                }
                Output::Start { event, handler, after, .. } => {
                    assert!(after <= node.persisted);
                    let hash = event.hash;
                    match (self.receiver)(&handler) {
                        Receiver::Takes => {
                            self.sent.push((self.now, id, hash, handler.clone()));
                            let outcome = Outcome::Delivered;
                            self.input(id, Input::Outcome { hash, handler, outcome });
                        }
                        Receiver::Refuses => {
                            let outcome = Outcome::GivenUp;
                            self.input(id, Input::Outcome { hash, handler, outcome });
                        }
                        Receiver::Fails => {
                            node.running.insert((hash, handler));
                        }
                    }
                }
                Output::Stop { hash, handler } => {
                    node.running.remove(&(hash, handler.clone()));
                    let outcome = Outcome::Stopped;
                    self.input(id, Input::Outcome { hash, handler, outcome });
                }
                Output::Cancel { hash, handler } => {
                    node.running.remove(&(hash, handler));
                }
                Output::FindWarm { event } => {
                    let members = self.warm.clone();
                    self.input(id, Input::Warm { hash: event.hash, members });
                }
                Output::WarmQuery { from, key } => {
                    if let Some(raised) = self.warm_raised {
                        let hash = key.hash();
                        self.input(id, Input::WarmReply { to: from, hash, raised: Some(raised) });
                    }
                }
                Output::SyncEnded { peer, complete } => {
                    if complete {
                        node.synced_with.push(peer);
                    }
                }
                Output::HandedOver => node.handed_over = true,
                Output::Done { .. } => {}
            }
        }
    }

    fn post(&mut self, from: MemberId, to: MemberId, message: Message) {
        let frame = encode_frame(std::slice::from_ref(&message));
        self.bytes += frame.len();
        let up = self.nodes.get(&to).is_some_and(|node| node.machine.is_some());
        if !up {
            self.input(from, Input::Unreachable { member: to });
        } else if !self.cut.contains(&(from, to)) && !(self.lose)(from, to, &message) {
            self.wire.push_back((self.now + self.latency, from, to, frame));
        }
    }

    /// Runs until `until`, messages before timers.
    pub(crate) fn run(&mut self, until: Duration) {
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 200_000, "the world does not come to rest");
            let wire = self.wire.front().map(|(at, ..)| *at);
            let timer = self
                .nodes
                .iter()
                .filter_map(|(id, node)| Some((node.machine.as_ref()?.poll_timeout()?, *id)))
                .min();
            match (wire, timer) {
                (Some(at), _) if at <= until && timer.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    let (_, from, to, frame) = self.wire.pop_front().expect("looked at");
                    for message in decode_frame(&frame).expect("own frame") {
                        self.input(to, Input::Message { from, message });
                    }
                }
                (_, Some((at, id))) if at <= until => {
                    self.now = self.now.max(at);
                    self.input(id, Input::Tick);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    /// Runs for a while.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.run(self.now + time);
    }

    pub(crate) fn cut_off(&mut self, a: &[MemberId], b: &[MemberId]) {
        for x in a {
            for y in b {
                self.cut.insert((*x, *y));
                self.cut.insert((*y, *x));
            }
        }
    }

    /// Members of the topic's line, first to last.
    pub(crate) fn line(&self, topic: &str) -> Vec<MemberId> {
        crate::order(topic, self.members.roster.keys().copied())
    }

    pub(crate) fn copies(&self, event: &Event) -> usize {
        self.sent.iter().filter(|(_, _, hash, _)| *hash == event.hash).count()
    }
}
