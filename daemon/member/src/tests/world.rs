//! A small world for whole machines: a network with latency, disks that commit late, receivers that
//! count. Deterministic; the large one with faults is the `sim` room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alert::{Body, Data, Details, Event, HandlerSpec, Level, Outcome, Series, Source};
use gossip::{Addresses, SeededNonces};
use model::{BootGeneration, ClusterId, Fields, MemberId, Tags, Time};
use rpc::{decode_answer, decode_request, encode_answer, encode_request};

use crate::*;

/// One way between two members.
const LATENCY: Duration = Duration::from_micros(500);
/// From a write to its report.
const COMMIT: Duration = Duration::from_millis(1);
/// Wall time of the world's origin.
const EPOCH: i64 = 1_600_000_000_000_000_000;

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) nodes: Vec<Node>,
    queue: BTreeMap<(Duration, u64), Happening>,
    number: u64,
    /// (member, handler, event id, event time) of each attempt.
    pub(super) sent: Vec<(usize, String, String, i64)>,
    pub(super) results: BTreeMap<u64, Result<Done, CommandError>>,
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// Gossip addresses that nobody can dial.
    pub(super) undialable: BTreeSet<String>,
    /// What a receiver answers.
    pub(super) outcome: Outcome,
    inbound: BTreeMap<u64, (usize, u64, Back)>,
    pub(super) config: fn(&mut Config),
}

pub(super) struct Node {
    pub(super) id: MemberId,
    pub(super) member: Option<Member>,
    /// Counts starts; what was meant for an earlier one is lost.
    life: u64,
    rows: BTreeMap<Row, Vec<u8>>,
    journal: Vec<Vec<u8>>,
    unsynced: Vec<(Position, Write)>,
    wake: Option<Duration>,
    pub(super) log: Vec<LogLine>,
    pub(super) saved: Vec<Arc<HandlerSpec>>,
    pub(super) stopped: bool,
    pub(super) disk_full: bool,
}

/// Where an answer goes.
#[derive(Clone, Debug)]
enum Back {
    Call(CallId, rpc::Call),
    Sync,
}

#[derive(Debug)]
enum Happening {
    Input(usize, u64, Input),
    Commit(usize, u64, Position),
    Wake(usize, u64),
    Lost(u64),
}

pub(super) fn member_id(n: usize) -> MemberId {
    format!("00000000-0000-4000-8000-{:012x}", n + 1).parse().expect("valid")
}

fn cluster_id(n: u64) -> ClusterId {
    format!("10000000-0000-4000-8000-{n:012x}").parse().expect("valid")
}

fn addresses(n: usize) -> Addresses {
    Addresses {
        gossip: format!("m{n}:9090").into(),
        rpc: format!("m{n}:9091").into(),
        api: format!("m{n}:9092").into(),
    }
}

fn node_of(address: &str) -> Option<usize> {
    address.strip_prefix('m')?.split(':').next()?.parse().ok()
}

impl World {
    pub(super) fn new(members: usize) -> Self {
        Self::with(members, |_| {})
    }

    pub(super) fn with(members: usize, config: fn(&mut Config)) -> Self {
        let mut world = Self {
            now: Duration::from_secs(1),
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            number: 1000,
            sent: Vec::new(),
            results: BTreeMap::new(),
            cut: BTreeSet::new(),
            undialable: BTreeSet::new(),
            outcome: Outcome::Delivered,
            inbound: BTreeMap::new(),
            config,
        };
        for n in 0..members {
            world.nodes.push(Node {
                id: member_id(n),
                member: None,
                life: 0,
                rows: BTreeMap::new(),
                journal: Vec::new(),
                unsynced: Vec::new(),
                wake: None,
                log: Vec::new(),
                saved: Vec::new(),
                stopped: false,
                disk_full: false,
            });
            world.start(n);
        }
        world
    }

    /// A cluster made by adding all members to the first.
    pub(super) fn cluster(members: usize) -> Self {
        Self::cluster_with(members, |_| {})
    }

    pub(super) fn cluster_with(members: usize, config: fn(&mut Config)) -> Self {
        let mut world = Self::with(members, config);
        for n in 1..members {
            let result = world.command(0, Command::AddMember { rpc_address: addresses(n).rpc });
            assert_eq!(result, Ok(Done::Added(member_id(n))));
        }
        world.run(Duration::from_secs(5));
        world
    }

    fn now(&self) -> Now {
        Now { elapsed: self.now, wall: Time(EPOCH + self.now.as_nanos() as i64) }
    }

