//! The invariants, and the calm: from every state the world runs on without further faults, and all that
//! is held must come to its end.

use stateright::{Model, Property};

use super::setup::{Change, Planted};
use super::step::Step;
use super::world::{Flight, State, World};
use crate::*;

/// Steps after which a calm that has not come to rest is said not to end.
const CALM_STEPS: usize = 3_000;

pub(super) const LOST: &str = "S1: what is held is sent";
pub(super) const UNSENT: &str = "S1: done means sent or given up";
pub(super) const COPIES: &str = "S3: copies stay within crashes, sides and spurious timeouts";
pub(super) const ORDER: &str = "S5: no older event after a newer one";
pub(super) const EQUAL: &str = "S6: all members come to know what is done";
pub(super) const BOUND: &str = "no member yields to a claim of a former life";
pub(super) const JUDGED: &str = "handlers are judged once";
pub(super) const ONCE: &str = "giving up counts once";
pub(super) const FALSE: &str = "no alert that a warm member has denied";

pub(super) fn properties() -> Vec<Property<World>> {
    vec![
        Property::always(COPIES, World::copies_bounded),
        Property::always(UNSENT, World::done_means_sent),
        Property::always(ORDER, |_, state: &State| !state.misordered),
        Property::always(FALSE, |_, state: &State| !state.false_alarm),
        Property::always(JUDGED, World::judged_once),
        Property::always(ONCE, World::given_up_once),
        Property::always(BOUND, World::bound),
        Property::always(LOST, |world: &World, state: &State| world.calm(state).sent),
        Property::always(EQUAL, |world: &World, state: &State| world.calm(state).equal),
    ]
}

/// How a calm ends.
#[derive(Clone, Copy)]
pub(super) struct Calm {
    sent: bool,
    equal: bool,
}

impl World {
    fn copies_bounded(&self, state: &State) -> bool {
        let sides = u8::from(state.was_away);
        let most = 1 + state.sore + state.used.spurious + sides;
        let copies = state.copies.values().copied().max().unwrap_or_default();
        self.most.fetch_max(copies, std::sync::atomic::Ordering::Relaxed);
        copies <= most
    }

    fn is_done(&self, state: &State, event: usize) -> bool {
        let hash = self.events[event].hash;
        let mut machines = state.nodes.iter().filter_map(|node| node.machine.as_ref());
        machines.any(|machine| machine.is_done("t", hash))
    }

    /// All that some member's judgement wanted has arrived or was given up.
    fn is_served(&self, state: &State, event: usize) -> bool {
        let denied = event == 0 && state.verdict == Some(false);
        denied
            || (0..self.setup.members).any(|at| {
                (self.setup.judge)(at).iter().all(|handler| {
                    let attempt = (event, HandlerId::from(*handler));
                    state.copies.contains_key(&attempt) || state.given_up.contains_key(&attempt)
                })
            })
    }

    fn done_means_sent(&self, state: &State) -> bool {
        (0..self.events.len())
            .all(|event| !self.is_done(state, event) || self.is_served(state, event))
    }

    fn judged_once(&self, state: &State) -> bool {
        (0..self.events.len()).all(|event| {
            (0..self.setup.members).any(|at| {
                let judged = (self.setup.judge)(at);
                let mut sent = state.copies.keys().filter(|(of, _)| *of == event);
                sent.all(|(_, handler)| judged.contains(&&**handler))
            })
        })
    }

    fn given_up_once(&self, state: &State) -> bool {
        let machines = state.nodes.iter().filter_map(|node| node.machine.as_ref());
        let counted: u64 = machines.map(|machine| machine.counters().given_up).sum();
        counted <= u64::from(state.used.spurious) + self.events.len() as u64
    }

    /// With nothing on the wire, who is yielded to and up is at it, done, or yields itself.
    fn bound(&self, state: &State) -> bool {
        let status = |at: usize, hash| state.nodes[at].machine.as_ref()?.status(hash);
        self.setup.views_spread
            || self.setup.change != Change::None
            || state.used.losses > 0
            || !state.wire.is_empty()
            || self.events.iter().all(|event| {
                (0..self.setup.members).all(|at| {
                    let Some(holder) = status(at, event.hash).and_then(|s| s.holder) else {
                        return true;
                    };
                    !matches!(
                        status(self.place(holder), event.hash).map(|s| s.phase),
                        Some(Phase::Paused | Phase::Waiting | Phase::Blocked)
                    )
                })
            })
    }

    /// Runs on without further faults: with the dead staying dead, and with all of them coming back.
    pub(super) fn calm(&self, state: &State) -> Calm {
        let stays = self.calm_of(state, false);
        let down = state.nodes.iter().any(|node| !node.is_up() && !node.reset);
        if !down || !stays.sent || !stays.equal {
            return stays;
        }
        self.calm_of(state, true)
    }

    fn calm_of(&self, state: &State, all_back: bool) -> Calm {
        let known = &self.calmed[usize::from(all_back)];
        let mut seen = Vec::new();
        let calm = self.run_calm(state, all_back, &mut seen);
        known.lock().expect("no panic").extend(seen.into_iter().map(|print| (print, calm)));
        calm
    }

