//! Carries out what members want: packets, calls, writes, attempts.

use std::net::SocketAddr;
use std::time::Duration;

use alert::Outcome;
use dedup::Message;
use member::{CallError, Command, Input, Member, Output, Ticket, Unanswered};
use model::Str;
use rand::Rng;
use rpc::{Request, decode_answer, decode_request, encode_answer, encode_request};

use super::{Back, Happening, Trap, World, cluster_id, node_of};
use crate::ledger::EventName;

impl World {
    /// Takes all outputs of a process and schedules its commit and its next wake.
    pub(super) fn drain(&mut self, n: usize) {
        let mut last = None;
        while let Some(output) = self.nodes[n].member.as_mut().and_then(Member::poll_output) {
            if let Output::Persist { position, write } = output {
                self.nodes[n].disk.write(position, write);
                last = Some(position);
            } else {
                self.execute(n, output);
            }
        }
        let (life, fsync) = (self.nodes[n].life, self.nodes[n].fsync);
        if let Some(position) = last {
            let jitter = Duration::from_nanos(self.rng.next_u64() % 500_000);
            self.schedule(fsync + jitter, Happening::Commit(n, life, position));
        }
        let next = self.nodes[n].member.as_ref().and_then(Member::next_timeout);
        if let Some(at) = next {
            let at = at.max(self.now);
            if self.nodes[n].wake.is_none_or(|wake| at < wake) {
                self.nodes[n].wake = Some(at);
                self.agenda.add(at, Happening::Wake(n, life));
            }
        }
    }

    /// The address that packets of a host come from.
    fn source(n: usize) -> SocketAddr {
        let [_, b, c, d] = (n as u32).to_be_bytes();
        SocketAddr::from(([10, b, c, d], 9090))
    }

    fn is_listening(&self, n: usize) -> bool {
        self.nodes.get(n).is_some_and(|node| node.member.is_some())
    }

    fn execute(&mut self, n: usize, output: Output) {
        let life = self.nodes[n].life;
        match output {
            Output::Persist { .. } => {}
            Output::Datagram { to, bytes } => {
                let Some((to, _)) = node_of(&to.address).filter(|(to, _)| self.is_listening(*to))
                else {
                    return;
                };
                self.bytes += bytes.len() as u64 + 28;
                self.note(&bytes);
                for _ in 0..self.network.copies(n, to, bytes.len(), &mut self.rng) {
                    let delay = self.network.delay(&mut self.rng);
                    let input = Input::Datagram { from: Self::source(n), bytes: bytes.clone() };
                    let life = self.nodes[to].life;
                    self.schedule(delay, Happening::Input(to, life, input));
                }
            }
            Output::GossipSync { to, bytes } => self.gossip_sync(n, to, bytes),
            Output::GossipSyncReply { id, bytes } => {
                if let Some((back, life, Back::Sync(_))) = self.inbound.get(&id.0).cloned()
                    && self.network.connects(n, back)
                {
                    self.inbound.remove(&id.0);
                    self.bytes += bytes.len() as u64;
                    let delay = self.network.delay(&mut self.rng);
                    let member = self.nodes[n].id;
                    let reply = Some((Self::source(n), bytes));
                    let input = Input::GossipSyncReply { member, reply };
                    self.schedule(delay, Happening::Input(back, life, input));
                }
            }
            Output::Call { id, to, header, request, deadline } => {
                if self.springs(n, Trap::Claim, || has_claim(&request)) {
                    return;
                }
                let call = request.call();
                let body = encode_request(&header, &request);
                self.call(n, (id, call), &to, &body, deadline);
            }
            Output::Answer { id, answer } => {
                let Some((back, life, Back::Call(call, kind))) = self.inbound.get(&id.0).cloned()
                else {
                    return;
                };
                // Where the way back is cut the caller hears of it by its deadline.
                if self.network.connects(n, back) {
                    self.inbound.remove(&id.0);
                    let body = encode_answer(&answer);
                    self.bytes += body.len() as u64;
                    self.note(&body);
                    let result = match decode_answer(kind, &body) {
                        Ok(answer) => Ok(answer),
                        Err(e) => Err(CallError::Lost(e.to_string())),
                    };
                    let delay = self.network.delay(&mut self.rng);
                    let input = Input::Answer { id: call, result };
                    self.schedule(delay, Happening::Input(back, life, input));
                }
            }
            Output::Probe { id, address, deadline, .. } => {
                let (after, result) = self.dial(n, &address, deadline);
                self.schedule(after, Happening::Input(n, life, Input::Probed { id, result }));
            }
            Output::Attempt { attempt, .. } => self.attempt(n, &attempt),
            Output::WarmQuery { id, .. } => {
                // A second later its data has passed the time of any event that it saw.
                let raised = self.nodes[n].warm_since.map(|_| false);
                let input = Input::WarmReply { id, raised };
                self.schedule(Duration::from_secs(1), Happening::Input(n, life, input));
            }
            Output::Completed { ticket: Ticket(0), .. } => {
                if let Some(records) = self.nodes[n].rewriting.take() {
                    self.nodes[n].disk.drop_segment(records);
                }
            }
            Output::Completed { ticket, result } => {
                self.results.insert(ticket.0, (self.now, result));
            }
            Output::NeedClusterId => {
                self.number += 1;
                let command = Command::FreshClusterId(cluster_id(self.number));
                let input = Input::Command { ticket: Ticket(1), command };
                self.schedule(Duration::ZERO, Happening::Input(n, life, input));
            }
            Output::ClusterChanged { cluster, state } => {
                self.say(|| format!("m{n} is in cluster {cluster}, {state}"));
            }
            Output::Stopped => {
                self.say(|| format!("m{n} has stopped"));
                self.end(n);
            }
            Output::SaveHandlers(_) => {}
            Output::Log(line) => self.logged(n, &line),
        }
    }

