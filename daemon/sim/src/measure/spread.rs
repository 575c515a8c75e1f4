//! Broadcasts over the bare gossip machines: from the sender to the last member that hears it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use gossip::{Config, Gossip, Output, Roster, SeededNonces};
use model::BootGeneration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Row, percentile};
use crate::agenda::Agenda;
use crate::network::Network;
use crate::world::{addresses, cluster_id, member_id, node_of};

/// Size of what is spread, bytes.
const PAYLOAD: usize = 120;
/// Broadcasts per seed.
const ROUNDS: usize = 100;
/// A broadcast that has not reached all by then has not reached all.
const LONGEST: Duration = Duration::from_secs(10);

enum Happening {
    Wake(usize),
    Datagram { from: usize, to: usize, bytes: Vec<u8> },
    Sync { from: usize, to: usize, bytes: Vec<u8> },
    Reply { from: usize, to: usize, bytes: Vec<u8> },
}

/// Gossip machines and a network without faults.
struct Mesh {
    now: Duration,
    machines: Vec<Gossip>,
    wakes: Vec<Option<Duration>>,
    network: Network,
    agenda: Agenda<Happening>,
    rng: StdRng,
    heard: BTreeSet<usize>,
}

fn source(n: usize) -> SocketAddr {
    let [_, b, c, d] = (n as u32).to_be_bytes();
    SocketAddr::from(([10, b, c, d], 9090))
}

impl Mesh {
    fn new(seed: u64, members: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut roster = Roster::new();
        for n in 0..members {
            roster.update_own(member_id(n), &addresses(n), &["worker".into()]);
        }
        let machines = (0..members).map(|n| {
            let boot = BootGeneration(1);
            let config = Config::new(member_id(n), boot, cluster_id(1), addresses(n));
            let nonces = Box::new(SeededNonces::new(seed ^ n as u64));
            Gossip::new(config, roster.clone(), rng.random(), nonces, Duration::ZERO)
        });
        let machines = machines.collect();
        let mut mesh = Self {
            now: Duration::ZERO,
            machines,
            wakes: vec![None; members],
            network: Network::default(),
            agenda: Agenda::default(),
            rng,
            heard: BTreeSet::new(),
        };
        for n in 0..members {
            mesh.drain(n);
        }
        mesh
    }

    fn drain(&mut self, n: usize) {
        while let Some(output) = self.machines[n].poll_output() {
            match output {
                Output::Datagram { to, bytes } => {
                    let to = node_of(&to.address).map_or(n, |(to, _)| to);
                    self.post(Happening::Datagram { from: n, to, bytes });
                }
                Output::Sync { to, bytes } => {
                    let to = node_of(&to.address).map_or(n, |(to, _)| to);
                    self.post(Happening::Sync { from: n, to, bytes });
                }
                Output::Broadcast { .. } => {
                    self.heard.insert(n);
                }
                Output::PersistBoot(boot) => self.machines[n].boot_persisted(self.now, boot),
                Output::RosterChanged | Output::Digests { .. } | Output::Event(_) => {}
            }
        }
        if let Some(at) = self.machines[n].poll_timeout()
            && self.wakes[n].is_none_or(|wake| at < wake)
        {
            self.wakes[n] = Some(at);
            self.agenda.add(at.max(self.now), Happening::Wake(n));
        }
    }

    fn post(&mut self, happening: Happening) {
        let delay = self.network.delay(&mut self.rng);
        self.agenda.add(self.now + delay, happening);
    }

    /// Runs until all but `origin` have heard, or for so long.
    fn run(&mut self, length: Duration, until_all: bool) -> Option<Duration> {
        let end = self.now + length;
        while self.agenda.next().is_some_and(|at| at <= end) {
            let Some((at, happening)) = self.agenda.pop() else { break };
            self.now = self.now.max(at);
            let now = self.now;
            match happening {
                Happening::Wake(n) => {
                    if self.wakes[n].is_some_and(|wake| wake <= now) {
                        self.wakes[n] = None;
                        self.machines[n].handle_timeout(now);
                    }
                    self.drain(n);
                }
                Happening::Datagram { from, to, bytes } => {
                    self.machines[to].handle_datagram(now, source(from), &bytes);
                    self.drain(to);
                }
                Happening::Sync { from, to, bytes } => {
                    let reply = self.machines[to].handle_sync(now, source(from), &bytes);
                    if let Some(bytes) = reply {
                        self.post(Happening::Reply { from: to, to: from, bytes });
                    }
                    self.drain(to);
                }
                Happening::Reply { from, to, bytes } => {
                    self.machines[to].handle_sync_reply(now, source(from), &bytes);
                    self.drain(to);
                }
            }
            if until_all && self.heard.len() + 1 >= self.machines.len() {
                return Some(self.now);
            }
        }
        self.now = end;
        None
    }
}

/// The limit of anchors: ln-shaped in the number of members, seconds; none for few members.
fn limit(members: usize) -> Option<f64> {
    match members {
        10 => Some(0.49),
        32 => Some(0.7),
        100 => Some(0.97),
        _ => None,
    }
}

pub(super) fn rows(members: usize, seeds: u64) -> Vec<Row> {
    let mut took = Vec::new();
    let mut missed = 0.0;
    for seed in 0..seeds {
        let mut mesh = Mesh::new(seed, members);
        mesh.run(Duration::from_mins(2), false);
        for round in 0..ROUNDS {
            let origin = round % members;
            mesh.heard.clear();
            let began = mesh.now;
            let _ = mesh.machines[origin].broadcast(&[7; PAYLOAD]);
            mesh.drain(origin);
            match mesh.run(LONGEST, true) {
                Some(at) => took.push(at.saturating_sub(began)),
                None => missed += 1.0,
            }
            mesh.run(Duration::from_secs(1), false);
        }
    }
    let twice = limit(members).map(|limit| 2.0 * limit);
    vec![
        Row::new("broadcast reaches all, p50", members, percentile(&mut took, 0.5), "s"),
        Row::new("broadcast reaches all, p99", members, percentile(&mut took, 0.99), "s")
            .most(twice),
        Row::new("broadcasts not at all within 10 s", members, missed, ""),
    ]
}
