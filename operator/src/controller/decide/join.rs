//! The way in: the cluster is founded once, members are recorded, then added one after another.

use super::effect::{Effect, Who};
use super::reason::Reason;
use super::seen::{Observed, Seen, View};
use super::{Step, act, note, wait};
use crate::member::State;

/// The identity of the cluster: the one its members agree on, else that of the first pod.
pub(super) fn found(seen: &Observed, _: &View<'_>) -> Step {
    if seen.cluster_id.is_some() {
        return Step::Pass;
    }
    let in_one = seen.answers().filter(|(_, c)| c.state == State::Initialized);
    let mut known: Vec<String> = in_one.map(|(_, c)| c.cluster_id.to_string()).collect();
    known.sort_unstable();
    known.dedup();
    if known.len() > 1 {
        let message = format!("members belong to different clusters: {}", known.join(", "));
        return wait(Reason::ClustersDiffer, message);
    }
    // Where claims name a cluster there is one already, even if nobody who knows it answers.
    let mut claims = seen.claims.values().filter(|claim| !claim.retired && !claim.ending);
    let named = claims.find_map(|claim| claim.cluster_id.as_deref());
    let first = || seen.answer(0).map(|cluster| cluster.cluster_id.to_string());
    match (known.pop(), named) {
        (Some(id), _) => {
            let message = format!("the cluster is {id}");
            act(Effect::RecordCluster { id }, Reason::ClusterFounded, message)
        }
        (None, Some(named)) => {
            let message = format!("claims name clusters, such as {named}; no member is in one");
            wait(Reason::NoWayIn, message)
        }
        (None, None) => match first() {
            Some(id) => {
                let message = format!("the cluster begins with the first member: {id}");
                act(Effect::RecordCluster { id }, Reason::ClusterFounded, message)
            }
            None => match seen.set.as_ref().filter(|set| set.replicas == 0) {
                Some(set) => {
                    let effect = Effect::Grow { set: set.version.clone(), to: 1 };
                    act(effect, Reason::SetGrows, "the first member has no pod")
                }
                None => wait(Reason::MembersStarting, "the first member does not answer yet"),
            },
        },
    }
}

/// Everybody who answers, and everybody who is listed, stands in the ledger and on his claim.
pub(super) fn record(seen: &Observed, view: &View<'_>) -> Step {
    for (ordinal, pod) in &seen.pods {
        let said = view.inside.iter().chain(&view.apart).find(|(o, _)| o == ordinal);
        let member_id = match (said, seen.current(*ordinal)) {
            (Some((_, member)), _) => member.member_id.to_string(),
            // Somebody was added and fell silent before he was recorded.
            (None, None) if seen.answer(*ordinal).is_none() => {
                match view.listed_in(&seen.pod_name(*ordinal)) {
                    Some(id) if !seen.is_leaving(&id) && !seen.departed.contains(&id) => id,
                    _ => continue,
                }
            }
            _ => continue,
        };
        // A claim that ends takes its member along: it is not written down any more, unless others know it.
        let is_known = view.apart.iter().all(|(o, _)| o != ordinal);
        let claim = seen.claims.get(ordinal).filter(|claim| is_known || !claim.ending);
        let Some(claim) = claim else { continue };
        let entry = seen.current(*ordinal);
        let in_ledger = entry.is_some_and(|entry| entry.member_id == member_id);
        let on_claim = claim.member_id.as_ref() == Some(&member_id)
            && claim.cluster_id == seen.cluster_id
            && !claim.retired;
        if (in_ledger && on_claim) || pod.ending {
            continue;
        }
        let who = Who { ordinal: *ordinal, member_id };
        let effect = Effect::RecordMember { who: who.clone(), claim: claim.version.clone() };
        return match entry.filter(|_| !in_ledger) {
            Some(old) => {
                let message = format!("{who} is in the place of {}", Who::of(old));
                act(effect, Reason::MemberDisplaced, message)
            }
            None => act(effect, Reason::MemberFound, format!("found {who}")),
        };
    }
    Step::Pass
}

/// A pod that came to run on a claim that is being deleted keeps it from going: it makes room.
pub(super) fn vacate(seen: &Observed, _: &View<'_>) -> Step {
    let is_nobodys = |ordinal: i32| seen.ledger.iter().all(|entry| entry.ordinal != ordinal);
    let ends = |ordinal: &i32| seen.claims.get(ordinal).is_some_and(|claim| claim.ending);
    let mut stuck = seen
        .pods
        .iter()
        .filter(|(ordinal, pod)| !pod.ending && is_nobodys(**ordinal) && ends(ordinal));
    let Some((ordinal, pod)) = stuck.next() else { return Step::Pass };
    let effect = Effect::DeletePod { ordinal: *ordinal, pod: pod.version.clone() };
    let message = format!("pod {ordinal} runs on a claim that is being deleted");
    act(effect, Reason::ClaimEnding, message)
}

/// One after another, until all wished members are on every list.
pub(super) fn add(seen: &Observed, view: &View<'_>) -> Step {
    let on_all = |member: &crate::member::Cluster| view.all_list(&member.member_id.to_string());
    if let Some((ordinal, _)) = view.inside.iter().find(|(_, member)| !on_all(member)) {
        let message = format!("member {ordinal} is not on every member's list yet");
        return wait(Reason::MemberJoining, message);
    }
    let recorded = |(ordinal, member): &&(i32, &crate::member::Cluster)| {
        let id = member.member_id.to_string();
        *ordinal < seen.wish && seen.current(*ordinal).is_some_and(|entry| entry.member_id == id)
    };
    if let Some((ordinal, _)) = view.apart.iter().find(recorded) {
        return match view.ways_in.first() {
            Some(through) => act(
                Effect::AddMember { through: *through, ordinal: *ordinal },
                Reason::MemberApart,
                format!("member {ordinal} is not in the cluster"),
            ),
            None if silent(seen).next().is_some() => {
                note(Reason::MembersAway, "no member of the cluster answers")
            }
            None => note(
                Reason::NoWayIn,
                "every member answers, but none of them is in the cluster that status.clusterID \
                 names: their volumes were lost",
            ),
        };
    }
    if let Some((ordinal, member)) = view.foreign.first() {
        let other = &member.cluster_id;
        let message = format!("member {ordinal} belongs to another cluster, {other}");
        return note(Reason::ForeignMember, message);
    }
    if let Some((ordinal, why)) = silent(seen).next() {
        let (reason, what) = match seen.current(ordinal) {
            Some(_) => (Reason::MembersAway, "does not answer"),
            None => (Reason::MembersStarting, "does not answer yet"),
        };
        return note(reason, format!("member {ordinal} {what}: {why}"));
    }
    Step::Pass
}

/// Wished pods that say nothing, and why.
fn silent(seen: &Observed) -> impl Iterator<Item = (i32, &str)> {
    (0..seen.wish).filter(|ordinal| !seen.is_blocked(*ordinal)).filter_map(|ordinal| {
        match seen.members.get(&ordinal) {
            None => Some((ordinal, "its pod does not run")),
            Some(Seen::Silent(why)) => Some((ordinal, why.as_str())),
            Some(Seen::Answers(_)) => None,
        }
    })
}
