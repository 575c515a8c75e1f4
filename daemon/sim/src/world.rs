//! The world: hosts, network, disks, clocks and a receiver, all from one seed.
//!
//! Invariant: nothing here reads a clock or entropy; equal seeds and commands give equal traces
//! ([`World::trace`]).

mod execute;
mod operate;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gossip::{Addresses, SeededNonces};
use member::{
    CallId, Command, CommandError, Config, Done, Identity, InboundId, Input, LogLine, Member, Now,
    Position, Severity, TaskStarted, Ticket, stored_boot,
};
use model::{BootGeneration, ClusterId, MemberId, Str};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::agenda::Agenda;
use crate::check::Checks;
use crate::ledger::{EventName, Ledger};
use crate::network::Network;
use crate::node::Node;
use crate::receiver::Receiver;

/// Journal records after which the oldest half is rewritten.
const SEGMENT: usize = 20_000;

/// The task that raises the events.
pub(crate) const TASK: &str = "t";

/// Settings of all members.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[alert] redundancy`.
    pub redundancy: usize,
    /// `[alert] delay-per-member`.
    pub delay: Duration,
    /// `[alert] full-sync-interval`.
    pub full_sync: Duration,
    /// Every member runs a task whose windows take so long to fill after a restart; without it no
    /// member knows what tasks run where.
    pub windows: Option<Duration>,
    /// Keep a log of what happens, for transcripts and for people.
    pub narrate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            redundancy: 0,
            delay: Duration::from_secs(10),
            full_sync: Duration::from_mins(5),
            windows: None,
            narrate: false,
        }
    }
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Happening {
    Input(usize, u64, Input),
    Commit(usize, u64, Position),
    Wake(usize, u64),
    /// The windows of its task have filled.
    Warm(usize, u64),
    /// It was told to stop, and has had its time.
    Overdue(usize, u64),
    /// The deadline of a call.
    Lost(u64),
    /// An attempt reaches the receiver.
    Arrival(usize, EventName, Str),
    /// An attempt reaches the receiver and is refused for good.
    Refusal(usize, EventName, Str),
}

/// Where an answer goes.
#[derive(Clone, Debug)]
pub(crate) enum Back {
    Call(CallId, rpc::Call),
    Sync(MemberId),
}

/// A point at which a process can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// When it is about to ask for grants: the Claim does not leave.
    Claim,
    /// When it has its grants and is about to send.
    Attempt,
    /// When the receiver has the event, before it can say Done.
    Arrival,
}

/// The simulated world.
pub struct World {
    /// Time since the beginning.
    pub now: Duration,
    /// Hosts.
    pub nodes: Vec<Node>,
    /// The network between them.
    pub network: Network,
    /// The receiver of all handlers.
    pub receiver: Receiver,
    /// What was seen.
    pub ledger: Ledger,
    /// Safety checks.
    pub checks: Checks,
    /// A process dies at the first such point that it comes to, on any member.
    pub trap: Option<Trap>,
    /// What happened, in words, when narrated.
    pub story: Vec<String>,
    /// Results of commands.
    pub results: BTreeMap<u64, (Duration, Result<Done, CommandError>)>,
    pub(crate) settings: Settings,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) rng: StdRng,
    pub(crate) number: u64,
    pub(crate) inbound: BTreeMap<u64, (usize, u64, Back)>,
    /// Connections (caller, callee) that are open: a process has made a call, and both have lived since.
    pub(crate) links: BTreeSet<(usize, usize)>,
    /// Raised events that wait to be durable: (member, life, position, event).
    pub(crate) waiting: Vec<(usize, u64, Position, EventName)>,
    pub(crate) trace: u64,
    /// Bytes sent over the network.
    pub bytes: u64,
}

pub(crate) use operate::handler;

/// The member id of a host's first disk.
pub fn member_id(n: usize) -> MemberId {
    format!("00000000-0000-4000-8000-{:012x}", n + 1).parse().expect("valid")
}

pub(crate) fn cluster_id(n: u64) -> ClusterId {
    format!("10000000-0000-4000-8000-{n:012x}").parse().expect("valid")
}

pub(crate) fn addresses(n: usize) -> Addresses {
    Addresses {
        gossip: format!("m{n}:9090").into(),
        rpc: format!("m{n}:9091").into(),
        api: format!("m{n}:9092").into(),
    }
}