    fn gossip_sync(&mut self, n: usize, to: gossip::Destination, bytes: Vec<u8>) {
        let life = self.nodes[n].life;
        let delay = self.network.delay(&mut self.rng);
        let target = node_of(&to.address)
            .map(|(target, _)| target)
            .filter(|t| self.is_listening(*t) && self.network.connects(n, *t));
        let Some(target) = target else {
            let input = Input::GossipSyncReply { member: to.member, reply: None };
            return self.schedule(delay, Happening::Input(n, life, input));
        };
        self.bytes += bytes.len() as u64;
        self.note(&bytes);
        let id = self.inbound_id(n, life, Back::Sync(to.member));
        self.schedule(Duration::from_secs(10), Happening::Lost(id.0));
        let input = Input::GossipSync { id, from: Self::source(n), bytes };
        let life = self.nodes[target].life;
        self.schedule(delay, Happening::Input(target, life, input));
    }

    /// Connects from a host to an address: how it goes, and how long that takes.
    fn dial(
        &mut self,
        n: usize,
        address: &str,
        deadline: Duration,
    ) -> (Duration, Result<(), Unanswered>) {
        let delay = self.network.delay(&mut self.rng);
        let fails = |refused, why: &str| Err(Unanswered { refused, why: why.to_owned() });
        match node_of(address).filter(|(to, _)| *to < self.nodes.len()) {
            None => (delay, fails(false, "no such host")),
            Some((to, _)) if !self.network.connects(n, to) => (deadline, fails(false, "no answer")),
            Some((to, _)) if !self.is_listening(to) => (delay, fails(true, "connection refused")),
            Some(_) => (delay, Ok(())),
        }
    }

    fn call(
        &mut self,
        n: usize,
        (id, call): (member::CallId, rpc::Call),
        to: &str,
        body: &[u8],
        deadline: Duration,
    ) {
        let life = self.nodes[n].life;
        let delay = self.network.delay(&mut self.rng);
        let failed = |world: &mut Self, after: Duration, error: CallError| {
            let input = Input::Answer { id, result: Err(error) };
            world.schedule(after, Happening::Input(n, life, input));
        };
        let Some((target, port)) = node_of(to).filter(|(t, _)| *t < self.nodes.len()) else {
            return failed(self, delay, CallError::Unreachable("no such host".into()));
        };
        if !self.network.connects(n, target) {
            // Packets vanish: only the deadline tells.
            return failed(self, deadline, CallError::Lost("no answer".into()));
        }
        if !self.is_listening(target) {
            return failed(self, delay, CallError::Unreachable("connection refused".into()));
        }
        if port != 9091 {
            return failed(self, delay, CallError::NotRpc("HTTP 404".into()));
        }
        self.links.insert((n, target));
        self.bytes += body.len() as u64;
        self.note(body);
        let (header, request) = match decode_request(call.path(), body) {
            Ok(read) => read,
            Err(e) => return failed(self, delay, CallError::Lost(e.to_string())),
        };
        let inbound = self.inbound_id(n, life, Back::Call(id, call));
        self.schedule(deadline, Happening::Lost(inbound.0));
        let life = self.nodes[target].life;
        let input = Input::Request { id: inbound, header, request };
        self.schedule(delay, Happening::Input(target, life, input));
    }

    fn attempt(&mut self, n: usize, attempt: &alert::Attempt) {
        if self.springs(n, Trap::Attempt, || true) {
            return;
        }
        let body = &attempt.event.body;
        let name = EventName {
            topic: attempt.event.topic.clone(),
            id: body.id.clone(),
            at: body.time.0,
            occurrence: body.occurrence,
        };
        let handler: Str = attempt.handler.handler.clone();
        self.note(name.to_string().as_bytes());
        self.check_attempt(n, attempt, &name);
        let (arrives, told, outcome) = self.receiver.take(&mut self.rng);
        if let Some(after) = arrives {
            let arrives = match outcome {
                Outcome::Failed { .. } => Happening::Refusal(n, name, handler),
                Outcome::Delivered => Happening::Arrival(n, name, handler),
            };
            self.schedule(after, arrives);
        }
        let life = self.nodes[n].life;
        let input = Input::Attempted { token: attempt.token, outcome };
        self.schedule(told, Happening::Input(n, life, input));
    }

    pub(crate) fn arrive(&mut self, n: usize, name: EventName, handler: Str) {
        let now = self.now;
        let arrivals = self.ledger.story(&name).arrivals.entry(handler.clone()).or_default();
        arrivals.push((now, n));
        let copies = arrivals.len();
        self.note(&[b'a', n as u8, copies as u8]);
        self.say(|| format!("receiver gets {name} for {handler} from m{n}, copy {copies}"));
        if self.ledger.story(&name).is_false {
            self.check_false(n, &name);
        }
        self.springs(n, Trap::Arrival, || true);
    }

    pub(crate) fn refuse(&mut self, n: usize, name: &EventName, handler: Str) {
        self.note(&[b'r', n as u8]);
        self.say(|| format!("receiver refuses {name} for {handler} from m{n}"));
        let now = self.now;
        self.ledger.story(name).refusals.entry(handler).or_default().push((now, n));
    }

    /// The trap is set and this is its point: the process dies.
    fn springs(&mut self, n: usize, trap: Trap, here: impl FnOnce() -> bool) -> bool {
        if self.trap != Some(trap) || !here() {
            return false;
        }
        self.trap = None;
        self.kill(n);
        true
    }
}

fn has_claim(request: &Request) -> bool {
    match request {
        Request::Frame(frame) => frame.messages.iter().any(|m| matches!(m, Message::Claim(_))),
        _ => false,
    }
}
