//! Volumes that grow: every claim asks for more, then the set is made anew around its pods, since its
//! template of claims cannot be changed. All claims grow or none: whether they may is found out before.
//!
//! A pod is started anew only when its volume waits for that, one at a time.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{ClaimSeen, Observed, View};
use super::{Step, act, note, wait};
use crate::crd::MemberState;

/// How long a volume may wait for its pod to grow it while it runs, as most drivers can. Too short and
/// members start anew for nothing; too long and they run on with the space that they had.
const ONLINE_TIME: Duration = Duration::from_mins(2);

/// The set goes, its pods stay: nothing is done with it meanwhile.
pub(super) fn await_end(seen: &Observed, _: &View<'_>) -> Step {
    match &seen.set {
        Some(set) if set.ending => wait(Reason::SetEnding, "the StatefulSet ends"),
        _ => Step::Pass,
    }
}

/// Claims that are smaller than wished ask for more.
pub(super) fn resize(seen: &Observed, _: &View<'_>) -> Step {
    let small: Vec<_> = seen.growing().filter(|(_, claim)| claim.requested < seen.size).collect();
    let refused = small.iter().find_map(|(n, claim)| Some((*n, claim.fixed.as_ref()?)));
    if let Some((ordinal, why)) = refused {
        let message = format!(
            "the claim of member {ordinal} may not grow to {}, and no claim is changed: {why}. The \
             storage class must have allowVolumeExpansion: true",
            seen.size
        );
        return note(Reason::VolumesFixed, message);
    }
    let bound = small.iter().filter(|(_, claim)| claim.bound);
    let claims: Vec<_> = bound.map(|(n, claim)| (*n, claim.version.clone())).collect();
    if claims.is_empty() {
        return match small.first() {
            None => Step::Pass,
            Some((n, _)) => note(Reason::VolumesGrow, format!("claim {n} has no volume yet")),
        };
    }
    let message = format!("{} claims are to have {}", claims.len(), seen.size);
    act(Effect::Resize { claims, to: seen.size.clone() }, Reason::VolumesGrow, message)
}

/// Pods to come get volumes as large as those that are there.
pub(super) fn remake(seen: &Observed, _: &View<'_>) -> Step {
    // A set that is new knows nothing of what its pods ran before a change.
    let small = |set: &&super::SetSeen| set.claim_size < seen.size && !set.is_rolling();
    let Some(set) = seen.set.as_ref().filter(small) else { return Step::Pass };
    if seen.growing().any(|(_, claim)| claim.requested < seen.size) {
        return Step::Pass;
    }
    let effect = Effect::RemakeSet { set: set.version.clone() };
    let message = format!("its template of claims is to say {}; its pods stay", seen.size);
    act(effect, Reason::SetRemade, message)
}

/// What volumes still have to do; pods that they need to start anew do so while all others are there.
pub(super) fn restart(seen: &Observed, view: &View<'_>) -> Step {
    let Some((ordinal, claim)) = seen.growing().find(|(_, claim)| claim.capacity < claim.requested)
    else {
        return Step::Pass;
    };
    let (has, asks) = (&claim.capacity, &claim.requested);
    let growing = || {
        let message = format!("the volume of member {ordinal} has {has} and is to have {asks}");
        note(Reason::VolumesGrowing, message)
    };
    let mut waiting = seen.growing().filter(|(n, claim)| waits_for_restart(seen, *n, claim));
    let Some((ordinal, _)) = waiting.next() else { return growing() };
    let states = view.states(seen);
    let all = (0..seen.wish).all(|n| states.get(&n) == Some(&MemberState::InSync));
    if !all || seen.leaving().any(|entry| entry.state <= MemberState::Stopping) {
        return growing();
    }
    let Some(pod) = seen.pods.get(&ordinal) else { return growing() };
    let effect = Effect::DeletePod { ordinal, pod: pod.version.clone() };
    let message = format!("the volume of member {ordinal} grows when its pod starts anew");
    act(effect, Reason::VolumeNeedsRestart, message)
}

/// The pod has run for long enough beside a volume that waits to be grown.
fn waits_for_restart(seen: &Observed, ordinal: i32, claim: &ClaimSeen) -> bool {
    let Some(since) = claim.pending_since else { return false };
    let patience = SignedDuration::try_from(ONLINE_TIME).unwrap_or(SignedDuration::MAX);
    let pod = seen.pods.get(&ordinal).filter(|pod| !pod.ending);
    let older = pod.and_then(|pod| pod.running_since).is_some_and(|started| started <= since);
    older && seen.now.duration_since(since) >= patience
}

impl Observed {
    /// The claims that follow the wished size: those of pods and members.
    fn growing(&self) -> impl Iterator<Item = (i32, &ClaimSeen)> {
        let claims = self.claims.iter().filter(|(_, claim)| !claim.ending && !claim.retired);
        let is_used = |n: i32| self.pods.contains_key(&n) || self.current(n).is_some();
        claims.map(|(ordinal, claim)| (*ordinal, claim)).filter(move |(n, _)| is_used(*n))
    }

    /// Pods that a new set begins with: those that are there, else the first one.
    pub(in super::super) fn first_size(&self) -> i32 {
        let there = self.pods.iter().filter(|(_, pod)| !pod.ending);
        there.map(|(ordinal, _)| ordinal + 1).max().unwrap_or(1)
    }
}
