//! A running task.
//!
//! Inputs: [`Task::handle_points`], [`Task::handle_answer`], [`Task::handle_timeout`],
//! [`Task::stop`]. After each of them take the effects with [`Task::poll_effect`] until there is
//! none, in order, and look at [`Task::poll_timeout`]. Everything else only looks.

mod dot;
mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration as Elapsed;

use jiff::tz::TimeZone;
use model::{Group, Point, Str, Time};

pub use stats::{EdgeStats, NodeStats, TaskStats};

use crate::effect::{Answer, Effect, Effects, Token};
use crate::graph::{Context, Graph, Grouped, MAX_WAITING, Slot};
use crate::node::{Filling, Start};
use crate::plan::Plan;
use stats::Throughput;

/// One point in so many is timed through all nodes, for `avg_exec_time_ns`.
const TIMED_EVERY: u64 = 256;

/// An `[[httppost]]` endpoint as far as the engine needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its URL (a template in scripts' terms).
    pub url: Str,
    /// Template of the body for `httpPost` nodes.
    pub row_template: Option<Str>,
    /// Template of the body for alert handlers.
    pub alert_template: Option<Str>,
}

/// What a task is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The task's id.
    pub task_id: Str,
    /// Databases and retention policies of the task.
    pub dbrps: Vec<(Str, Str)>,
    /// Who runs it.
    pub server: Arc<alert::ServerInfo>,
    /// Windows without alignment of their own are aligned (in a cluster, so that members agree).
    pub align_windows: bool,
    /// `[[httppost]]` endpoints by name.
    pub endpoints: BTreeMap<Str, Endpoint>,
    /// Inhibitors of the member, shared by all its tasks.
    pub inhibitors: alert::Inhibitors,
    /// The id of the replay this task runs in; `None` when it runs live.
    pub replay: Option<Str>,
    /// Kinds of handlers that are switched off (`-disable-handlers`).
    pub disabled_handlers: BTreeSet<Str>,
    /// Zone of `hour()`, `day()` and their like.
    pub zone: TimeZone,
    /// Seed of the function `rand`.
    pub seed: u64,
}

/// What a task may look at while it runs. Read-only; answers must not block.
pub trait World {
    /// State of an event in a topic, also of one that is stored but not in memory.
    fn topic_state(&self, _topic: &str, _id: &str) -> Option<alert::State> {
        None
    }

    /// A monotonic clock for time measurements only; nothing else depends on it.
    fn clock(&self) -> Elapsed {
        Elapsed::ZERO
    }
}

/// How much a task knows of its windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warmth {
    /// Some window has not emitted a full period since the start: events that follow from it are
    /// *cold*.
    pub cold: bool,
    /// Since which event time all windows were full; `None` while cold, and without windows.
    pub since: Option<Time>,
    /// Newest event time seen.
    pub newest: Option<Time>,
}

/// A task as a machine. See the module's doc for the order of calls.
pub struct Task {
    graph: Graph,
    order: Arc<[usize]>,
    effects: Effects,
    everyone: Group,
    throughput: Throughput,
    newest: Option<Time>,
    taken: u64,
    finishing: Option<usize>,
}

impl Task {
    /// Starts a plan. The error is the bare text a user sees.
    pub fn start(plan: &Plan, settings: &Settings) -> Result<Self, String> {
        if plan.nodes.len() < 2 {
            return Err("task does nothing".to_owned());
        }
        let names = plan.http_outs();
        if let Some(name) = (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
            let (id, name) = (&settings.task_id, &names[name]);
            return Err(format!("http: multiple registrations for /tasks/{id}/{name}"));
        }
        plan.check_edges()?;
        let mut machines: Vec<_> = plan.nodes.iter().map(|_| None).collect();
        for at in plan.order() {
            let node = &plan.nodes[*at];
            let start = Start { settings, name: &node.name };
            machines[*at] = Some(node.define.start(&start)?);
        }
        let mut slots = Vec::with_capacity(plan.nodes.len());
        for (node, machine) in plan.nodes.iter().zip(machines) {
            let machine = machine.expect("the order holds every node");
            let children = plan.links(slots.len());
            let name = node.name.clone();
            slots.push(Slot::new(name, node.kind, node.gives, children, node.quiet, machine));
        }
        Ok(Self {
            graph: Graph { slots },
            order: plan.order.clone(),
            effects: Effects::default(),
            everyone: Group::none(),
            throughput: Throughput::default(),
            newest: None,
            taken: 0,
            finishing: None,
        })
    }

