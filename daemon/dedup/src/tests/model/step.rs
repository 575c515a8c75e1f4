//! What may happen next, and what becomes of it.

use std::fmt;
use std::sync::Arc;

use stateright::{Model, Property};

use super::judge;
use super::setup::{Change, Planted, Resumes};
use super::world::{Flight, Letter, State, World};
use crate::world::handlers;
use crate::*;

#[derive(Clone, PartialEq)]
pub(super) enum Step {
    Deliver(Letter),
    Lose(Letter),
    /// The next timer of a member; all clocks go on with it, unless it is spurious.
    Tick(usize),
    /// The attempt reaches the receiver.
    Arrive(usize, usize, HandlerId),
    /// The receiver's answer reaches the sender.
    Answer(usize, usize, HandlerId),
    /// The delivery timeout has passed.
    GiveUp(usize, usize, HandlerId),
    Crash(usize),
    Restart(usize),
    Raise(usize),
    /// A member hears the newest view.
    Learn(usize),
    /// The target is asked to drain.
    Leave(usize),
    /// The target is removed.
    Bury(usize),
    Return(usize),
    /// The warm member's data pass the event's time.
    Decide(usize, bool),
}

/// A frame by the names of its messages.
fn names(frame: &[u8]) -> String {
    let name = |message: &Message| {
        let text = format!("{message:?}");
        text.split([' ', '(']).next().unwrap_or_default().to_owned()
    };
    let messages = decode_frame(frame).unwrap_or_default();
    messages.iter().map(name).collect::<Vec<_>>().join("+")
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver((from, to, frame)) => write!(f, "{from} → {to}: {}", names(frame)),
            Self::Lose((from, to, frame)) => write!(f, "{from} → {to}: {} is lost", names(frame)),
            Self::Tick(at) => write!(f, "{at}: timer"),
            Self::Arrive(at, event, handler) => {
                write!(f, "{at}: event {event} arrives at {handler}")
            }
            Self::Answer(at, event, handler) => {
                write!(f, "{at}: {handler} has taken event {event}")
            }
            Self::GiveUp(at, event, handler) => write!(f, "{at}: {handler} gives event {event} up"),
            Self::Crash(at) => write!(f, "{at} crashes"),
            Self::Restart(at) => write!(f, "{at} restarts"),
            Self::Raise(number) => write!(f, "raise {number}"),
            Self::Learn(at) => write!(f, "{at} learns the view"),
            Self::Leave(at) => write!(f, "{at} is asked to leave"),
            Self::Bury(at) => write!(f, "{at} is removed"),
            Self::Return(at) => write!(f, "{at} returns"),
            Self::Decide(at, raised) => write!(f, "{at} is warm and raises: {raised}"),
        }
    }
}

impl World {
    fn timers(&self, state: &State, steps: &mut Vec<Step>) {
        let waits = state.nodes.iter().map(|node| node.wait());
        let least = waits.clone().flatten().min();
        let quiet = state.is_quiet(self.setup.hangs);
        for (at, wait) in waits.enumerate() {
            let Some(wait) = wait else { continue };
            if self.is_held_back(state, at) {
                continue;
            }
            let due = wait.is_zero() || (quiet && Some(wait) == least);
            if due || state.used.spurious < self.setup.faults.spurious {
                steps.push(Step::Tick(at));
            }
        }
    }

    /// Planted: a member that has a cold event waits for as long as the warm one lives.
    fn is_held_back(&self, state: &State, at: usize) -> bool {
        let lives = self.setup.warm.is_some_and(|warm| state.nodes[warm].is_up());
        self.has(Planted::ColdHeld)
            && lives
            && state.nodes[at]
                .machine
                .as_ref()
                .is_some_and(|machine| machine.pending().any(|s| s.phase == Phase::Asking))
    }

    fn of_node(&self, state: &State, at: usize, steps: &mut Vec<Step>) {
        let node = &state.nodes[at];
        for ((event, handler), flight) in &node.attempts {
            match flight {
                Flight::Started => {
                    steps.push(Step::Arrive(at, *event, handler.clone()));
                    if self.setup.hangs {
                        steps.push(Step::GiveUp(at, *event, handler.clone()));
                    }
                }
                Flight::Arrived => steps.push(Step::Answer(at, *event, handler.clone())),
            }
        }
        if !node.is_up() {
            if !node.reset && state.used.restarts < self.setup.faults.restarts {
                steps.push(Step::Restart(at));
            }
            return;
        }
        if state.used.crashes < self.setup.faults.crashes {
            steps.push(Step::Crash(at));
        }
        if node.view + 1 < state.history.len() && !self.setup.is_deaf(at) && state.away != Some(at)
        {
            steps.push(Step::Learn(at));
        }
    }

