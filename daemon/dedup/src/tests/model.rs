//! Every interleaving of two owners and a producer over the real machine: deliver, lose, crash, restart,
//! time, send. A timer fires only while nothing is on the wire, which stands for a delay far above the
//! round trip; with `spurious` it may fire earlier.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use model::{BootGeneration, MemberId};
use stateright::{Checker, Model, Property};

use crate::world::{event, handlers, member, ms};
use crate::*;

/// What may go wrong, and a planted fault.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    losses: u8,
    crashes: u8,
    restarts: u8,
    spurious: u8,
    /// Claims are not bound to the boot generation.
    unbound_claims: bool,
}

#[derive(Clone, Debug)]
struct Node {
    machine: Option<Dedup>,
    now: std::time::Duration,
    journal: Vec<Record>,
    boot: u64,
    running: BTreeSet<HandlerId>,
}

#[derive(Clone, Debug)]
struct State {
    nodes: BTreeMap<MemberId, Node>,
    wire: BTreeMap<(MemberId, MemberId, Vec<u8>), u8>,
    sent: u8,
    used: [u8; 4],
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for node in self.nodes.values() {
            match &node.machine {
                Some(machine) => machine.fingerprint(hasher),
                None => node.journal.len().hash(hasher),
            }
            (node.boot, &node.running).hash(hasher);
        }
        (&self.wire, self.sent, self.used).hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let hash = |state: &Self| {
            let mut hasher = xxhash_rust::xxh3::Xxh3::new();
            state.hash(&mut hasher);
            hasher.digest128()
        };
        hash(self) == hash(other)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Deliver(MemberId, MemberId, Vec<u8>),
    Lose(MemberId, MemberId, Vec<u8>),
    Tick(MemberId),
    Send(MemberId),
    /// Sent, and killed before the outcome is written.
    SendAndCrash(MemberId),
    Crash(MemberId),
    Restart(MemberId),
}

struct World {
    faults: Faults,
    event: Arc<Event>,
    ids: Vec<MemberId>,
}

impl World {
    fn new(faults: Faults) -> Self {
        let event = event("t", "id", 1);
        let ids = order("t", (1..=3).map(member));
        Self { faults, event, ids }
    }

    fn start(&self, node: &mut Node, id: MemberId) {
        node.boot += 1;
        let boot = if self.faults.unbound_claims { 1 } else { node.boot };
        let mut config = Config::new(id, BootGeneration(boot));
        config.redundancy = 2;
        node.machine = Some(Dedup::new(config, node.journal.clone()));
        node.now = ms(0);
        node.running.clear();
    }

    fn input(state: &mut State, id: MemberId, input: Input) {
        let Some(node) = state.nodes.get_mut(&id) else { return };
        let Some(machine) = node.machine.as_mut() else { return };
        machine.handle(node.now, input);
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Persist { record, .. } => node.journal.push(record),
                Output::Send { to, message, .. } => {
                    *state.wire.entry((id, to, encode_frame(&[message]))).or_default() = 1;
                }
                Output::Judge { event } => {
                    let (hash, handlers) = (event.hash, Some(handlers(&["h"])));
                    machine.handle(node.now, Input::Judged { hash, handlers });
                }
                Output::Start { handler, .. } => {
                    node.running.insert(handler);
                }
                Output::Cancel { handler, .. } => {
                    node.running.remove(&handler);
                }
                Output::Stop { hash, handler } => {
                    node.running.remove(&handler);
                    let outcome = Outcome::Stopped;
                    machine.handle(node.now, Input::Outcome { hash, handler, outcome });
                }
                _ => {}
            }
        }
    }

    fn members(&self, state: &State) -> Members {
        let peer = |id: &MemberId| Peer {
            boot: BootGeneration(if self.faults.unbound_claims { 1 } else { state.nodes[id].boot }),
            alive: true,
            ready: true,
        };
        let roster = self.ids.iter().map(|id| (*id, peer(id))).collect();
        Members { roster, ..Members::default() }
    }
}

impl World {
    /// Runs on without further faults; nothing may stay unsent.
    fn calm(&self, state: &State) -> bool {
        let up = |s: &State, f: &dyn Fn(&Dedup) -> bool| {
            s.nodes.values().filter_map(|n| n.machine.as_ref()).any(f)
        };
        let mut state = state.clone();
        let held = up(&state, &|m| m.pending_count() > 0);
        for _ in 0..400 {
            let step = if let Some((from, to, frame)) = state.wire.keys().next() {
                Step::Deliver(*from, *to, frame.clone())
            } else if let Some((id, _)) = state.nodes.iter().find(|(_, n)| !n.running.is_empty()) {
                Step::Send(*id)
            } else {
                let due = |n: &Node| {
                    let machine = n.machine.as_ref().filter(|m| m.pending_count() > 0)?;
                    Some(machine.poll_timeout()?.saturating_sub(n.now))
                };
                let next = state.nodes.iter().filter_map(|(id, n)| Some((due(n)?, *id))).min();
                match next {
                    Some((wait, id)) => {
                        // In the calm all clocks run alike.
                        for (_, node) in state.nodes.iter_mut().filter(|(other, _)| **other != id) {
                            node.now += wait;
                        }
                        Step::Tick(id)
                    }
                    None => break,
                }
            };
            match self.next_state(&state, step) {
                Some(next) => state = next,
                None => return false,
            }
        }
        !up(&state, &|m| m.pending_count() > 0) && (!held || state.sent > 0)
    }

