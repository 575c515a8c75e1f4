//! The network: latency, loss, partition, crash, pause, restart. One seed decides everything.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use model::{BootGeneration, ClusterId, MemberId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::{
    AddError, AddStep, Addresses, Config, Dialled, Event, Gossip, Hello, KeyRing, Output, PROTOCOL,
    PROTOCOL_MIN, Roster, SeededNonces, Status, plan_add,
};

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn id(index: usize) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(index as u128 + 1))
}

pub(super) fn cluster(number: u128) -> ClusterId {
    ClusterId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn addresses(index: usize) -> Addresses {
    Addresses {
        gossip: format!("m{index}:9090").into(),
        rpc: format!("m{index}:9091").into(),
        api: format!("m{index}:9092").into(),
    }
}

pub(super) fn socket(index: usize) -> SocketAddr {
    format!("10.0.{}.{}:9090", index / 250, index % 250).parse().unwrap()
}

enum Wire {
    Datagram(Vec<u8>),
    Request(Vec<u8>),
    Reply(Vec<u8>),
    Failed,
}

pub(super) struct Node {
    pub(super) gossip: Option<Gossip>,
    /// What is on its disk.
    pub(super) roster: Vec<u8>,
    pub(super) boot: BootGeneration,
    pub(super) cluster: ClusterId,
    pub(super) paused: bool,
    inbox: Vec<(SocketAddr, Vec<u8>)>,
    /// Holds back `boot_persisted`.
    pub(super) slow_disk: bool,
}

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) nodes: Vec<Node>,
    pub(super) loss_percent: u32,
    /// Members of different sides do not hear each other.
    pub(super) sides: Vec<u8>,
    pub(super) keys: KeyRing,
    /// Applied to the configuration of members started from now on.
    pub(super) tune: fn(&mut Config),
    pub(super) events: Vec<(Duration, usize, Event)>,
    pub(super) digests: Vec<(usize, MemberId, Vec<u8>)>,
    pub(super) broadcasts: Vec<(usize, MemberId, Vec<u8>)>,
    /// The last datagram of each member, for replays.
    pub(super) overheard: BTreeMap<usize, Vec<u8>>,
    pub(super) sent: u64,
    queue: BTreeMap<(Duration, u64), (usize, usize, Wire)>,
    sequence: u64,
    rng: StdRng,
    seed: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: secs(1000),
            nodes: Vec::new(),
            loss_percent: 0,
            sides: Vec::new(),
            keys: KeyRing::plain(),
            tune: |_| {},
            events: Vec::new(),
            digests: Vec::new(),
            broadcasts: Vec::new(),
            overheard: BTreeMap::new(),
            sent: 0,
            queue: BTreeMap::new(),
            sequence: 0,
            rng: StdRng::seed_from_u64(seed),
            seed,
        }
    }

    /// `members` that have one roster already; all know each other after a few seconds.
    pub(super) fn formed(seed: u64, members: usize, tune: fn(&mut Config)) -> Self {
        let mut world = Self::new(seed);
        world.tune = tune;
        let mut roster = Roster::new();
        for index in 0..members {
            roster.update_own(id(index), &addresses(index), &["worker".into()]);
        }
        for _ in 0..members {
            world.boot_up(cluster(1), &roster);
        }
        world.run(secs(8 + members as u64 / 10));
        world
    }

    /// A new member with this roster; gives its index.
    pub(super) fn boot_up(&mut self, cluster: ClusterId, roster: &Roster) -> usize {
        let index = self.nodes.len();
        self.sides.push(0);
        self.nodes.push(Node {
            gossip: None,
            roster: roster.to_bytes(),
            boot: BootGeneration(0),
            cluster,
            paused: false,
            inbox: Vec::new(),
            slow_disk: false,
        });
        let boot = BootGeneration(1_790_000_000_000 + index as u64);
        self.start(index, boot);
        index
    }

    pub(super) fn start(&mut self, index: usize, boot: BootGeneration) {
        let node = &mut self.nodes[index];
        node.boot = boot;
        let mut config = Config::new(id(index), boot, node.cluster, addresses(index));
        config.keys = self.keys.clone();
        (self.tune)(&mut config);
        let roster = Roster::from_bytes(&node.roster).unwrap();
        let seed = self.seed * 1000 + index as u64 + boot.0;
        let nonces = Box::new(SeededNonces::new(seed));
        node.gossip = Some(Gossip::new(config, roster, seed, nonces, self.now));
        self.drain(index);
    }

    pub(super) fn crash(&mut self, index: usize) {
        self.nodes[index].gossip = None;
        self.nodes[index].inbox.clear();
    }

    pub(super) fn restart(&mut self, index: usize) {
        let boot = BootGeneration(self.nodes[index].boot.0 + 1);
        self.start(index, boot);
    }

    pub(super) fn gossip(&mut self, index: usize) -> &mut Gossip {
        self.nodes[index].gossip.as_mut().expect("the member runs")
    }

    /// A command at a member, and what follows from it.
    pub(super) fn command<T>(
        &mut self,
        index: usize,
        command: impl FnOnce(&mut Gossip, Duration) -> T,
    ) -> T {
        let now = self.now;
        let result = command(self.gossip(index), now);
        self.drain(index);
        result
    }

    pub(super) fn hello(&mut self, index: usize, initialized: bool) -> Hello {
        Hello {
            member: id(index),
            boot: self.nodes[index].boot,
            cluster: self.nodes[index].cluster,
            initialized,
            addresses: addresses(index),
            roles: vec!["worker".into()],
            protocol: (PROTOCOL_MIN, PROTOCOL),
        }
    }

    /// `member add`, without the push to the others.
    pub(super) fn add(&mut self, at: usize, joiner: usize) -> Result<(), AddError> {
        let hello = self.hello(joiner, false);
        let cluster = self.gossip(at).cluster();
        let mut dialled = Dialled::new();
        let admission = loop {
            match plan_add(self.gossip(at).roster(), id(at), cluster, &hello, &dialled)? {
                AddStep::AlreadyMember => return Ok(()),
                AddStep::Dial(service, _) => {
                    dialled.insert(service, Ok(()));
                }
                AddStep::Admit(admission) => break admission,
            }
        };
        let mut roster = self.gossip(at).roster().clone();
        roster.merge(admission.records());
        self.nodes[joiner].cluster = cluster;
        self.command(joiner, |gossip, now| gossip.change_cluster(now, cluster, roster));
        self.command(at, |gossip, now| gossip.admit(now, &admission));
        Ok(())
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until the condition holds; gives the time that took, none if it took longer.
    pub(super) fn run_until(
        &mut self,
        within: Duration,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Option<Duration> {
        let (start, end) = (self.now, self.now + within);
        loop {
            if done(self) {
                return Some(self.now.saturating_sub(start));
            }
            let tick = (self.now + Duration::from_millis(50)).min(end);
            if self.now >= end {
                return None;
            }
            while self.step(tick) {}
            self.now = tick;
        }
    }

    fn step(&mut self, end: Duration) -> bool {
        let packet = self.queue.keys().next().copied();
        let timer = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.paused)
            .filter_map(|(index, node)| Some((node.gossip.as_ref()?.poll_timeout()?, index)))
            .min();
        match (packet, timer) {
            (Some(key), timer) if key.0 <= end && timer.is_none_or(|(at, _)| key.0 <= at) => {
                self.now = self.now.max(key.0);
                let (from, to, wire) = self.queue.remove(&key).expect("the key is from the queue");
                self.deliver(from, to, wire);
                true
            }
            (_, Some((at, index))) if at <= end => {
                self.now = self.now.max(at);
                self.command(index, Gossip::handle_timeout);
                true
            }
            _ => false,
        }
    }

    fn deliver(&mut self, from: usize, to: usize, wire: Wire) {
        let reachable = self.sides[from] == self.sides[to];
        let now = self.now;
        let runs = self.nodes[to].gossip.is_some();
        match wire {
            Wire::Datagram(bytes) if runs && reachable => {
                if self.nodes[to].paused {
                    self.nodes[to].inbox.push((socket(from), bytes));
                } else {
                    self.command(to, |g, now| g.turn(now, [(socket(from), bytes.as_slice())]));
                }
            }
            Wire::Datagram(_) => {}
            Wire::Request(bytes) => {
                let answer = if runs && reachable && !self.nodes[to].paused {
                    self.command(to, |g, now| g.handle_sync(now, socket(from), &bytes))
                } else {
                    None
                };
                self.post(now, to, from, answer.map_or(Wire::Failed, Wire::Reply));
            }
            Wire::Reply(bytes) if runs && reachable => {
                self.command(to, |g, now| g.handle_sync_reply(now, socket(from), &bytes));
            }
            Wire::Failed | Wire::Reply(_) if runs => {
                self.command(to, |g, now| g.handle_sync_failed(now, id(from)));
            }
            Wire::Failed | Wire::Reply(_) => {}
        }
    }

    pub(super) fn pause(&mut self, index: usize) {
        self.nodes[index].paused = true;
    }

    pub(super) fn resume(&mut self, index: usize) {
        self.nodes[index].paused = false;
        let inbox = std::mem::take(&mut self.nodes[index].inbox);
        self.command(index, |gossip, now| {
            gossip.turn(now, inbox.iter().map(|(from, bytes)| (*from, bytes.as_slice())));
        });
    }

    fn post(&mut self, at: Duration, from: usize, to: usize, wire: Wire) {
        let latency = Duration::from_micros(self.rng.random_range(250..750));
        self.sequence += 1;
        self.queue.insert((at + latency, self.sequence), (from, to, wire));
    }

    fn drain(&mut self, index: usize) {
        let now = self.now;
        while let Some(output) = self.nodes[index].gossip.as_mut().and_then(Gossip::poll_output) {
            match output {
                Output::Datagram { to, bytes } => {
                    self.sent += 1;
                    self.overheard.insert(index, bytes.clone());
                    let lost = self.rng.random_range(0..100) < self.loss_percent;
                    if let (false, Some(to)) = (lost, self.resolve(&to.address)) {
                        self.post(now, index, to, Wire::Datagram(bytes));
                    }
                }
                Output::Sync { to, bytes } => match self.resolve(&to.address) {
                    Some(to) => self.post(now, index, to, Wire::Request(bytes)),
                    None => self.post(now, index, index, Wire::Failed),
                },
                Output::PersistBoot(generation) => {
                    self.nodes[index].boot = generation;
                    if !self.nodes[index].slow_disk {
                        self.gossip(index).boot_persisted(now, generation);
                    }
                }
                Output::RosterChanged => {
                    self.nodes[index].roster = self.gossip(index).roster().to_bytes();
                }
                Output::Digests { from, bytes } => self.digests.push((index, from, bytes)),
                Output::Broadcast { from, bytes, .. } => self.broadcasts.push((index, from, bytes)),
                Output::Event(event) => self.events.push((now, index, event)),
            }
        }
    }

    fn resolve(&self, address: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|index| {
            *addresses(*index).gossip == *address || socket(*index).to_string() == address
        })
    }

    pub(super) fn status(&self, at: usize, of: usize) -> Option<Status> {
        self.nodes[at].gossip.as_ref()?.status(&id(of))
    }

    /// Every running member sees exactly the running members as alive.
    pub(super) fn agrees(&self) -> bool {
        let running: BTreeSet<_> = (0..self.nodes.len())
            .filter(|index| self.nodes[*index].gossip.is_some())
            .map(id)
            .collect();
        self.nodes
            .iter()
            .filter_map(|node| node.gossip.as_ref())
            .all(|gossip| gossip.active_members().into_iter().collect::<BTreeSet<_>>() == running)
    }

    pub(super) fn saw(&self, at: usize, wanted: &Event) -> bool {
        self.events.iter().any(|(_, index, event)| *index == at && event == wanted)
    }

    pub(super) fn downs(&self) -> usize {
        self.events.iter().filter(|(.., event)| matches!(event, Event::Down(_))).count()
    }

    pub(super) fn detector_errors(&self) -> u64 {
        self.nodes
            .iter()
            .filter_map(|node| node.gossip.as_ref())
            .map(|gossip| gossip.counters().detector_errors)
            .sum()
    }
}