    fn changes(&self, state: &State, steps: &mut Vec<Step>) {
        match self.setup.change {
            Change::None | Change::Unknown { .. } => {}
            Change::Removal { target, impatient } => {
                let node = &state.nodes[target];
                if !state.left && node.is_up() {
                    steps.push(Step::Leave(target));
                }
                if state.left && !state.buried && (impatient || node.handed_over) {
                    steps.push(Step::Bury(target));
                }
            }
            Change::Away { target } => {
                if !state.buried {
                    steps.push(Step::Bury(target));
                }
                if state.away.is_some() {
                    steps.push(Step::Return(target));
                }
            }
        }
        if let Some(warm) = self.setup.warm
            && state.verdict.is_none()
            && state.nodes[warm].is_up()
        {
            steps.extend([Step::Decide(warm, true), Step::Decide(warm, false)]);
        }
    }

    fn deliver(&self, state: &mut State, (from, to, frame): &Letter) -> Option<()> {
        let nobody = !state.nodes[*to].is_up();
        for mut message in decode_frame(frame).ok()? {
            if nobody {
                continue;
            }
            if let Message::Claim(claim) = &mut message
                && self.has(Planted::NoJudgedSet)
            {
                claim.handlers = handlers((self.setup.judge)(*to));
            }
            let node = &state.nodes[*to];
            let removed = state.history[node.view].removed.contains_key(&self.ids[*from]);
            let refused = self.has(Planted::NotAccepted)
                && removed
                && matches!(&message, Message::Offer(offer) if offer.handover);
            if refused {
                continue;
            }
            if matches!(
                self.setup.planted,
                Some(Planted::WaitsWhereListsDiffer | Planted::WaitsWhileUnconfirmed)
            ) {
                Self::compare(state, *to, *from, &message);
            }
            self.give(state, *to, Input::Message { from: self.ids[*from], message });
        }
        if nobody {
            self.give(state, *from, Input::Unreachable { member: self.ids[*to] });
        }
        Some(())
    }

    fn tick(&self, state: &mut State, at: usize) {
        let waits: Vec<_> = state.nodes.iter().map(|node| node.wait()).collect();
        let Some(wait) = waits[at] else { return };
        let least = waits.iter().flatten().min() == Some(&wait);
        if wait.is_zero() || (least && state.is_quiet(self.setup.hangs)) {
            for (other, due) in waits.iter().enumerate().filter(|(other, _)| *other != at) {
                if !wait.is_zero() && state.nodes[other].is_up() {
                    state.node(other).now += wait;
                    // Nothing is due there: its clock goes on, no more.
                    if due.is_none_or(|due| due > wait) {
                        self.give(state, other, Input::Tick);
                    }
                }
            }
        } else {
            state.used.spurious += 1;
        }
        state.node(at).now += wait;
        self.give(state, at, Input::Tick);
    }

    fn arrive(state: &mut State, at: usize, event: usize, handler: &HandlerId) {
        let attempt = (event, handler.clone());
        *state.copies.entry(attempt.clone()).or_default() += 1;
        state.misordered |= state.nodes[at].overtaken.contains(&attempt);
        state.false_alarm |= event == 0 && state.settled;
        let node = state.node(at);
        node.arrived.insert(attempt.clone());
        node.attempts.insert(attempt, Flight::Arrived);
    }

    fn end(
        &self,
        state: &mut State,
        at: usize,
        (event, handler): (usize, &HandlerId),
        how: Outcome,
    ) {
        state.node(at).attempts.remove(&(event, handler.clone()));
        let hash = self.events[event].hash;
        self.give(state, at, Input::Outcome { hash, handler: handler.clone(), outcome: how });
    }