/// The host and port of an address, be it a name or an IP.
pub(crate) fn node_of(address: &str) -> Option<(usize, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    if let Some(n) = host.strip_prefix('m') {
        return Some((n.parse().ok()?, port));
    }
    let ip: std::net::Ipv4Addr = host.parse().ok()?;
    let [_, b, c, d] = ip.octets();
    Some((usize::from(b) << 16 | usize::from(c) << 8 | usize::from(d), port))
}

impl World {
    /// A world with that many hosts, all started, each a cluster of its own.
    pub fn new(seed: u64, members: usize, settings: Settings) -> Self {
        let mut world = Self {
            now: Duration::from_secs(1),
            nodes: (0..members).map(|n| Node::new(member_id(n), n as u64)).collect(),
            network: Network::default(),
            receiver: Receiver::default(),
            ledger: Ledger::default(),
            checks: Checks::default(),
            trap: None,
            story: Vec::new(),
            results: BTreeMap::new(),
            settings,
            agenda: Agenda::default(),
            rng: StdRng::seed_from_u64(seed),
            number: 1000,
            inbound: BTreeMap::new(),
            links: BTreeSet::new(),
            waiting: Vec::new(),
            trace: seed,
            bytes: 0,
        };
        for n in 0..members {
            world.start(n);
        }
        world
    }

