//! Chaos: a seeded run of events, edits and faults, then calm, then judgement.

mod fault;

use std::collections::BTreeMap;
use std::time::Duration;

use member::Command;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

pub use fault::Kind;

use crate::agenda::Agenda;
use crate::check::{Checks, Judgement, Violation, judge};
use crate::ledger::EventName;
use crate::world::{Settings, World};
use fault::Undo;

/// Topics that events are raised for.
const TOPICS: [&str; 3] = ["cpu", "disk", "web"];
/// Event ids per topic.
const IDS: u64 = 4;
/// How much later than the first one a member can see the same data.
const LATE: Duration = Duration::from_millis(400);
/// Time in which the windows of a restarted member's task fill.
const WINDOWS: Duration = Duration::from_mins(1);
/// Faults at a time.
const AT_ONCE: usize = 2;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts, all in one cluster at the beginning.
    pub members: usize,
    /// Length of the chaos.
    pub length: Duration,
    /// Faults that may happen; none: a faultless run.
    pub faults: Vec<Kind>,
    /// `[alert] redundancy`.
    pub redundancy: usize,
    /// `[alert] delay-per-member`.
    pub delay: Duration,
    /// Mean time between events.
    pub every: Duration,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What was found broken, first first.
    pub violations: Vec<Violation>,
    /// Events raised.
    pub events: usize,
    /// Arrivals at the receiver.
    pub arrivals: usize,
    /// Events that some handler got more than once.
    pub doubled: usize,
    /// Time from raise to first arrival of each, sorted.
    pub lateness: Vec<Duration>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, usize>,
    /// How often each invariant was looked at.
    pub looked: BTreeMap<&'static str, u64>,
    /// Claims that were taken over.
    pub takeovers: u64,
    /// Bytes over the network.
    pub bytes: u64,
    /// Hash over all that happened.
    pub trace: u64,
}

enum Action {
    /// A new event.
    Event,
    /// A member sees it, so often.
    See(usize, EventName, u32),
    /// A member whose windows are filling raises what no other does.
    False(usize, EventName),
    /// An edit of a handler.
    Edit,
    /// A fault begins.
    Fault,
    /// A fault is over.
    Undo(Undo),
    /// Look at sizes and specs.
    Look,
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    rng: StdRng,
    agenda: Agenda<Action>,
    end: Duration,
    open: usize,
    /// Members that were ever removed, or whose disk was: what they were told last may be gone.
    forgiven: Vec<model::MemberId>,
    /// Members whose disk is lost and who were not removed yet, with their hosts.
    lost: Vec<(usize, model::MemberId)>,
    /// When hosts were last told to be added again.
    added: BTreeMap<usize, Duration>,
    counts: BTreeMap<&'static str, usize>,
    edits: u64,
}

/// What the members of a plan are set to.
pub fn settings(plan: &Plan) -> Settings {
    let Plan { redundancy, delay, .. } = *plan;
    Settings { redundancy, delay, windows: Some(WINDOWS), ..Settings::default() }
}

/// Runs one seed.
pub fn run(seed: u64, plan: &Plan) -> Report {
    run_with(seed, plan, settings(plan)).0
}

/// Runs one seed and gives the world, with its story when narrated.
pub fn run_with(seed: u64, plan: &Plan, settings: Settings) -> (Report, World) {
    let world = World::new(seed, plan.members, settings);
    let mut run = Run {
        plan,
        world,
        rng: StdRng::seed_from_u64(seed ^ 0x0063_6861_6f73),
        agenda: Agenda::default(),
        end: Duration::ZERO,
        open: 0,
        forgiven: Vec::new(),
        lost: Vec::new(),
        added: BTreeMap::new(),
        counts: BTreeMap::new(),
        edits: 0,
    };
    run.form();
    run.rage();
    run.settle();
    run.report(seed)
}

