//! The way out of a member: Condemned → Removing → Stopping, and then aside (`unsubscribe`)
//! Unsubscribing → Reclaiming → forgotten.
//!
//! One at a time, the highest pod first. Up to Condemned the wish may rise again and the member stays;
//! from Removing on it goes through to the end, whatever is wished. A pod is taken away only when its
//! member is on no list any more.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::effect::{Effect, Who};
use super::reason::Reason;
use super::seen::{Observed, View};
use super::{Step, act, note, wait};
use crate::crd::{Cause, MemberState, MemberStatus};

/// How long a pod that runs may take to tell who it is before it is let go unknown. Too short and its
/// subscriptions are not recognised as ours; too long and one that hangs keeps the set from shrinking.
const TELL_TIME: Duration = Duration::from_secs(30);
/// How long a removed member may take to show that it knows. Too short and it counts as dead, and its
/// subscriptions are looked for twice; too long and one that is dead holds up its successor.
const HEAR_TIME: Duration = Duration::from_secs(30);

/// Removals that have begun come before anything else: until they are through, the cluster changes.
pub(super) fn committed(seen: &Observed, view: &View<'_>) -> Step {
    let mut through = Step::Pass;
    for entry in seen.leaving() {
        let step = match entry.state {
            MemberState::Removing => remove(seen, view, entry),
            _ => Step::Pass,
        };
        match step {
            Step::Pass => {}
            Step::Note(..) => through = step,
            decided => return decided,
        }
        // Somebody that knew nothing of its removal may have brought it back.
        if entry.state > MemberState::Removing && view.lister(seen, entry).is_some() {
            return remove(seen, view, entry);
        }
    }
    for entry in seen.leaving().filter(|entry| entry.state == MemberState::Stopping) {
        match stop(seen, entry) {
            Step::Pass => {}
            Step::Note(reason, message) => through = Step::Note(reason, message),
            decided => return decided,
        }
    }
    through
}

/// The wish was taken back before anything was done.
pub(super) fn spare(seen: &Observed, _: &View<'_>) -> Step {
    let spared = |entry: &&MemberStatus| match (entry.state, entry.cause) {
        (MemberState::Condemned, Some(Cause::Replace)) => {
            seen.pods.get(&entry.ordinal).is_some_and(|pod| !pod.replace && !pod.ending)
        }
        (MemberState::Condemned, _) => entry.ordinal < seen.wish,
        _ => false,
    };
    let Some(entry) = seen.leaving().find(spared) else { return Step::Pass };
    let who = Who::of(entry);
    let message = format!("{who} is wished after all");
    let claim = seen.claim_of(entry).map(|claim| claim.version.clone());
    act(Effect::Spare { who, claim }, Reason::MemberSpared, message)
}

/// Begins with the next one, or goes on with the one that is condemned.
pub(super) fn condemn(seen: &Observed, view: &View<'_>) -> Step {
    if let Some(entry) = seen.leaving().find(|entry| entry.state == MemberState::Condemned) {
        return begin(seen, view, entry);
    }
    let under_way = |entry: &MemberStatus| match entry.state {
        MemberState::Removing => true,
        // A set that somebody grew meanwhile has to shrink by those first.
        MemberState::Stopping => seen.top().is_none_or(|top| top <= entry.ordinal),
        _ => false,
    };
    if seen.leaving().any(under_way) {
        return Step::Pass;
    }
    if let Some(top) = seen.top().filter(|top| *top >= seen.wish && !seen.is_departing(*top)) {
        return shed(seen, top);
    }
    let replaced = seen.pods.iter().filter(|(_, pod)| pod.replace && !pod.ending);
    let mut replaced = replaced.filter_map(|(ordinal, _)| seen.current(*ordinal));
    let Some(entry) = replaced.next() else { return Step::Pass };
    if !seen.ledger.iter().any(|other| !other.state.is_leaving() && other != entry) {
        let message = format!("{} is the last member: it cannot be replaced", Who::of(entry));
        return note(Reason::LastMember, message);
    }
    if seen.claim_of(entry).is_some_and(|claim| claim.keep) {
        let message = format!("{} is to be replaced; its claim is to be kept", Who::of(entry));
        return note(Reason::ClaimKept, message);
    }
    sentence(seen, entry, Cause::Replace, "another member is wanted in its place")
}

