//! A change reaches the pods one by one, the highest first: the set holds back the pods below its
//! partition, which is lowered by one once everybody above is back in sync. Applying a change holds back
//! all pods. Where a pod does not come back the change stops, until it is mended or another one is
//! wished; what an abandoned change left behind makes room for that.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{Observed, PodSeen, SetSeen, View};
use super::{Step, act, note};
use crate::crd::MemberState;

/// How long a pod may take to come back with a change before a human is told, and before the change does
/// not wait for it where it is a pod that still runs what was. Too short and a slow start is called a
/// failure; too long and a bad change is noticed late.
const START_TIME: Duration = Duration::from_mins(2);

pub(super) fn roll(seen: &Observed, view: &View<'_>) -> Step {
    let rolls = |set: &&SetSeen| set.settled && set.replicas > 0 && !set.by_hand;
    let Some(set) = seen.set.as_ref().filter(rolls) else { return Step::Pass };
    let roll = Roll { seen, set, view, states: view.states(seen) };
    if let Some((ordinal, pod)) = roll.abandoned() {
        let effect = Effect::DeletePod { ordinal, pod: pod.version.clone() };
        let message =
            format!("pod {ordinal} does not run with a change that is not wished any more");
        return act(effect, Reason::ChangeAbandoned, message);
    }
    let lowest = set.partition.clamp(0, set.replicas);
    let floor = seen.floor.filter(|floor| lowest > *floor);
    let old = seen.pods.iter().any(|(n, pod)| *n < set.replicas && pod.revision != set.update);
    if !set.is_rolling() && floor.is_none() && !old {
        return Step::Pass;
    }
    if let Some(ordinal) = (lowest..set.replicas).rev().find(|n| !roll.is_through(*n)) {
        return roll.awaits(ordinal);
    }
    match floor {
        Some(_) => roll.next(lowest - 1),
        None if !old => Step::Pass,
        None => {
            note(Reason::RollHeld, format!("pods below {lowest} keep what they run, as wished"))
        }
    }
}

/// A change under way.
struct Roll<'a> {
    seen: &'a Observed,
    set: &'a SetSeen,
    view: &'a View<'a>,
    states: std::collections::BTreeMap<i32, MemberState>,
}

impl<'a> Roll<'a> {
    /// Lowers the partition, unless another pod than the next one is away as well.
    fn next(&self, to: i32) -> Step {
        let leaves = |n: i32| self.seen.leaving().any(|it| it.ordinal == n && holds_pod(it.state));
        let leaving = (0..self.set.replicas).find(|n| leaves(*n));
        if let (Some(ordinal), false) = (leaving, self.view.inside.is_empty()) {
            let message = format!("the change goes on when member {ordinal} has left");
            return note(Reason::PodsRoll, message);
        }
        // One that does not run has nothing to lose.
        let runs = self.seen.pods.get(&to).is_some_and(|pod| pod.ready);
        let mut others = (0..self.set.replicas).filter(|n| *n != to && !leaves(*n));
        let away = others.find(|n| !self.is_in_sync(*n) && !self.cannot_run(*n));
        if let (Some(away), true) = (away, runs) {
            let message = format!("pod {to} is changed when member {away} is in sync");
            return note(Reason::PodsRoll, message);
        }
        let message = format!("pod {to} is changed; those above are in sync");
        act(Effect::Roll { set: self.set.version.clone(), to }, Reason::PodsRoll, message)
    }

    /// It does not run with what it has: a change may be what mends that, and would wait for ever.
    fn cannot_run(&self, ordinal: i32) -> bool {
        self.seen.pods.get(&ordinal).is_some_and(|pod| {
            let late = self.is_late(pod.running_since.or(pod.made));
            !pod.ready && !pod.ending && (pod.trouble.is_some() || late)
        })
    }

    /// It has had the time to start.
    fn is_late(&self, since: Option<Timestamp>) -> bool {
        let patience = SignedDuration::try_from(START_TIME).unwrap_or(SignedDuration::MAX);
        since.is_some_and(|since| self.seen.now.duration_since(since) >= patience)
    }

    /// On every list, in a pod that is ready.
    fn is_in_sync(&self, ordinal: i32) -> bool {
        let pod = self.seen.pods.get(&ordinal);
        pod.is_some_and(|pod| pod.ready && !pod.ending)
            && self.states.get(&ordinal) == Some(&MemberState::InSync)
    }

    /// It runs what is wished and is back. Whoever is on his way out need not be; where nobody is in the
    /// cluster it is enough to run.
    fn is_through(&self, ordinal: i32) -> bool {
        let pod = self.seen.pods.get(&ordinal);
        let leaves = self.seen.current(ordinal).is_none()
            && self.seen.leaving().any(|it| it.ordinal == ordinal && holds_pod(it.state));
        let nobody = self.view.inside.is_empty();
        pod.is_some_and(|pod| pod.revision == self.set.update)
            && (leaves || self.is_in_sync(ordinal) || nobody && pod.is_some_and(|pod| pod.ready))
    }

    /// What the next pod waits for, and whether it ever will be.
    fn awaits(&self, ordinal: i32) -> Step {
        let pod = self.seen.pods.get(&ordinal);
        let Some(pod) = pod.filter(|pod| pod.revision == self.set.update && !pod.ending) else {
            return note(Reason::PodsRoll, format!("pod {ordinal} is being changed"));
        };
        let why = match &pod.trouble {
            Some(why) => why.as_str(),
            None if !pod.ready => "it is not ready",
            None => "it is not in sync",
        };
        if pod.trouble.is_none() && !self.is_late(pod.made) {
            return note(Reason::PodsRoll, format!("member {ordinal} comes back: {why}"));
        }
        let message = format!(
            "the change stops at member {ordinal}: {why}. The pods below {} run on as they were; take \
             the change back, or make another one",
            self.set.partition.max(0)
        );
        note(Reason::RollStuck, message)
    }

    /// A pod that does not run, with neither what is wished nor what would be made in its place.
    fn abandoned(&self) -> Option<(i32, &'a PodSeen)> {
        let seen = self.seen;
        let mut pods = seen.pods.iter().filter(|(n, _)| **n < self.set.replicas);
        let other = |n: i32, pod: &PodSeen| {
            pod.revision != self.set.update
                && (n >= self.set.partition || pod.revision != self.set.current)
        };
        let found = pods.find(|(n, pod)| !pod.ready && !pod.ending && other(**n, pod));
        found.map(|(n, pod)| (*n, pod))
    }
}

/// On its way out, and its pod is there.
fn holds_pod(state: MemberState) -> bool {
    state.is_leaving() && state <= MemberState::Stopping
}

impl SetSeen {
    /// Not all pods run what is wished.
    pub(super) fn is_rolling(&self) -> bool {
        self.current != self.update
    }
}