    /// Starts the process from its disk.
    pub(super) fn start(&mut self, n: usize) {
        let now = self.now();
        let node = &mut self.nodes[n];
        node.life += 1;
        let stored = Stored {
            rows: node.rows.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            journal: node.journal.clone(),
        };
        self.number += 1;
        let boot = BootGeneration::next(
            stored_boot(&stored).expect("readable"),
            now.wall.0 as u64 / 1_000_000,
        );
        let identity = Identity {
            member: node.id,
            cluster: cluster_id(n as u64),
            fresh_cluster: cluster_id(self.number),
            boot,
        };
        let mut config = Config::new(addresses(n));
        config.seed = n as u64 * 7 + node.life;
        (self.config)(&mut config);
        let nonces = Box::new(SeededNonces::new(n as u64));
        let member = Member::new(config, identity, &stored, nonces, now).expect("readable");
        self.nodes[n].member = Some(member);
        self.nodes[n].wake = None;
        self.nodes[n].stopped = false;
        self.drain(n);
    }

    /// Ends the process at once; what was not committed is lost.
    pub(super) fn kill(&mut self, n: usize) {
        self.nodes[n].member = None;
        self.nodes[n].unsynced.clear();
    }

    pub(super) fn member(&self, n: usize) -> &Member {
        self.nodes[n].member.as_ref().expect("running")
    }

    pub(super) fn input(&mut self, n: usize, input: Input) {
        let now = self.now();
        if let Some(member) = self.nodes[n].member.as_mut() {
            member.handle(now, input);
            self.drain(n);
        }
    }

    /// Gives a command without waiting for its end, see [`Self::completed`].
    pub(super) fn begin(&mut self, n: usize, command: Command) -> Ticket {
        self.number += 1;
        let ticket = Ticket(self.number);
        self.input(n, Input::Command { ticket, command });
        ticket
    }

    /// How a command ended, if it has.
    pub(super) fn completed(&mut self, ticket: Ticket) -> Option<Result<Done, CommandError>> {
        self.results.remove(&ticket.0)
    }

    /// Gives a command and runs until it has ended.
    pub(super) fn command(&mut self, n: usize, command: Command) -> Result<Done, CommandError> {
        let Ticket(ticket) = self.begin(n, command);
        let until = self.now + Duration::from_mins(2);
        while !self.results.contains_key(&ticket) {
            assert!(self.now < until && self.step(until), "the command does not end");
        }
        self.results.remove(&ticket).expect("just seen")
    }

    pub(super) fn put_handler(&mut self, n: usize, topic: &str, id: &str, kind: &str) {
        assert_eq!(self.command(n, put_handler(topic, id, kind)), Ok(Done::Ok));
    }

    /// Raises an event of one task on these members.
    pub(super) fn raise(&mut self, on: &[usize], topic: &str, id: &str, at: i64) {
        for n in on {
            let event = event(topic, id, at);
            self.input(*n, Input::Raise(Raise { event, cold: false }));
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    pub(super) fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&Self) -> bool) {
        let until = self.now + limit;
        while !holds(self) {
            assert!(self.step(until), "it does not come to hold");
        }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.number += 1;
        self.queue.insert((self.now + after, self.number), happening);
    }

    fn step(&mut self, until: Duration) -> bool {
        let Some(((at, _), _)) = self.queue.first_key_value() else { return false };
        if *at > until {
            return false;
        }
        let ((at, _), happening) = self.queue.pop_first().expect("just seen");
        self.now = at;
        match happening {
            Happening::Input(n, life, input) => {
                if self.nodes[n].life == life {
                    self.input(n, input);
                }
            }
            Happening::Wake(n, life) => {
                if self.nodes[n].life == life && self.nodes[n].wake.is_some_and(|w| w <= at) {
                    self.nodes[n].wake = None;
                    self.input(n, Input::Tick);
                }
            }
            Happening::Commit(n, life, position) => {
                if self.nodes[n].disk_full {
                    self.schedule(COMMIT, Happening::Commit(n, life, position));
                } else if self.nodes[n].life == life && self.nodes[n].member.is_some() {
                    self.nodes[n].commit(position);
                    self.input(n, Input::Committed(position));
                }
            }
            Happening::Lost(id) => {
                if let Some((n, life, Back::Call(call, _))) = self.inbound.remove(&id) {
                    let result = Err(CallError::Lost("no answer".into()));
                    let answer = Input::Answer { id: call, result };
                    self.schedule(Duration::ZERO, Happening::Input(n, life, answer));
                }
            }
        }
        true
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        self.nodes.get(to).is_some_and(|node| node.member.is_some())
            && !self.cut.contains(&(from, to))
    }