/// The highest pod is one too many.
fn shed(seen: &Observed, top: i32) -> Step {
    let why = format!("{} members are wished", seen.wish);
    if let Some(entry) = seen.current(top) {
        return sentence(seen, entry, Cause::ScaleDown, &why);
    }
    // It is nobody we know. If it runs it may soon tell; its subscriptions bear its ID.
    let running = seen.pods.get(&top).and_then(|pod| pod.running_since);
    if running.is_some_and(|since| seen.now.duration_since(since) < TELL_TIME.signed()) {
        return note(Reason::MembersStarting, format!("pod {top} goes once it has told who it is"));
    }
    let who = Who { ordinal: top, member_id: String::new() };
    let claim = seen.claims.get(&top).map(|claim| claim.version.clone());
    let effect = Effect::Condemn { who: who.clone(), cause: Cause::ScaleDown, claim };
    act(effect, Reason::MemberCondemned, format!("{who} is to leave: {why}"))
}

fn sentence(seen: &Observed, entry: &MemberStatus, cause: Cause, why: &str) -> Step {
    let who = Who::of(entry);
    let claim = seen.claim_of(entry).map(|claim| claim.version.clone());
    let message = format!("{who} is to leave: {why}");
    act(Effect::Condemn { who, cause, claim }, Reason::MemberCondemned, message)
}

/// From Condemned to Removing: the gates, and the member's own part.
fn begin(seen: &Observed, view: &View<'_>, entry: &MemberStatus) -> Step {
    let who = Who::of(entry);
    if !seen.ledger.iter().any(|other| !other.state.is_leaving()) {
        let message = format!("{who} is the last member of the cluster and stays");
        return note(Reason::LastMember, message);
    }
    if view.inside.is_empty() {
        return note(Reason::MembersAway, format!("{who} leaves once a member that stays answers"));
    }
    let answers = seen.answer(entry.ordinal).filter(|c| c.member_id.to_string() == who.member_id);
    if answers.is_some() && !seen.allow_task_loss {
        let Some(only_here) = only_here(seen, entry.ordinal) else {
            return note(Reason::MembersAway, format!("{who} does not tell its tasks"));
        };
        if !only_here.is_empty() {
            let message = format!(
                "{who} alone runs {}: define them elsewhere, or annotate the resource with {}=true",
                only_here.join(", "),
                crate::name::ALLOW_TASK_LOSS
            );
            return note(Reason::TasksOnlyHere, message);
        }
    }
    let message = format!("{who} will be removed");
    advance(entry, MemberState::Removing, entry.unclean, Reason::RemovalBegins, message)
}

/// Tasks that nobody who stays runs; `None` while the leaving one has not told.
fn only_here(seen: &Observed, ordinal: i32) -> Option<Vec<String>> {
    let own = seen.tasks.get(&ordinal)?.as_ref()?;
    let others = seen.tasks.iter().filter(|(other, _)| **other != ordinal);
    let elsewhere: Vec<_> = others.filter_map(|(_, tasks)| tasks.as_ref()).collect();
    let lost = own.iter().filter(|task| !elsewhere.iter().any(|tasks| tasks.contains(*task)));
    Some(lost.cloned().collect())
}

/// Out of the cluster: on no list of those that answer, at least one.
fn remove(seen: &Observed, view: &View<'_>, entry: &MemberStatus) -> Step {
    let who = Who::of(entry);
    if view.inside.is_empty() {
        return wait(Reason::MembersAway, format!("{who} leaves once a member that stays answers"));
    }
    if let Some((through, member_id)) = view.lister(seen, entry) {
        let named = Who { member_id, ..who };
        let message = format!("{named} is still on the list of member {through}");
        return act(Effect::RemoveMember { through, who: named }, Reason::MemberListed, message);
    }
    if entry.cause == Some(Cause::Displaced) {
        let message = format!("{who} is gone: another member is in its place");
        let (reason, to) = (Reason::MemberRemovedDead, MemberState::Unsubscribing);
        return advance(entry, to, true, reason, message);
    }
    let answer = seen.answer(entry.ordinal).filter(|c| c.member_id.to_string() == who.member_id);
    let knows = answer.is_some_and(|c| Some(c.cluster_id.to_string()) != seen.cluster_id);
    if knows {
        let message = format!("{who} is out of the cluster");
        let (reason, to) = (Reason::MemberRemoved, MemberState::Stopping);
        return advance(entry, to, false, reason, message);
    }
    if seen.pods.contains_key(&entry.ordinal) && !has_passed(seen.now, entry, HEAR_TIME) {
        return wait(Reason::PodStopping, format!("{who} was removed and does not know it yet"));
    }
    let message = format!("{who} is out of the cluster; it did not answer to the end");
    advance(entry, MemberState::Stopping, true, Reason::MemberRemovedDead, message)
}

