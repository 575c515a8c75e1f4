//! What a member leaves behind when its pod is gone: subscriptions, its claim, its entry.
//!
//! A live member makes a missing subscription again, so they are dropped only now. One that died
//! without a word may be alive somewhere: its subscriptions are looked for once more when it would have
//! made them again.

use super::effect::{Effect, Who};
use super::leave::has_passed;
use super::reason::Reason;
use super::seen::{InfluxSeen, Observed, View};
use super::{Step, act, note};
use crate::crd::{Cause, MemberState, MemberStatus};
use crate::name;
use crate::subscriptions::Row;

/// Subscriptions that one effect drops at most: a reconcile must end.
pub(super) const AT_ONCE: usize = 50;

pub(super) fn unsubscribe(seen: &Observed, _: &View<'_>) -> Step {
    let mut through = Step::Pass;
    for entry in seen.leaving() {
        let step = match entry.state {
            MemberState::Unsubscribing | MemberState::Reclaiming if is_back(seen, entry) => {
                back(seen, entry)
            }
            MemberState::Unsubscribing => drop_rows(seen, entry),
            MemberState::Reclaiming => reclaim(seen, entry),
            _ => Step::Pass,
        };
        match step {
            Step::Pass => {}
            Step::Note(..) => through = step,
            decided => return decided,
        }
    }
    through
}

/// Somebody made the pod of a member anew that had been removed, and it is who it was.
fn is_back(seen: &Observed, entry: &MemberStatus) -> bool {
    let answer = seen.answer(entry.ordinal);
    let same = answer.is_some_and(|it| it.member_id.to_string() == entry.member_id);
    same && seen.current(entry.ordinal).is_none()
}

/// It subscribes again and again: it comes in anew, or its pod has to go first.
fn back(seen: &Observed, entry: &MemberStatus) -> Step {
    let who = Who::of(entry);
    if entry.ordinal < seen.wish {
        let message = format!("{who} was removed, but its pod is there again and is wished");
        return act(Effect::Forget { who }, Reason::MemberBack, message);
    }
    let message = format!("the pod of {who} is there again; it must end first");
    note(Reason::PodStopping, message)
}

/// No pod is wished and none is left: InfluxDB need not send to them. They subscribe when they start.
pub(super) fn stopped(seen: &Observed, _: &View<'_>) -> Step {
    let size = seen.set.as_ref().map_or(0, |set| set.replicas);
    if seen.wish > 0 || size > 0 || !seen.pods.is_empty() || seen.skip_cleanup {
        return Step::Pass;
    }
    let staying = seen.ledger.iter().filter(|entry| !entry.state.is_leaving());
    let rows = staying.flat_map(|entry| rows_of(seen, &entry.member_id));
    let rows: Vec<Row> = rows.take(AT_ONCE).cloned().collect();
    if !rows.is_empty() {
        let message = format!("{} subscriptions of stopped members", rows.len());
        return act(Effect::DropSubscriptions { rows }, Reason::SubscriptionsFound, message);
    }
    match away(seen) {
        Some((name, why)) if !seen.ledger.is_empty() => {
            let message = format!("subscriptions of stopped members wait for {name:?}: {why}");
            note(Reason::InfluxdbAway, message)
        }
        _ => Step::Pass,
    }
}

fn drop_rows(seen: &Observed, entry: &MemberStatus) -> Step {
    let who = Who::of(entry);
    let to = |to, reason, message| {
        let unclean = entry.unclean;
        act(Effect::Advance { who: Who::of(entry), to, unclean }, reason, message)
    };
    if seen.skip_cleanup {
        let message = format!("subscriptions of {who} were not looked for");
        return to(MemberState::Reclaiming, Reason::SubscriptionsSkipped, message);
    }
    if seen.influxdb.is_empty() {
        let message = format!("{who} had no InfluxDB to subscribe to");
        return to(MemberState::Reclaiming, Reason::SubscriptionsGone, message);
    }
    let fenced = !entry.unclean || has_passed(seen.now, entry, seen.sync_interval * 2);
    let rows: Vec<Row> = rows_of(seen, &entry.member_id).take(AT_ONCE).cloned().collect();
    if !rows.is_empty() {
        if entry.unclean && fenced {
            let message = format!("{who} subscribed again although its pod is gone");
            return to(MemberState::Unsubscribing, Reason::SubscriptionsReturned, message);
        }
        let message = format!("{who} left {} subscriptions", rows.len());
        return act(Effect::DropSubscriptions { rows }, Reason::SubscriptionsFound, message);
    }
    if let Some((name, why)) = away(seen) {
        let message = format!("subscriptions of {who} wait for InfluxDB {name:?}: {why}");
        return note(Reason::InfluxdbAway, message);
    }
    if !fenced {
        let message = format!("{who} died; its subscriptions are looked for once more");
        return note(Reason::SubscriptionsWatched, message);
    }
    let message = format!("no subscription of {who} is left");
    to(MemberState::Reclaiming, Reason::SubscriptionsGone, message)
}

/// What the InfluxDBs that answer have of this member.
pub(super) fn rows_of<'a>(
    seen: &'a Observed,
    member_id: &str,
) -> impl Iterator<Item = &'a Row> + use<'a> {
    let own = name::subscription(member_id);
    seen.influxdb
        .values()
        .filter_map(|seen| match seen {
            InfluxSeen::Rows(rows) => Some(rows),
            _ => None,
        })
        .flatten()
        .filter(move |row| row.name == own)
}

/// An InfluxDB that could not be looked into.
fn away(seen: &Observed) -> Option<(&str, &str)> {
    seen.influxdb.iter().find_map(|(name, seen)| match seen {
        InfluxSeen::Rows(_) => None,
        InfluxSeen::Away(why) | InfluxSeen::Refused(why) | InfluxSeen::Locked(why) => {
            Some((name.as_str(), why.as_str()))
        }
        InfluxSeen::NotAsked => Some((name.as_str(), "it was not asked yet")),
    })
}

/// Its claim goes, or stays without a member; then it is forgotten.
fn reclaim(seen: &Observed, entry: &MemberStatus) -> Step {
    let (who, ordinal) = (Who::of(entry), entry.ordinal);
    let claim = seen.claim_of(entry).filter(|_| entry.cause == Some(Cause::ScaleDown));
    let Some(claim) = claim else {
        return act(
            Effect::Forget { who: who.clone() },
            Reason::MemberGone,
            format!("{who} is gone"),
        );
    };
    // Whoever is in the pod now lives on it.
    if seen.current(ordinal).is_some() {
        return act(
            Effect::Forget { who: who.clone() },
            Reason::MemberGone,
            format!("{who} is gone"),
        );
    }
    if seen.pods.contains_key(&ordinal) {
        return note(
            Reason::PodStopping,
            format!("pod {ordinal} is there again; it must end first"),
        );
    }
    let version = claim.version.clone();
    if !claim.keep && (!seen.keep_claims || entry.unclean) {
        if claim.ending {
            return note(Reason::ClaimGoing, format!("the claim of {who} ends"));
        }
        let effect = Effect::DeleteClaim { ordinal, claim: version };
        return act(effect, Reason::ClaimDeleted, format!("the claim of {who} goes"));
    }
    if !claim.retired {
        let effect = Effect::Retire { ordinal, claim: version };
        return act(effect, Reason::ClaimRetired, format!("the claim of {who} is kept"));
    }
    act(Effect::Forget { who: who.clone() }, Reason::MemberGone, format!("{who} is gone"))
}
