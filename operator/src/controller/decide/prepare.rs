//! What must be there before members are thought of: the key, the ledger, the children.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{KeySeen, Observed, View};
use super::{Step, act, halt, wait};
use crate::crd::{Cause, MemberState, MemberStatus};

pub(super) fn pause(seen: &Observed, _: &View<'_>) -> Step {
    if seen.paused {
        return halt(Reason::Paused, "paused: nothing is changed");
    }
    Step::Pass
}

pub(super) fn key(seen: &Observed, _: &View<'_>) -> Step {
    match &seen.key {
        KeySeen::Missing => {
            let message = "the key that signs membership changes is missing";
            act(Effect::CreateAdminKey, Reason::AdminKeyMissing, message)
        }
        KeySeen::Unreadable(why) => wait(Reason::AdminKeyUnreadable, why.as_str()),
        KeySeen::Good => Step::Pass,
    }
}

/// A status that was lost is read back from the claims, before anything is done on its account.
pub(super) fn ledger(seen: &Observed, _: &View<'_>) -> Step {
    if seen.cluster_id.is_some() || !seen.ledger.is_empty() {
        return Step::Pass;
    }
    let kept = seen.claims.iter().filter(|(_, claim)| !claim.retired && !claim.ending);
    let mut members = Vec::new();
    let mut clusters = BTreeSet::new();
    for (ordinal, claim) in kept {
        let Some(member_id) = claim.member_id.clone() else { continue };
        clusters.extend(claim.cluster_id.clone());
        let state = if claim.leaving { MemberState::Condemned } else { MemberState::Unreachable };
        members.push(MemberStatus {
            name: seen.pod_name(*ordinal),
            ordinal: *ordinal,
            member_id,
            state,
            since: Some(Time(seen.now)),
            cause: claim.leaving.then_some(Cause::ScaleDown),
            unclean: false,
            claim_uid: Some(claim.version.uid.clone()),
        });
    }
    if members.is_empty() {
        return Step::Pass;
    }
    let cluster = clusters.pop_first().filter(|_| clusters.is_empty());
    let message = format!("the status says nothing, but {} claims hold members", members.len());
    act(Effect::RebuildLedger { cluster, members }, Reason::LedgerLost, message)
}

pub(super) fn children(seen: &Observed, _: &View<'_>) -> Step {
    if seen.stale.is_empty() {
        return Step::Pass;
    }
    let message = format!("not as wished: {}", seen.stale.join(", "));
    act(Effect::ApplyChildren, Reason::ChildrenDiffer, message)
}