/// The pod goes, now that its member is out.
fn stop(seen: &Observed, entry: &MemberStatus) -> Step {
    let who = Who::of(entry);
    let Some(set) = &seen.set else { return Step::Pass };
    if seen.current(entry.ordinal).is_some() {
        let message = format!("another member is in the place of {who}");
        let to = MemberState::Unsubscribing;
        return advance(entry, to, entry.unclean, Reason::PodGone, message);
    }
    if entry.cause == Some(Cause::Replace) {
        return replace(seen, entry);
    }
    let ordinal = entry.ordinal;
    if set.replicas == ordinal + 1 {
        let effect = Effect::Shrink { set: set.version.clone(), to: ordinal };
        return act(effect, Reason::SetShrinks, format!("the pod of {who} goes"));
    }
    if set.replicas > ordinal {
        // Somebody grew the set by hand, and the pods above are wished meanwhile.
        if set.replicas <= seen.wish {
            let message = format!("{who} was removed, but its pod and those above it are wished");
            return act(Effect::Forget { who }, Reason::MemberBack, message);
        }
        return Step::Pass;
    }
    if seen.pods.contains_key(&ordinal) {
        return note(Reason::PodStopping, format!("the pod of {who} ends"));
    }
    let message = format!("the pod of {who} is gone");
    advance(entry, MemberState::Unsubscribing, entry.unclean, Reason::PodGone, message)
}

/// Pod and claim go, the set puts new ones in their place.
fn replace(seen: &Observed, entry: &MemberStatus) -> Step {
    let (who, ordinal) = (Who::of(entry), entry.ordinal);
    let Some(claim) = seen.claim_of(entry) else {
        let message = format!("pod and claim of {who} are gone");
        let to = MemberState::Unsubscribing;
        return advance(entry, to, entry.unclean, Reason::PodGone, message);
    };
    if !claim.ending {
        let effect = Effect::DeleteClaim { ordinal, claim: claim.version.clone() };
        return act(effect, Reason::ClaimDeleted, format!("the claim of {who} goes with its pod"));
    }
    match seen.pods.get(&ordinal) {
        Some(pod) if !pod.ending => {
            let effect = Effect::DeletePod { ordinal, pod: pod.version.clone() };
            act(effect, Reason::PodReplaced, format!("the pod of {who} makes room"))
        }
        _ => note(Reason::ClaimGoing, format!("pod and claim of {who} end")),
    }
}

fn advance(
    entry: &MemberStatus,
    to: MemberState,
    unclean: bool,
    reason: Reason,
    message: String,
) -> Step {
    act(Effect::Advance { who: Who::of(entry), to, unclean }, reason, message)
}

/// Whether an entry has stood where it stands for this long.
pub(super) fn has_passed(now: Timestamp, entry: &MemberStatus, time: Duration) -> bool {
    now.duration_since(entry.since()) >= time.signed()
}

trait Signed {
    fn signed(self) -> SignedDuration;
}

impl Signed for Duration {
    fn signed(self) -> SignedDuration {
        SignedDuration::try_from(self).unwrap_or(SignedDuration::MAX)
    }
}

impl Observed {
    /// The highest pod of the set.
    fn top(&self) -> Option<i32> {
        self.set.as_ref().map(|set| set.replicas - 1).filter(|top| *top >= 0)
    }

    /// The pod is about to go anyway.
    fn is_departing(&self, ordinal: i32) -> bool {
        self.current(ordinal).is_none()
            && self
                .leaving()
                .any(|entry| entry.ordinal == ordinal && entry.state == MemberState::Stopping)
    }
}
