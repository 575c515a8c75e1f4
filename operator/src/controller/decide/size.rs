//! How many pods: it grows to the wish, and to nothing when stopped. It shrinks in `leave` alone, one
//! by one, behind the removal of a member.

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{Observed, View};
use super::{Step, act, note, wait};

/// No pod is wished: membership and volumes are kept.
pub(super) fn stop(seen: &Observed, _: &View<'_>) -> Step {
    if seen.wish > 0 {
        return Step::Pass;
    }
    let set = seen.set.as_ref().filter(|set| set.replicas > 0);
    if let Some(set) = set {
        let effect = Effect::Stop { set: set.version.clone() };
        return act(effect, Reason::StopWished, format!("{} pods are stopped", set.replicas));
    }
    match seen.pods.len() {
        0 => wait(Reason::Stopped, "stopped; volumes and membership are kept"),
        left => wait(Reason::PodsStopping, format!("{left} pods are stopping")),
    }
}

/// More pods are wished, or somebody took some away.
pub(super) fn grow(seen: &Observed, _: &View<'_>) -> Step {
    let Some(set) = &seen.set else { return Step::Pass };
    let (have, size) = (set.replicas, seen.size());
    if have >= size {
        return Step::Pass;
    }
    let to = seen.room(have);
    // Pods that nobody wants and nobody lives in would be shed again at once.
    let brings_back = || (have..to).any(|ordinal| seen.current(ordinal).is_some());
    if to > have && (have < seen.wish || brings_back()) {
        let effect = Effect::Grow { set: set.version.clone(), to };
        return act(effect, Reason::SetGrows, format!("{have} pods are to become {to}"));
    }
    let message = format!("pod {to} waits until the last member in it is gone for good");
    note(Reason::OrdinalLeaving, message)
}
