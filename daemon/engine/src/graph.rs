//! The graph of a running task: nodes in order, and how a message goes through them.
//!
//! A message is handed down depth first: whatever a node emits is handled by its children before
//! the node goes on. Children always stand after their parents, so the slots behind a node are free
//! to be borrowed while it runs. A node that waits for the world keeps later messages in its inbox.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration as Elapsed;

use model::{Batch, Group, Point, Str, Time};
use smallvec::SmallVec;

use crate::effect::{Answer, Effect, Effects, HttpPost, LOGGED_ERRORS_PER_CALL, Level, Token};
use crate::node::{Edge, Kind, Run};
use crate::task::World;

/// Messages that may wait in the inboxes of a task before it asks for no more points; the
/// original's edges hold as many.
pub(crate) const MAX_WAITING: usize = 1_000;

/// A point with the group it is in.
#[derive(Clone, Debug)]
pub(crate) struct Grouped {
    /// The point.
    pub(crate) point: Arc<Point>,
    /// Its group under the dimensions in force at this edge.
    pub(crate) group: Group,
}

impl Grouped {
    /// The same group with another point.
    pub(crate) fn with(&self, point: Point) -> Self {
        Self { point: Arc::new(point), group: self.group.clone() }
    }
}

/// A message that is kept: in an inbox, or by a node that joins several inputs.
#[derive(Clone)]
pub(crate) enum Message {
    /// Of a stream.
    Point(Grouped),
    /// Of a batch edge.
    Batch(Batch),
    /// No data of the group older than the time follows.
    Barrier(Group, Time),
    /// Forget the group.
    DeleteGroup(Group),
}

impl Message {
    fn passing(&self) -> Passing<'_> {
        match self {
            Self::Point(point) => Passing::Point(point),
            Self::Batch(batch) => Passing::Batch(batch),
            Self::Barrier(group, time) => Passing::Barrier(group, *time),
            Self::DeleteGroup(group) => Passing::DeleteGroup(group),
        }
    }
}

/// An edge to a child: its id, and which of its inputs the edge is.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Id of the child.
    pub(crate) node: usize,
    /// 0 for the node before the `|`, then the arguments of `join` and `union` in order.
    pub(crate) input: usize,
}

/// A message on its way.
#[derive(Clone, Copy)]
enum Passing<'a> {
    Point(&'a Grouped),
    Batch(&'a Batch),
    Barrier(&'a Group, Time),
    DeleteGroup(&'a Group),
}

impl Passing<'_> {
    fn keep(self) -> Message {
        match self {
            Self::Point(p) => Message::Point(p.clone()),
            Self::Batch(b) => Message::Batch(b.clone()),
            Self::Barrier(g, t) => Message::Barrier(g.clone(), t),
            Self::DeleteGroup(g) => Message::DeleteGroup(g.clone()),
        }
    }
}

/// What the graph knows of a node beside its machine.
pub(crate) struct Station {
    /// `eval2`
    pub(crate) name: Str,
    /// Its kind.
    pub(crate) kind: &'static Kind,
    /// The edge its children get.
    pub(crate) gives: Edge,
    /// Edges to its children.
    pub(crate) children: SmallVec<[Link; 2]>,
    /// `.quiet()`: errors are counted, not logged.
    pub(crate) quiet: bool,
    /// Messages taken.
    pub(crate) collected: u64,
    /// Messages put on each of its edges.
    pub(crate) emitted: u64,
    /// Errors counted.
    pub(crate) errors: u64,
    /// Moving average of the time per message.
    pub(crate) average: Elapsed,
    logged: u32,
    /// The request it waits for, and whether the message it is about was cold.
    waiting: Option<(Token, bool)>,
}

/// A node's place in a running task.
pub(crate) struct Slot {
    /// Its machine.
    pub(crate) run: Box<dyn Run>,
    /// What the graph knows of it.
    pub(crate) station: Station,
    inbox: VecDeque<(Message, bool)>,
}

impl Slot {
    /// A node at rest.
    pub(crate) fn new(
        name: Str,
        kind: &'static Kind,
        gives: Edge,
        children: SmallVec<[Link; 2]>,
        quiet: bool,
        run: Box<dyn Run>,
    ) -> Self {
        let station = Station {
            name,
            kind,
            gives,
            children,
            quiet,
            collected: 0,
            emitted: 0,
            errors: 0,
            average: Elapsed::ZERO,
            logged: 0,
            waiting: None,
        };
        Self { run, station, inbox: VecDeque::new() }
    }

    /// Messages that wait for it.
    pub(crate) fn queued(&self) -> usize {
        self.inbox.len()
    }

    /// Whether it waits for an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.station.waiting.is_some()
    }
}

/// What every node sees while a call of the task lasts.
pub(crate) struct Context<'c> {
    now: Time,
    world: &'c dyn World,
    effects: &'c mut Effects,
    /// Whether what is handled now comes from a window that was not full.
    cold: bool,
    /// The input by which the message on its way comes to the next node.
    input: usize,
    timed: bool,
    below: Elapsed,
}