    /// A hash over all that happened: equal for equal seeds and commands.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    pub(crate) fn note(&mut self, what: &[u8]) {
        let at = self.now.as_nanos() as u64;
        self.trace = xxh3_64_with_seed(what, self.trace ^ at);
    }

    /// Adds a line to the story.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        if self.settings.narrate {
            let line = format!("{:>9.3}s {}", self.now.as_secs_f64(), line());
            self.story.push(line);
        }
    }

    pub(crate) fn schedule(&mut self, after: Duration, happening: Happening) {
        self.agenda.add(self.now + after, happening);
    }

    fn moment(&self, n: usize) -> Now {
        Now { elapsed: self.now, wall: self.nodes[n].wall(self.now) }
    }

    /// Starts the process of a host from its disk.
    pub fn start(&mut self, n: usize) {
        if self.nodes[n].member.is_some() {
            return;
        }
        self.number += 1;
        let fresh_cluster = cluster_id(self.number);
        let seed = self.rng.next_u64();
        let moment = self.moment(n);
        let node = &mut self.nodes[n];
        node.life += 1;
        node.wake = None;
        node.paused = None;
        node.stopping = false;
        node.rewriting = None;
        let stored = node.disk.stored();
        let unix_ms = u64::try_from(moment.wall.0).unwrap_or_default() / 1_000_000;
        let boot = BootGeneration::next(stored_boot(&stored).expect("a disk of ours"), unix_ms);
        let cluster = cluster_id(node.cluster);
        let identity = Identity { member: node.id, cluster, fresh_cluster, boot };
        let mut config = Config::new(addresses(n));
        config.redundancy = self.settings.redundancy;
        config.delay_per_member = self.settings.delay;
        config.full_sync_interval = self.settings.full_sync;
        config.seed = seed;
        let nonces = Box::new(SeededNonces::new(seed));
        let member =
            Member::new(config, identity, &stored, nonces, moment).expect("a disk of ours");
        node.member = Some(member);
        if let Some(fault) = node.down.take() {
            self.ledger.end(fault, self.now);
        }
        self.say(|| format!("m{n} starts"));
        self.note(&[b's', n as u8]);
        self.drain(n);
        if let Some(windows) = self.settings.windows {
            self.start_task(n, windows);
        }
    }

    /// At the first start there is no data that other members have seen and this one has not.
    fn start_task(&mut self, n: usize, windows: Duration) {
        let life = self.nodes[n].life;
        let warm = life == 1;
        if warm {
            self.nodes[n].warm_since = Some(self.now);
        } else {
            self.schedule(windows, Happening::Warm(n, life));
        }
        let task = TaskStarted { id: TASK.into(), inline: BTreeMap::new(), warm };
        self.input(n, Input::TaskStarted(task));
    }

    /// Gives an input to a process; one that is paused gets it later.
    pub fn input(&mut self, n: usize, input: Input) {
        let moment = self.moment(n);
        let node = &mut self.nodes[n];
        if let Some(waiting) = &mut node.paused {
            waiting.push_back(input);
            return;
        }
        let Some(member) = node.member.as_mut() else { return };
        member.handle(moment, input);
        self.drain(n);
    }

    /// Lets one thing happen, if it does until then.
    pub fn step(&mut self, until: Duration) -> bool {
        if self.agenda.next().is_none_or(|at| at > until) {
            return false;
        }
        let Some((at, happening)) = self.agenda.pop() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::Input(n, life, input) => {
                if self.nodes[n].life == life {
                    self.note(&[b'i', n as u8]);
                    self.input(n, input);
                }
            }
            Happening::Wake(n, life) => self.wake(n, life),
            Happening::Overdue(n, life) => {
                if self.nodes[n].life == life {
                    self.kill(n);
                }
            }
            Happening::Warm(n, life) => {
                if self.nodes[n].life == life {
                    self.nodes[n].warm_since = Some(self.now);
                    self.say(|| format!("the windows of m{n} have filled"));
                    self.input(n, Input::TaskWarm(TASK.into()));
                }
            }
            Happening::Commit(n, life, position) => self.commit(n, life, position),
            Happening::Lost(id) => {
                if let Some((n, life, back)) = self.inbound.remove(&id) {
                    let input = match back {
                        Back::Call(id, _) => {
                            let result = Err(member::CallError::Lost("no answer".into()));
                            Input::Answer { id, result }
                        }
                        Back::Sync(member) => Input::GossipSyncReply { member, reply: None },
                    };
                    self.schedule(Duration::ZERO, Happening::Input(n, life, input));
                }
            }
            Happening::Arrival(n, name, handler) => self.arrive(n, name, handler),
            Happening::Refusal(n, name, handler) => self.refuse(n, &name, handler),
        }
        true
    }

    fn wake(&mut self, n: usize, life: u64) {
        let node = &mut self.nodes[n];
        if node.life != life || node.wake.is_none_or(|wake| wake > self.now) {
            return;
        }
        node.wake = None;
        if node.paused.is_none() {
            self.note(&[b'w', n as u8]);
            self.input(n, Input::Tick);
        }
    }

    fn commit(&mut self, n: usize, life: u64, position: Position) {
        let fsync = self.nodes[n].fsync;
        let node = &mut self.nodes[n];
        if node.life != life || node.member.is_none() {
            return;
        }
        if node.disk.full {
            return self.schedule(fsync, Happening::Commit(n, life, position));
        }
        node.disk.sync(position);
        let (now, mut accepted) = (self.now, Vec::new());
        self.waiting.retain(|(at, of, upto, name)| {
            let done = *at == n && *of == life && *upto <= position;
            if done {
                accepted.push(name.clone());
            }
            !done
        });
        for name in accepted {
            self.ledger.story(&name).accepted.get_or_insert((now, n));
        }
        self.note(&[b'c', n as u8]);
        self.input(n, Input::Committed(position));
        self.rewrite(n);
    }

    /// Rewrites the journal's oldest half once it is long.
    fn rewrite(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        if node.rewriting.is_some() {
            return;
        }
        if let Some(records) = node.disk.oldest_segment(SEGMENT) {
            node.rewriting = Some(records.len());
            self.input(n, Input::Rewrite { ticket: Ticket(0), records });
        }
    }

    /// Runs for a time.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    /// Runs until something holds, or for that long at most; whether it came to hold.
    pub fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + limit;
        loop {
            if holds(self) {
                return true;
            }
            if !self.step(until) {
                self.now = self.now.max(until);
                return holds(self);
            }
        }
    }

    fn logged(&mut self, n: usize, line: &LogLine) {
        if self.settings.narrate && line.severity >= Severity::Info {
            let fields: Vec<String> = line.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
            self.say(|| format!("m{n} {}: {}", line.message, fields.join(" ")));
        }
    }

    /// Gives a command; its number.
    pub fn command(&mut self, n: usize, command: Command) -> u64 {
        self.number += 1;
        let ticket = self.number;
        self.input(n, Input::Command { ticket: Ticket(ticket), command });
        ticket
    }

    /// Gives a command and runs until it has ended; `None` when it does not end in two minutes.
    pub fn command_now(
        &mut self,
        n: usize,
        command: Command,
    ) -> Option<Result<Done, CommandError>> {
        let ticket = self.command(n, command);
        self.wait_for(ticket);
        self.results.remove(&ticket).map(|(_, result)| result)
    }

    /// Runs until a command has ended, two minutes at most.
    pub(crate) fn wait_for(&mut self, ticket: u64) {
        self.run_until(Duration::from_mins(2), |w| w.results.contains_key(&ticket));
    }

    pub(crate) fn inbound_id(&mut self, n: usize, life: u64, back: Back) -> InboundId {
        self.number += 1;
        self.inbound.insert(self.number, (n, life, back));
        InboundId(self.number)
    }
}