    /// With nothing on the wire, who is yielded to and up is at it, done, or yields itself.
    fn bound(&self, state: &State) -> bool {
        let status = |id: &MemberId| state.nodes[id].machine.as_ref()?.status(self.event.hash);
        !state.wire.is_empty()
            || self.ids.iter().all(|id| {
                let Some(holder) = status(id).and_then(|s| s.holder) else { return true };
                !matches!(
                    status(&holder).map(|s| s.phase),
                    Some(Phase::Paused | Phase::Waiting | Phase::Blocked)
                )
            })
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut state =
            State { nodes: BTreeMap::new(), wire: BTreeMap::new(), sent: 0, used: [0; 4] };
        for id in &self.ids {
            let mut node = Node {
                machine: None,
                now: ms(0),
                journal: Vec::new(),
                boot: 0,
                running: BTreeSet::new(),
            };
            self.start(&mut node, *id);
            state.nodes.insert(*id, node);
        }
        let members = self.members(&state);
        for id in &self.ids {
            Self::input(&mut state, *id, Input::Members(members.clone()));
            Self::input(&mut state, *id, Input::Synced);
        }
        let raisers = Arc::from([]);
        let raise = Raise { event: self.event.clone(), cold: false, raisers };
        Self::input(&mut state, self.ids[2], Input::Raise(raise));
        vec![state]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (from, to, frame) in state.wire.keys() {
            steps.push(Step::Deliver(*from, *to, frame.clone()));
            if state.used[0] < self.faults.losses {
                steps.push(Step::Lose(*from, *to, frame.clone()));
            }
        }
        let quiet = state.wire.is_empty() && state.nodes.values().all(|n| n.running.is_empty());
        for (id, node) in &state.nodes {
            match &node.machine {
                Some(machine) => {
                    let timer = machine.poll_timeout().is_some() && machine.pending_count() > 0;
                    if timer && (quiet || state.used[3] < self.faults.spurious) {
                        steps.push(Step::Tick(*id));
                    }
                    if !node.running.is_empty() {
                        steps.push(Step::Send(*id));
                        if state.used[1] < self.faults.crashes {
                            steps.push(Step::SendAndCrash(*id));
                        }
                    }
                    if state.used[1] < self.faults.crashes {
                        steps.push(Step::Crash(*id));
                    }
                }
                None if state.used[2] < self.faults.restarts => steps.push(Step::Restart(*id)),
                None => {}
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Deliver(from, to, frame) => {
                state.wire.remove(&(from, to, frame.clone()));
                for message in decode_frame(&frame).ok()? {
                    Self::input(&mut state, to, Input::Message { from, message });
                }
            }
            Step::Lose(from, to, frame) => {
                state.wire.remove(&(from, to, frame));
                state.used[0] += 1;
            }
            Step::Tick(id) => {
                let quiet =
                    state.wire.is_empty() && state.nodes.values().all(|n| n.running.is_empty());
                state.used[3] += u8::from(!quiet);
                let node = state.nodes.get_mut(&id)?;
                node.now = node.now.max(node.machine.as_ref()?.poll_timeout()?);
                Self::input(&mut state, id, Input::Tick);
            }
            Step::Send(id) => {
                state.sent += 1;
                let handler = state.nodes.get_mut(&id)?.running.pop_first()?;
                let hash = self.event.hash;
                let outcome = Outcome::Delivered;
                Self::input(&mut state, id, Input::Outcome { hash, handler, outcome });
            }
            Step::Crash(id) | Step::SendAndCrash(id) => {
                state.sent += u8::from(matches!(step, Step::SendAndCrash(_)));
                state.used[1] += 1;
                let node = state.nodes.get_mut(&id)?;
                node.machine = None;
                node.running.clear();
                state.wire.retain(|(from, to, _), _| *from != id && *to != id);
            }
            Step::Restart(id) => {
                state.used[2] += 1;
                let mut node = state.nodes.remove(&id)?;
                self.start(&mut node, id);
                state.nodes.insert(id, node);
                let members = self.members(&state);
                for peer in &self.ids {
                    Self::input(&mut state, *peer, Input::Members(members.clone()));
                }
                Self::input(&mut state, id, Input::Synced);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "S1: in the calm after any state, all that is held is sent",
                World::calm,
            ),
            Property::always("no member yields to a claim of a former life", World::bound),
            Property::always("S1: done means sent", |model: &World, state: &State| {
                let done = |m: &Dedup| m.is_done("t", model.event.hash);
                !state.nodes.values().filter_map(|n| n.machine.as_ref()).any(done) || state.sent > 0
            }),
            Property::always(
                "S3: copies stay within crashes, losses and spurious timeouts",
                |_, s: &State| {
                    let [losses, crashes, restarts, spurious] = s.used;
                    s.sent <= 1 + losses + crashes + restarts + spurious
                },
            ),
        ]
    }
}

fn check(faults: Faults) -> usize {
    let checker = World::new(faults).checker().target_state_count(400_000).spawn_bfs().join();
    checker.assert_properties();
    println!("{faults:?}: {} states", checker.unique_state_count());
    checker.unique_state_count()
}

#[test]
fn properties_hold_without_faults() {
    assert!(check(Faults::default()) > 20);
}

#[test]
fn properties_hold_with_one_loss() {
    assert!(check(Faults { losses: 1, ..Faults::default() }) > 100);
}

#[test]
fn properties_hold_with_a_crash_and_a_restart() {
    assert!(check(Faults { crashes: 1, restarts: 1, ..Faults::default() }) > 100);
}

#[test]
fn a_claim_that_outlives_its_boot_is_caught() {
    let faults = Faults { crashes: 1, restarts: 1, unbound_claims: true, ..Faults::default() };
    let checker = World::new(faults).checker().spawn_bfs().join();
    assert!(checker.discovery("no member yields to a claim of a former life").is_some());
}