impl<'c> Context<'c> {
    /// The context of one call.
    pub(crate) fn new(now: Time, world: &'c dyn World, effects: &'c mut Effects) -> Self {
        Self { now, world, effects, cold: false, input: 0, timed: false, below: Elapsed::ZERO }
    }

    /// Whether nodes measure how long they take (it costs two clock reads per message and node).
    pub(crate) fn set_timed(&mut self, timed: bool) {
        self.timed = timed;
    }
}

/// Where a node's products go.
pub(crate) struct Out<'a, 'c> {
    station: &'a mut Station,
    tail: &'a mut [Slot],
    base: usize,
    context: &'a mut Context<'c>,
}

impl Out<'_, '_> {
    /// Hands a point to every child.
    pub(crate) fn point(&mut self, point: &Grouped) {
        self.pass(Passing::Point(point));
    }

    /// Hands a batch to every child.
    pub(crate) fn batch(&mut self, batch: &Batch) {
        self.pass(Passing::Batch(batch));
    }

    /// Hands a batch of a window to every child; `cold` when the window had not filled yet since
    /// the task started. It holds for everything that follows from this batch.
    pub(crate) fn window(&mut self, batch: &Batch, cold: bool) {
        let before = self.context.cold;
        self.context.cold |= cold;
        self.pass(Passing::Batch(batch));
        self.context.cold = before;
    }

    /// Hands a barrier to every child.
    pub(crate) fn barrier(&mut self, group: &Group, time: Time) {
        self.pass(Passing::Barrier(group, time));
    }

    /// Tells every child to forget a group.
    pub(crate) fn delete_group(&mut self, group: &Group) {
        self.pass(Passing::DeleteGroup(group));
    }

    #[inline]
    fn pass(&mut self, message: Passing<'_>) {
        self.station.emitted += 1;
        for Link { node, input } in &self.station.children {
            self.context.input = *input;
            deliver(&mut self.tail[node - self.base..], *node, message, self.context);
        }
    }

    /// Hands on what a node kept or made of earlier messages, as cold as those were.
    pub(crate) fn held(&mut self, message: &Message, cold: bool) {
        let before = std::mem::replace(&mut self.context.cold, cold);
        self.pass(message.passing());
        self.context.cold = before;
    }

    /// The input by which the message came that the node is given. To be asked before anything is
    /// emitted, and not by nodes that make requests.
    pub(crate) fn input(&self) -> usize {
        self.context.input
    }

    /// Counts an error about one message and logs it, unless the node is quiet or logged enough in
    /// this call.
    pub(crate) fn error(&mut self, text: impl fmt::Display) {
        self.station.errors += 1;
        if self.station.quiet || self.station.logged >= LOGGED_ERRORS_PER_CALL {
            return;
        }
        self.station.logged += 1;
        self.log(Level::Error, "".into(), text.to_string());
    }

    /// Whether the script said `.quiet()`.
    pub(crate) fn is_quiet(&self) -> bool {
        self.station.quiet
    }

    /// Writes a log line.
    pub(crate) fn log(&mut self, level: Level, prefix: Str, text: String) {
        let node = self.station.name.clone();
        self.context.effects.push(Effect::Log { node, level, prefix, text });
    }

    /// Sends a request; the node gets no further message until its answer came.
    pub(crate) fn request(&mut self, request: HttpPost) {
        let token = self.context.effects.next_token();
        self.station.waiting = Some((token, self.context.cold));
        self.context.effects.push(Effect::HttpPost { token, request: Box::new(request) });
    }

    /// Hands an effect to the shell.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.context.effects.push(effect);
    }

    /// Wall-clock time of this call.
    pub(crate) fn now(&self) -> Time {
        self.context.now
    }

    /// State of an event in a topic: what this task has just raised counts already.
    pub(crate) fn topic_state(&self, topic: &str, id: &str) -> Option<alert::State> {
        let waiting = self.context.effects.waiting_state(topic, id);
        waiting.or_else(|| self.context.world.topic_state(topic, id))
    }

    /// Whether what is handled now follows from a window that has not filled since the start.
    pub(crate) fn is_cold(&self) -> bool {
        self.context.cold
    }
}

