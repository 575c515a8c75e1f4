//! The end of a resource: its pods stop, nobody is removed, the subscriptions of all its members are
//! dropped, and only then it is let go. A finalizer holds it until then, where there is anything to do.

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{InfluxSeen, Observed, Patience, View};
use super::unsubscribe::{AT_ONCE, rows_of};
use super::{Step, act, halt};
use crate::name;
use crate::subscriptions::Row;

/// The finalizer is there while there is something to clear away behind the resource.
pub(super) fn hold(seen: &Observed, _: &View<'_>) -> Step {
    let resource = seen.resource.clone();
    let touched = seen.cleanup.values().any(|cleanup| cleanup.patience != Patience::Never);
    match (touched || seen.delete_claims, seen.held) {
        (true, false) => {
            let message = "once deleted it stays until all is cleared away";
            act(Effect::Hold { resource }, Reason::CleanupWished, message)
        }
        (false, true) => {
            let message = "there is nothing to clear away";
            act(Effect::Release { resource, orphaned: 0 }, Reason::CleanupNotWished, message)
        }
        _ => Step::Pass,
    }
}

/// Everything goes, in order.
pub(super) fn leave(seen: &Observed, _: &View<'_>) -> Step {
    if seen.deleting.is_none() {
        return Step::Pass;
    }
    if !seen.held {
        return halt(Reason::Deleting, "the resource is being deleted");
    }
    if let Some(set) = seen.set.as_ref().filter(|set| set.replicas > 0) {
        let effect = Effect::Stop { set: set.version.clone() };
        return act(effect, Reason::Deleting, "all pods stop: the resource is being deleted");
    }
    // Pods whose set is being made anew belong to nobody who would take them along.
    let alone = seen.set.as_ref().is_none_or(|set| set.ending);
    let mut pods = seen.pods.iter().filter(|(_, pod)| !pod.ending);
    if let (true, Some((ordinal, pod))) = (alone, pods.next()) {
        let effect = Effect::DeletePod { ordinal: *ordinal, pod: pod.version.clone() };
        return act(effect, Reason::Deleting, format!("pod {ordinal} has no set any more"));
    }
    // A member that lives subscribes again.
    if !seen.pods.is_empty() {
        return halt(Reason::PodsStopping, format!("{} pods are stopping", seen.pods.len()));
    }
    if seen.skip_cleanup {
        let message = "a human does not want to wait: subscriptions may be left";
        return release(seen, 0, Reason::SubscriptionsSkipped, message);
    }
    unsubscribe(seen)
}

fn unsubscribe(seen: &Observed) -> Step {
    let known = seen.known();
    let ours = known.iter().flat_map(|id| rows_of(seen, id));
    let rows: Vec<Row> = ours.filter(|row| is_touched(seen, row)).take(AT_ONCE).cloned().collect();
    if !rows.is_empty() {
        let message = format!("{} subscriptions go with the resource", rows.len());
        return act(Effect::DropSubscriptions { rows }, Reason::SubscriptionsFound, message);
    }
    let mut given_up = None;
    for (name, cleanup) in &seen.cleanup {
        let (why, locked) = match seen.influxdb.get(name) {
            Some(InfluxSeen::Rows(_)) => continue,
            Some(InfluxSeen::Away(why) | InfluxSeen::Refused(why)) => (why.as_str(), false),
            Some(InfluxSeen::Locked(why)) => (why.as_str(), true),
            Some(InfluxSeen::NotAsked) | None => ("it was not asked yet", false),
        };
        // In a namespace that goes the login may go first: waiting for ever would hold both.
        let deadline = match cleanup.patience {
            Patience::Never => continue,
            Patience::Until(deadline) => deadline,
            Patience::Always if locked => LOCKED_DEADLINE,
            Patience::Always => {
                return halt(Reason::InfluxdbAway, format!("it waits for {name:?}: {why}"));
            }
        };
        if !has_passed(seen, deadline) {
            return halt(Reason::InfluxdbAway, format!("it waits for {name:?}: {why}"));
        }
        given_up.get_or_insert_with(|| format!("InfluxDB {name:?} did not answer in time ({why})"));
    }
    match given_up {
        None => release(seen, 0, Reason::SubscriptionsGone, "no subscription is left"),
        Some(why) => {
            let each = known.iter().map(|id| {
                format!("DROP SUBSCRIPTION \"{}\" ON \"DB\".\"RP\"", name::subscription(id))
            });
            let each: Vec<String> = each.collect();
            let message =
                format!("{why}. Where SHOW SUBSCRIPTIONS lists them: {}", each.join("; "));
            release(seen, known.len(), Reason::SubscriptionsOrphaned, message)
        }
    }
}

/// How long the end of a resource waits for a login that is not there.
const LOCKED_DEADLINE: std::time::Duration = std::time::Duration::from_mins(5);

fn has_passed(seen: &Observed, time: std::time::Duration) -> bool {
    let since = seen.deleting.unwrap_or(seen.now);
    std::time::Duration::try_from(seen.now.duration_since(since)).is_ok_and(|past| past >= time)
}

fn is_touched(seen: &Observed, row: &Row) -> bool {
    let cleanup = seen.cleanup.get(&row.influxdb);
    cleanup.is_some_and(|cleanup| cleanup.patience != Patience::Never)
}

/// The claims go first, if they are to go at all.
fn release(seen: &Observed, orphaned: usize, reason: Reason, message: impl Into<String>) -> Step {
    let mut claims = seen.claims.iter().filter(|(_, claim)| !claim.ending && !claim.keep);
    if let (true, Some((ordinal, claim))) = (seen.delete_claims, claims.next()) {
        let effect = Effect::DeleteClaim { ordinal: *ordinal, claim: claim.version.clone() };
        return act(effect, Reason::ClaimDeleted, "claims go with the resource, as wished");
    }
    act(Effect::Release { resource: seen.resource.clone(), orphaned }, reason, message)
}
