//! What to do next: pure, from what was seen to at most one effect with a named reason.
//!
//! The wish is `spec.replicas` alone; progress is what is recorded (cluster ID and ledger in the
//! status, annotations of the claims). Nothing is inferred from counts. Every record is written before
//! the effect that depends on it, and every effect may be repeated.
//!
//! A decision goes through [`STAGES`] in order. The first effect is taken. A stage may also wait for
//! the world, so that nothing after it is done, or just note why it is not through.

mod effect;
mod farewell;
mod join;
mod leave;
mod prepare;
mod reason;
mod roll;
mod seen;
mod size;
mod sweep;
#[cfg(test)]
mod tests;
mod unsubscribe;
mod volumes;

use std::collections::BTreeMap;

use crate::crd::MemberState;
pub use effect::{Effect, Who};
pub use reason::{Reason, Tone, Verdict};
use seen::View;
pub use seen::{
    ClaimSeen, Cleanup, InfluxSeen, KeySeen, Observed, Patience, PodSeen, Seen, SetSeen,
};
pub use sweep::{Found, found};

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do now, if anything.
    pub effect: Option<Effect>,
    /// Why.
    pub reason: Reason,
    /// In words, for people.
    pub message: String,
    /// What else keeps the cluster from being as wished.
    pub notes: Vec<(Reason, String)>,
    /// Where each pod's member stands.
    pub states: BTreeMap<i32, MemberState>,
}

/// What a stage comes to.
enum Step {
    /// Do this.
    Act(Effect, Reason, String),
    /// Do nothing more until the world has moved.
    Wait(Reason, String),
    /// Do nothing more, nor aside.
    Halt(Reason, String),
    /// Not through, but later stages may go on.
    Note(Reason, String),
    /// Nothing to do.
    Pass,
}

type Stage = fn(&Observed, &View<'_>) -> Step;

/// In the order of what must come first.
const STAGES: [Stage; 20] = [
    farewell::leave,
    farewell::hold,
    prepare::pause,
    prepare::key,
    prepare::ledger,
    volumes::await_end,
    prepare::children,
    volumes::resize,
    volumes::remake,
    size::stop,
    roll::roll,
    join::found,
    join::record,
    join::vacate,
    size::grow,
    leave::committed,
    leave::spare,
    join::add,
    leave::condemn,
    volumes::restart,
];

/// Stages that wait for others: done even while the ones before are not through.
const ASIDE: [Stage; 4] =
    [sweep::login, unsubscribe::unsubscribe, unsubscribe::stopped, sweep::sweep];

fn act(effect: Effect, reason: Reason, message: impl Into<String>) -> Step {
    Step::Act(effect, reason, message.into())
}

fn wait(reason: Reason, message: impl Into<String>) -> Step {
    Step::Wait(reason, message.into())
}

fn halt(reason: Reason, message: impl Into<String>) -> Step {
    Step::Halt(reason, message.into())
}

fn note(reason: Reason, message: impl Into<String>) -> Step {
    Step::Note(reason, message.into())
}

/// Decides on the next effect.
pub fn decide(seen: &Observed) -> Decision {
    let view = View::of(seen);
    let mut notes: Vec<(Reason, String)> = Vec::new();
    let mut taken = None;
    'stages: for stages in [&STAGES[..], &ASIDE[..]] {
        for stage in stages {
            match stage(seen, &view) {
                Step::Act(effect, reason, message) => {
                    taken = Some((effect, reason, message));
                    break 'stages;
                }
                Step::Wait(reason, message) => {
                    notes.insert(0, (reason, message));
                    break;
                }
                Step::Halt(reason, message) => {
                    notes.insert(0, (reason, message));
                    break 'stages;
                }
                Step::Note(reason, message) => notes.push((reason, message)),
                Step::Pass => {}
            }
        }
    }
    let states = view.states(seen);
    // A human is told first what only he can change.
    notes.sort_by_key(|(reason, _)| reason.verdict() != Verdict::Stuck);
    let (effect, reason, message) = match taken {
        Some((effect, reason, message)) => (Some(effect), reason, message),
        None if notes.is_empty() => {
            (None, Reason::InSync, format!("{} members in sync", seen.wish))
        }
        None => {
            let (reason, message) = notes.remove(0);
            (None, reason, message)
        }
    };
    Decision { effect, reason, message, notes, states }
}

impl Decision {
    /// Nothing can be done.
    pub fn stuck(reason: Reason, message: String) -> Self {
        Self { effect: None, reason, message, notes: Vec::new(), states: BTreeMap::new() }
    }
}