/// Gives a message to the first of `slots`, which is node number `at`.
fn deliver(slots: &mut [Slot], at: usize, message: Passing<'_>, context: &mut Context<'_>) {
    let Some((slot, tail)) = slots.split_first_mut() else { return };
    if slot.station.waiting.is_some() || !slot.inbox.is_empty() {
        slot.inbox.push_back((message.keep(), context.cold));
        return;
    }
    if context.timed {
        run_timed(slot, tail, at, message, context);
    } else {
        run(slot, tail, at, message, context);
    }
}

#[inline]
fn run(
    slot: &mut Slot,
    tail: &mut [Slot],
    at: usize,
    message: Passing<'_>,
    context: &mut Context<'_>,
) {
    slot.station.collected += 1;
    let mut out = Out { station: &mut slot.station, tail, base: at + 1, context };
    match message {
        Passing::Point(point) => slot.run.point(point, &mut out),
        Passing::Batch(batch) => slot.run.batch(batch, &mut out),
        Passing::Barrier(group, time) => slot.run.barrier(group, time, &mut out),
        Passing::DeleteGroup(group) => slot.run.delete_group(group, &mut out),
    }
}

/// Weight of one measurement in the moving average of a node's time.
const SMOOTHING: f64 = 0.1;

fn run_timed(
    slot: &mut Slot,
    tail: &mut [Slot],
    at: usize,
    message: Passing<'_>,
    context: &mut Context<'_>,
) {
    let before = std::mem::replace(&mut context.below, Elapsed::ZERO);
    let start = context.world.clock();
    run(slot, tail, at, message, context);
    let whole = context.world.clock().saturating_sub(start);
    let own = whole.saturating_sub(context.below);
    context.below = before + whole;
    let average = slot.station.average;
    slot.station.average = if average.is_zero() {
        own
    } else {
        average.mul_f64(1.0 - SMOOTHING) + own.mul_f64(SMOOTHING)
    };
}

/// The nodes of a task in order of their ids.
pub(crate) struct Graph {
    /// The nodes; number 0 is the root.
    pub(crate) slots: Vec<Slot>,
}

impl Graph {
    /// Gives a point to the root.
    pub(crate) fn point(&mut self, point: &Grouped, context: &mut Context<'_>) {
        deliver(&mut self.slots, 0, Passing::Point(point), context);
    }

    /// Allows each node its error lines again.
    pub(crate) fn start_call(&mut self) {
        for slot in &mut self.slots {
            slot.station.logged = 0;
        }
    }

    /// Lets node number `at` do something outside the flow of messages.
    pub(crate) fn with(
        &mut self,
        at: usize,
        context: &mut Context<'_>,
        f: impl FnOnce(&mut dyn Run, &mut Out<'_, '_>),
    ) {
        let Some((slot, tail)) = self.slots[at..].split_first_mut() else { return };
        let mut out = Out { station: &mut slot.station, tail, base: at + 1, context };
        f(&mut *slot.run, &mut out);
    }

    /// The node that waits for `token`, which stops waiting, and whether its message was cold.
    pub(crate) fn take_waiting(&mut self, token: Token) -> Option<(usize, bool)> {
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if let Some((waiting, cold)) = slot.station.waiting
                && waiting == token
            {
                slot.station.waiting = None;
                return Some((at, cold));
            }
        }
        None
    }

    /// Gives an answer to node number `at` and works off its inbox.
    pub(crate) fn answer(
        &mut self,
        at: usize,
        cold: bool,
        answer: Answer,
        context: &mut Context<'_>,
    ) {
        context.cold = cold;
        self.with(at, context, |run, out| run.answer(answer, out));
        context.cold = false;
        self.resume(at, context);
    }

    /// Works off the inbox of node number `at` until it waits again.
    fn resume(&mut self, at: usize, context: &mut Context<'_>) {
        loop {
            let Some((slot, tail)) = self.slots[at..].split_first_mut() else { return };
            if slot.is_waiting() {
                return;
            }
            let Some((message, cold)) = slot.inbox.pop_front() else { return };
            context.cold = cold;
            run(slot, tail, at, message.passing(), context);
            context.cold = false;
        }
    }

    /// Messages waiting in inboxes.
    pub(crate) fn queued(&self) -> usize {
        self.slots.iter().map(Slot::queued).sum()
    }
}