    /// Runs points through the task, in order, each to completion. Only points that the [`crate::Index`]
    /// gives to this task may come here. `now` is the wall clock.
    pub fn handle_points(&mut self, now: Time, points: &[Arc<Point>], world: &dyn World) {
        if self.finishing.is_some() {
            return;
        }
        self.throughput.count(now, points.len() as u64);
        self.graph.start_call();
        let mut context = Context::new(now, world, &mut self.effects);
        for point in points {
            self.newest = self.newest.max(Some(point.time));
            self.taken += 1;
            context.set_timed(self.taken.is_multiple_of(TIMED_EVERY));
            let grouped = Grouped { point: point.clone(), group: self.everyone.clone() };
            self.graph.point(&grouped, &mut context);
        }
    }

    /// Gives the result of a request to the node that waits for it; unknown tokens are ignored.
    pub fn handle_answer(&mut self, now: Time, token: Token, answer: Answer, world: &dyn World) {
        let Some((at, cold)) = self.graph.take_waiting(token) else { return };
        self.graph.start_call();
        let mut context = Context::new(now, world, &mut self.effects);
        self.graph.answer(at, cold, answer, &mut context);
        self.go_on_finishing(now, world);
    }

    /// Call when [`Task::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self, now: Time, world: &dyn World) {
        self.graph.start_call();
        let mut context = Context::new(now, world, &mut self.effects);
        for at in 0..self.graph.slots.len() {
            if self.graph.slots[at].run.wakes_at().is_some_and(|t| t <= now) {
                self.graph.with(at, &mut context, |run, out| run.wake(out));
            }
        }
    }

    /// Wall-clock time at which [`Task::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.graph.slots.iter().filter_map(|s| s.run.wakes_at()).min()
    }

    /// The next thing to do in the world.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop()
    }

    /// False while a node waits for the world and too much waits for it: give no points until
    /// answers came.
    pub fn wants_points(&self) -> bool {
        self.finishing.is_none() && self.graph.queued() < MAX_WAITING
    }

    /// Ends intake: nodes emit what they hold back, in order, each when all before it are done.
    /// Requests in flight still want their answers; see [`Task::is_finished`].
    pub fn stop(&mut self, now: Time, world: &dyn World) {
        if self.finishing.is_none() {
            self.finishing = Some(0);
        }
        self.go_on_finishing(now, world);
    }

    /// After [`Task::stop`]: nothing waits any more, the task may be dropped.
    pub fn is_finished(&self) -> bool {
        self.finishing.is_some_and(|at| at >= self.graph.slots.len())
    }

    fn go_on_finishing(&mut self, now: Time, world: &dyn World) {
        let Some(mut at) = self.finishing else { return };
        let mut context = Context::new(now, world, &mut self.effects);
        while let Some(slot) = self.graph.slots.get(at) {
            if slot.is_waiting() || slot.queued() > 0 {
                break;
            }
            self.graph.with(at, &mut context, |run, out| run.finish(out));
            at += 1;
        }
        self.finishing = Some(at);
    }

    /// How full its windows are.
    pub fn warmth(&self) -> Warmth {
        let mut cold = false;
        let mut since = None;
        for slot in &self.graph.slots {
            match slot.run.filling() {
                Filling::NoWindow => {}
                Filling::Cold => cold = true,
                Filling::Since(time) => since = since.max(Some(time)),
            }
        }
        Warmth { cold, since: if cold { None } else { since }, newest: self.newest }
    }

    /// Whether some window has not filled since the start.
    pub fn is_cold(&self) -> bool {
        self.warmth().cold
    }

    /// Inline handlers by anonymous topic, in order of node id; they live as long as the task.
    pub fn handlers(&self) -> Vec<(Str, Vec<alert::HandlerSpec>)> {
        self.graph.slots.iter().filter_map(|s| s.run.handlers()).collect()
    }

    /// What an `httpOut` called `name` serves now: `{"series":[…]}` as compact JSON.
    pub fn http_out(&self, name: &str) -> Option<String> {
        self.graph.slots.iter().find_map(|s| s.run.served(name))
    }
}