impl Run<'_> {
    fn form(&mut self) {
        let all: Vec<usize> = (0..self.plan.members).collect();
        let formed = self.world.form(&all);
        let world = &mut self.world;
        let handlers = TOPICS.map(|topic| (topic, "h")).into_iter().chain([(TOPICS[0], "i")]);
        let defined = handlers
            .into_iter()
            .all(|(topic, id)| matches!(world.define(0, topic, id, None), Some(Ok(_))));
        if !formed || !defined {
            world.checks.report("S6", world.now, "the cluster did not form".into());
        }
        world.run(Duration::from_secs(12));
        self.end = world.now + self.plan.length;
    }

    fn soon(&mut self, mean: Duration) -> Duration {
        let mean = mean.as_nanos() as u64;
        self.world.now + Duration::from_nanos(self.rng.next_u64() % (2 * mean).max(1))
    }

    fn plan_next(&mut self, mean: Duration, action: Action) {
        let at = self.soon(mean);
        self.agenda.add(at, action);
    }

    fn rage(&mut self) {
        self.plan_next(self.plan.every, Action::Event);
        self.plan_next(Duration::from_secs(1), Action::Look);
        if !self.plan.faults.is_empty() {
            self.plan_next(Duration::from_secs(10), Action::Fault);
            self.plan_next(Duration::from_secs(40), Action::Edit);
        }
        while let Some(at) = self.agenda.next()
            && at <= self.end
        {
            let Some((at, action)) = self.agenda.pop() else { break };
            self.world.run(at.saturating_sub(self.world.now));
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Event => {
                self.event();
                self.plan_next(self.plan.every, Action::Event);
            }
            Action::See(n, name, times) => {
                for occurrence in 0..times {
                    self.world.raise_on(n, &EventName { occurrence, ..name.clone() });
                }
            }
            Action::False(n, name) => self.world.raise_false(n, &name),
            Action::Edit => {
                self.edit();
                self.plan_next(Duration::from_secs(40), Action::Edit);
            }
            Action::Fault => {
                if self.open < AT_ONCE {
                    self.fault();
                }
                self.plan_next(Duration::from_secs(20), Action::Fault);
            }
            Action::Undo(undo) => self.undo(undo),
            Action::Look => {
                self.world.check_limits();
                self.world.check_specs();
                if self.rng.random::<f64>() < 0.1
                    && let Some(n) = self.pick(World::is_in_cluster)
                {
                    self.world.copy_disk(n);
                }
                self.plan_next(Duration::from_secs(5), Action::Look);
            }
        }
    }

    /// The same data reaches each member, a little later here and there, now and then not at all.
    fn event(&mut self) {
        let topic = TOPICS[(self.rng.next_u64() % TOPICS.len() as u64) as usize];
        let id = format!("e{}", self.rng.next_u64() % IDS);
        let at = self.world.now.as_nanos() as i64;
        let name = EventName { topic: topic.into(), id: id.as_str().into(), at, occurrence: 0 };
        // Now and then the data holds the same point twice, and the task raises the same event twice.
        let times = if self.rng.random::<f64>() < 0.1 { 2 } else { 1 };
        for n in 0..self.plan.members {
            let late = Duration::from_nanos(self.rng.next_u64() % LATE.as_nanos() as u64);
            if self.rng.random::<f64>() >= 0.03 {
                self.agenda.add(self.world.now + late, Action::See(n, name.clone(), times));
            }
        }
        if let Some(n) = self.pick(World::is_cold) {
            let name = EventName { id: format!("{id}-false").as_str().into(), ..name };
            self.agenda.add(self.world.now + LATE, Action::False(n, name));
        }
    }

    /// Someone defines or deletes a handler of a topic that has no events.
    fn edit(&mut self) {
        let Some(n) = self.pick(|world, n| world.nodes[n].is_up() && world.is_in_cluster(n)) else {
            return;
        };
        self.edits += 1;
        let id = format!("x{}", self.rng.next_u64() % 4);
        let command = if self.rng.random::<f64>() < 0.3 {
            Command::DeleteHandler { topic: "edited".into(), id: id.as_str().into() }
        } else {
            let to = format!("t{}", self.edits);
            crate::world::handler("edited", &id, Some(&to))
        };
        self.world.command(n, command);
    }

    /// A random host of which something holds.
    fn pick(&mut self, holds: impl Fn(&World, usize) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.plan.members).filter(|n| holds(&self.world, *n)).collect();
        let at = self.rng.next_u64() as usize;
        (!fit.is_empty()).then(|| fit[at % fit.len()])
    }

    /// Everything is mended and every host runs; then all that is owed must come.
    fn settle(&mut self) {
        while let Some((_, action)) = self.agenda.pop() {
            if let Action::Undo(undo) = action {
                self.undo(undo);
            }
        }
        for n in 0..self.plan.members {
            self.world.resume(n);
        }
        let going = |world: &mut World| world.nodes.iter().any(|node| node.stopping);
        self.world.run_until(Duration::from_mins(1), |world| !going(world));
        for n in 0..self.plan.members {
            self.world.start(n);
        }
        let delay = self.plan.delay;
        let rounds = self.plan.members as u32 + 4;
        self.world.run(Duration::from_secs(30));
        self.replace_the_lost();
        // Members that are not of the cluster have been told so by now, or are still to be.
        let main = self.main_cluster();
        let limit = Duration::from_mins(8) + delay * rounds;
        self.world.calm(&main, limit);
        self.world.check_limits();
        self.world.check_specs();
        let forgiven = std::mem::take(&mut self.forgiven);
        self.world.forget_edits(&forgiven);
        self.world.check_resurrection(&main);
        let how = Judgement {
            now: self.world.now,
            faultless: self.plan.faults.is_empty(),
            prompt: Duration::from_secs(1),
            calm: true,
            grace: Duration::from_mins(1) + delay * rounds,
        };
        let mut checks = std::mem::take(&mut self.world.checks);
        judge(&self.world.ledger, &how, &mut checks);
        self.world.checks = checks;
    }

    /// Hosts whose member is in the cluster of most.
    fn main_cluster(&self) -> Vec<usize> {
        let mut by_cluster: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, node) in self.world.nodes.iter().enumerate() {
            if let Some(member) = &node.member {
                by_cluster.entry(member.cluster().to_string()).or_default().push(n);
            }
        }
        by_cluster.into_values().max_by_key(Vec::len).unwrap_or_default()
    }

    fn report(self, seed: u64) -> (Report, World) {
        let world = self.world;
        let ledger = &world.ledger;
        let mut lateness: Vec<Duration> = ledger
            .events
            .values()
            .filter_map(|story| {
                let (raised, _) = story.raised?;
                let first = story.arrivals.values().flatten().map(|(at, _)| *at).min()?;
                Some(first.saturating_sub(raised))
            })
            .collect();
        lateness.sort_unstable();
        let members = world.nodes.iter().filter_map(|node| node.member.as_ref());
        let takeovers = members.map(|m| m.counters().dedup.takeovers).sum();
        let Checks { violations, looked, .. } = world.checks.clone();
        let report = Report {
            seed,
            violations,
            events: ledger.events.len(),
            arrivals: ledger.copies(),
            doubled: ledger
                .events
                .values()
                .filter(|s| s.arrivals.values().any(|a| a.len() > 1))
                .count(),
            lateness,
            faults: self.counts,
            looked,
            takeovers,
            bytes: world.bytes,
            trace: world.trace(),
        };
        (report, world)
    }
}