    /// Runs until all is at rest, or until a state is met whose calm is known.
    fn run_calm(&self, state: &State, all_back: bool, seen: &mut Vec<u128>) -> Calm {
        let known = &self.calmed[usize::from(all_back)];
        // With everyone there nothing that was ever accepted may be lost; else what those hold that are.
        let everyone = all_back || state.nodes.iter().all(|node| node.is_up() || node.reset);
        let held: Vec<usize> = (0..self.events.len())
            .filter(|event| {
                if everyone {
                    state.accepted & (1 << event) != 0
                } else {
                    state.nodes.iter().any(|node| node.holds(self.events[*event].hash))
                }
            })
            .collect();
        let mut state = state.clone();
        let mut last = 0;
        for _ in 0..CALM_STEPS {
            let print = state.print();
            if let Some(calm) = known.lock().expect("no panic").get(&print) {
                return *calm;
            }
            seen.push(print);
            let Some(step) = self.calm_step(&state, all_back, last) else {
                let sent = held.iter().all(|event| self.is_served(&state, *event));
                let sent = sent && state.nodes.iter().all(|node| node.pending() == 0);
                return Calm { sent, equal: self.ends_equal(state) };
            };
            if let Step::Tick(at) = step {
                last = at;
            }
            match self.next_state(&state, step) {
                Some(next) => state = next,
                None => return Calm { sent: false, equal: false },
            }
        }
        let sent = state.nodes.iter().all(|node| node.pending() == 0);
        Calm { sent, equal: false }
    }

    /// The next thing that happens while nothing goes wrong; `None`: all is at rest. Of timers that are
    /// due at once that of the member after `last` fires: nobody is kept waiting for ever.
    fn calm_step(&self, state: &State, all_back: bool, last: usize) -> Option<Step> {
        if all_back
            && let Some(at) = state.nodes.iter().position(|node| !node.is_up() && !node.reset)
        {
            return Some(Step::Restart(at));
        }
        if let Some(away) = state.away {
            return Some(Step::Return(away));
        }
        let truth = state.history.len() - 1;
        let behind = |at: &usize| {
            state.nodes[*at].is_up() && state.nodes[*at].view < truth && !self.setup.is_deaf(*at)
        };
        if let Some(at) = (0..self.setup.members).find(behind) {
            return Some(Step::Learn(at));
        }
        if let Some(letter) = state.wire.first() {
            return Some(Step::Deliver(letter.clone()));
        }
        for (at, node) in state.nodes.iter().enumerate() {
            if let Some(((event, handler), flight)) = node.attempts.first_key_value() {
                let (event, handler) = (*event, handler.clone());
                return Some(match flight {
                    Flight::Started => Step::Arrive(at, event, handler),
                    Flight::Arrived => Step::Answer(at, event, handler),
                });
            }
        }
        if let Change::Removal { target, .. } = self.setup.change
            && state.left
            && !state.buried
            && state.nodes[target].handed_over
        {
            return Some(Step::Bury(target));
        }
        let busy = state.nodes.iter().any(|node| node.pending() > 0) || !self.all_know(state);
        let members = self.setup.members;
        let turn = |at: usize| (at + members - last - 1) % members;
        let waits = state
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(at, node)| Some((node.wait()?, turn(at), at)));
        waits.min().filter(|_| busy).map(|(.., at)| Step::Tick(at))
    }

    /// Every owner, and who raised it, knows what any of them knows to be done. Where a member
    /// died or was away, only a full sync can bring that about.
    fn all_know(&self, state: &State) -> bool {
        let needs_sync = state.used.crashes > 0
            || self.setup.change != Change::None
            || self.has(Planted::ColdHeld);
        needs_sync
            || (0..self.events.len()).all(|event| {
                let hash = self.events[event].hash;
                let raised = |at: usize| {
                    let mut raises = self.setup.raises.iter().enumerate();
                    raises.any(|(n, raised)| {
                        raised.by == at && raised.event == event && state.raises & (1 << n) != 0
                    })
                };
                let owns = |at| self.setup.redundancy == 0 || at < self.setup.redundancy;
                !self.is_done(state, event)
                    || (0..self.setup.members)
                        .filter(|at| owns(*at) || raised(*at))
                        .filter_map(|at| state.nodes[at].machine.as_ref())
                        .all(|machine| machine.is_done("t", hash))
            })
    }

    /// After a full sync of all with all the done sets are equal; without a crash those of the owners
    /// are before.
    fn ends_equal(&self, state: State) -> bool {
        if !self.all_know(&state) {
            return false;
        }
        if self.has(Planted::DoneOnce) || !state.nodes.iter().all(|node| node.pending() == 0) {
            return true;
        }
        let mut state = state;
        let in_roster = |state: &State, at: usize| {
            state.nodes[at].is_up()
                && state.history.last().is_some_and(|v| v.roster.contains_key(&self.ids[at]))
        };
        for at in 0..self.setup.members {
            if in_roster(&state, at) {
                self.sync_all(&mut state, at);
            }
        }
        self.seal(&mut state);
        for _ in 0..CALM_STEPS {
            let Some(letter) = state.wire.first().cloned() else { break };
            match self.next_state(&state, Step::Deliver(letter)) {
                Some(next) => state = next,
                None => return false,
            }
        }
        let mut roots = (0..self.setup.members)
            .filter(|at| in_roster(&state, *at))
            .filter_map(|at| state.nodes[at].machine.as_ref().map(Dedup::root));
        let first = roots.next();
        roots.all(|root| Some(root) == first)
    }
}

impl super::world::Node {
    fn pending(&self) -> usize {
        self.machine.as_ref().map_or(0, Dedup::pending_count)
    }
}