    fn drain(&mut self, n: usize) {
        let mut last = None;
        while let Some(output) = self.nodes[n].member.as_mut().and_then(Member::poll_output) {
            if let Output::Persist { position, write } = output {
                self.nodes[n].unsynced.push((position, write));
                last = Some(position);
            } else {
                self.execute(n, output);
            }
        }
        let life = self.nodes[n].life;
        if let Some(position) = last {
            self.schedule(COMMIT, Happening::Commit(n, life, position));
        }
        let next = self.nodes[n].member.as_ref().and_then(Member::next_timeout);
        if let Some(at) = next
            && self.nodes[n].wake.is_none_or(|wake| at < wake)
        {
            self.nodes[n].wake = Some(at);
            self.schedule(at.saturating_sub(self.now), Happening::Wake(n, life));
        }
    }

    fn execute(&mut self, n: usize, output: Output) {
        let from: std::net::SocketAddr = format!("10.0.0.{}:9090", n + 1).parse().expect("valid");
        let life = self.nodes[n].life;
        match output {
            Output::Persist { .. } => unreachable!("handled by the caller"),
            Output::Datagram { to, bytes } => {
                let to = node_of(&to.address).filter(|to| self.reaches(n, *to));
                if let Some(to) = to {
                    let life = self.nodes[to].life;
                    let input = Input::Datagram { from, bytes };
                    self.schedule(LATENCY, Happening::Input(to, life, input));
                }
            }
            Output::GossipSync { to, bytes } => {
                let target = node_of(&to.address).filter(|to| self.reaches(n, *to));
                if let Some(target) = target {
                    self.number += 1;
                    let id = self.number;
                    self.inbound.insert(id, (n, life, Back::Sync));
                    let life = self.nodes[target].life;
                    let input = Input::GossipSync { id: InboundId(id), from, bytes };
                    self.schedule(LATENCY, Happening::Input(target, life, input));
                } else {
                    let input = Input::GossipSyncReply { member: to.member, reply: None };
                    self.schedule(LATENCY, Happening::Input(n, life, input));
                }
            }
            Output::GossipSyncReply { id, bytes } => {
                if let Some((back, life, Back::Sync)) = self.inbound.remove(&id.0)
                    && self.reaches(n, back)
                {
                    let member = self.nodes[n].id;
                    let input = Input::GossipSyncReply { member, reply: Some((from, bytes)) };
                    self.schedule(LATENCY, Happening::Input(back, life, input));
                }
            }
            Output::Call { id, to, header, request, deadline } => {
                let call = request.call();
                let body = encode_request(&header, &request);
                let (header, request) = decode_request(call.path(), &body).expect("our own");
                let port = to.ends_with(":9091");
                let target = node_of(&to).filter(|to| self.reaches(n, *to));
                let Some(target) = target.filter(|_| port) else {
                    let error = if target.is_some() {
                        CallError::NotRpc("HTTP 404".into())
                    } else {
                        CallError::Unreachable("connection refused".into())
                    };
                    let input = Input::Answer { id, result: Err(error) };
                    return self.schedule(LATENCY, Happening::Input(n, life, input));
                };
                self.number += 1;
                let number = self.number;
                self.inbound.insert(number, (n, life, Back::Call(id, call)));
                self.schedule(deadline, Happening::Lost(number));
                let life = self.nodes[target].life;
                let input = Input::Request { id: InboundId(number), header, request };
                self.schedule(LATENCY, Happening::Input(target, life, input));
            }
            Output::Answer { id, answer } => {
                if let Some((back, life, Back::Call(call, kind))) = self.inbound.get(&id.0).cloned()
                    && self.reaches(n, back)
                {
                    self.inbound.remove(&id.0);
                    let answer = decode_answer(kind, &encode_answer(&answer)).expect("our own");
                    let input = Input::Answer { id: call, result: Ok(answer) };
                    self.schedule(LATENCY, Happening::Input(back, life, input));
                }
            }
            Output::Probe { id, address, .. } => {
                let to = node_of(&address);
                let reached = to.is_some_and(|to| self.reaches(n, to))
                    && !self.undialable.contains(&*address);
                let refused = to.is_some_and(|to| !self.cut.contains(&(n, to)));
                let why = "no answer".to_owned();
                let result = if reached { Ok(()) } else { Err(Unanswered { refused, why }) };
                self.schedule(LATENCY, Happening::Input(n, life, Input::Probed { id, result }));
            }
            Output::Attempt { attempt, .. } => {
                self.sent.push((
                    n,
                    attempt.handler.to_string(),
                    attempt.event.body.id.to_string(),
                    attempt.event.body.time.0,
                ));
                let outcome = self.outcome.clone();
                let input = Input::Attempted { token: attempt.token, outcome };
                self.schedule(Duration::from_millis(5), Happening::Input(n, life, input));
            }
            Output::Completed { ticket, result } => {
                self.results.insert(ticket.0, result);
            }
            Output::NeedClusterId => {
                self.number += 1;
                let command = Command::FreshClusterId(cluster_id(self.number));
                let input = Input::Command { ticket: Ticket(0), command };
                self.schedule(Duration::ZERO, Happening::Input(n, life, input));
            }
            Output::SaveHandlers(specs) => self.nodes[n].saved = specs,
            Output::Stopped => self.nodes[n].stopped = true,
            Output::Log(line) => self.nodes[n].log.push(line),
            Output::WarmQuery { id, .. } => {
                let input = Input::WarmReply { id, raised: Some(false) };
                self.schedule(Duration::from_secs(1), Happening::Input(n, life, input));
            }
            Output::ClusterChanged { .. } => {}
        }
    }