    fn crash(&self, state: &mut State, at: usize) {
        state.used.crashes += 1;
        state.sore += u8::from(!state.nodes[at].arrived.is_empty());
        state.asks.retain(|_| self.setup.warm != Some(at));
        let node = state.node(at);
        if let Some(machine) = node.machine.take() {
            node.journal.retain(|record| machine.is_live(record));
        }
        node.attempts.clear();
        node.handed_over = false;
        node.leaves = false;
        if self.setup.views_spread {
            let id = self.ids[at];
            self.change(state, |view| {
                view.roster.entry(id).and_modify(|peer| peer.alive = false);
            });
        }
        if self.has(Planted::ColdHeld) && self.setup.warm == Some(at) {
            for other in 0..self.setup.members {
                self.give(state, other, Input::Unreachable { member: self.ids[at] });
            }
        }
    }

    pub(super) fn restart(&self, state: &mut State, at: usize) {
        self.start(state, at);
        let (id, boot) = (self.ids[at], self.boot(state.nodes[at].boot));
        self.change(state, |view| {
            view.roster
                .entry(id)
                .and_modify(|peer| *peer = Peer { boot, alive: true, ready: true });
        });
        if self.setup.resumes == Resumes::Unsynced {
            self.give(state, at, Input::Synced);
        } else {
            self.sync_all(state, at);
        }
    }

    fn leave(&self, state: &mut State, target: usize) {
        state.left = true;
        let id = self.ids[target];
        self.change(state, |view| {
            view.roster.entry(id).and_modify(|peer| peer.ready = false);
        });
        self.learn(state, target);
        state.node(target).leaves = true;
        self.give(state, target, Input::Leave { removed: false });
    }

    fn bury(&self, state: &mut State, target: usize) {
        state.buried = true;
        let drained = state.nodes[target].handed_over || self.has(Planted::NoLastLease);
        let how = if drained { Removal::Drained } else { Removal::Unreached };
        let id = self.ids[target];
        self.change(state, |view| {
            view.roster.remove(&id);
            view.removed.insert(id, how);
        });
    }

    fn decide(&self, state: &mut State, warm: usize, raised: bool) {
        state.verdict = Some(raised);
        let event = self.events[0].clone();
        let hash = event.hash;
        if raised {
            let raise = Raise { event, cold: false, raisers: Arc::from([]) };
            self.give(state, warm, Input::Raise(raise));
        }
        for asker in std::mem::take(&mut state.asks) {
            let to = self.ids[asker];
            self.give(state, warm, Input::WarmReply { to, hash, raised: Some(raised) });
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.init()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.extend(state.wire.iter().cloned().map(Step::Deliver));
        if state.used.losses < self.setup.faults.losses {
            steps.extend(state.wire.iter().cloned().map(Step::Lose));
        }
        self.timers(state, steps);
        for at in 0..self.setup.members {
            self.of_node(state, at, steps);
        }
        for (number, raised) in self.setup.raises.iter().enumerate() {
            if state.raises & (1 << number) == 0 && state.nodes[raised.by].is_up() {
                steps.push(Step::Raise(number));
            }
        }
        self.changes(state, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match step {
            Step::Deliver(letter) => {
                state.wire.remove(&letter);
                self.deliver(state, &letter)?;
            }
            Step::Lose(letter) => {
                state.wire.remove(&letter);
                state.used.losses += 1;
            }
            Step::Tick(at) => self.tick(state, at),
            Step::Arrive(at, event, handler) => Self::arrive(state, at, event, &handler),
            Step::Answer(at, event, handler) => {
                self.end(state, at, (event, &handler), Outcome::Delivered);
            }
            Step::GiveUp(at, event, handler) => {
                let given_up = state.given_up.entry((event, handler.clone())).or_default();
                *given_up = given_up.saturating_add(1);
                self.end(state, at, (event, &handler), Outcome::GivenUp);
            }
            Step::Crash(at) => self.crash(state, at),
            Step::Restart(at) => {
                state.used.restarts += 1;
                self.restart(state, at);
            }
            Step::Raise(number) => self.raise(state, number),
            Step::Learn(at) => self.learn(state, at),
            Step::Leave(target) => self.leave(state, target),
            Step::Bury(target) => self.bury(state, target),
            Step::Return(target) => {
                state.away = None;
                if state.nodes[target].is_up() {
                    self.learn(state, target);
                }
            }
            Step::Decide(warm, raised) => self.decide(state, warm, raised),
        }
        self.seal(state);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        judge::properties()
    }
}