    /// Drops all segments of the journal but what still matters.
    pub(super) fn rewrite_journal(&mut self, n: usize) {
        let records = std::mem::take(&mut self.nodes[n].journal);
        self.number += 1;
        let ticket = self.number;
        self.input(n, Input::Rewrite { ticket: Ticket(ticket), records });
        self.run_until(Duration::from_secs(1), |w| w.results.contains_key(&ticket));
    }

    pub(super) fn journal_len(&self, n: usize) -> usize {
        self.nodes[n].journal.len()
    }

    /// Copies of each (handler, event id, event time) that were sent.
    pub(super) fn copies(&self) -> BTreeMap<(String, String, i64), usize> {
        let mut copies = BTreeMap::new();
        for (_, handler, id, at) in &self.sent {
            *copies.entry((handler.clone(), id.clone(), *at)).or_default() += 1;
        }
        copies
    }

    pub(super) fn assert_agreement(&self) {
        let running: Vec<_> = self.nodes.iter().filter_map(|n| n.member.as_ref()).collect();
        for pair in running.windows(2) {
            let (roster_a, a) = pair[0].agreement();
            let (roster_b, b) = pair[1].agreement();
            assert_eq!(roster_a, roster_b, "rosters differ");
            assert_eq!((a.specs, a.events, a.done), (b.specs, b.events, b.done));
        }
    }
}

impl Node {
    fn commit(&mut self, upto: Position) {
        let rest = self.unsynced.partition_point(|(position, _)| *position <= upto);
        for (_, write) in self.unsynced.drain(..rest) {
            match write {
                Write::Put(row, value) => {
                    self.rows.insert(row, value);
                }
                Write::Delete(row) => {
                    self.rows.remove(&row);
                }
                Write::Journal(record) => self.journal.push(record),
            }
        }
    }
}

pub(super) fn event(topic: &str, id: &str, at: i64) -> Event {
    let body = Body {
        id: id.into(),
        message: format!("{id} is CRITICAL").into(),
        details: Details::of_text("".into()),
        time: Time(at),
        duration: model::Duration(0),
        level: Level::Critical,
        data: Data {
            name: "cpu".into(),
            task: "t".into(),
            category: "".into(),
            group: "".into(),
            tags: Tags::empty(),
            fields: Fields::empty(),
            recoverable: true,
            series: Series::Point,
        },
        no_external: false,
        source: Source::of_node(None, "t", "alert2"),
        occurrence: 0,
        summary: None,
    };
    Event::new(topic.into(), Arc::new(body))
}

/// The command that creates a handler.
pub(super) fn put_handler(topic: &str, id: &str, kind: &str) -> Command {
    let options = match kind {
        "post" => serde_json::json!({"url": "http://receiver"}),
        "publish" => serde_json::json!({"topics": ["out"]}),
        other => panic!("{other}"),
    };
    let spec = HandlerSpec {
        id: id.into(),
        topic: topic.into(),
        kind: kind.into(),
        options: options.as_object().expect("object").clone(),
        matching: String::new(),
    };
    Command::PutHandler { spec: Arc::new(spec), create: true, file: None }
}
