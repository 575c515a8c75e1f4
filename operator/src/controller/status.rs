//! Writing what is: records, ledger, conditions. Nothing is written when nothing changed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::Error;
use super::decide::{Decision, Effect, InfluxSeen, Observed, Reason, Seen, Verdict, Who};
use crate::crd::{Cause, KapacitorCluster, KapacitorClusterStatus, MemberState, MemberStatus};
use crate::name::Names;
use crate::server::Server;

/// Departed members that are remembered at most.
const MAX_DEPARTED: usize = 50;

/// Writes the status, if it is another one, and only if the resource is still the one that was read.
pub(super) async fn write(
    server: &impl Server,
    mut resource: KapacitorCluster,
    status: KapacitorClusterStatus,
) -> Result<(), Error> {
    if resource.status.as_ref() == Some(&status) {
        return Ok(());
    }
    resource.status = Some(status);
    server.apply_status(&resource).await.map_err(Error::of("write the status"))
}

/// The status after a decision, pure; `trouble` is why its effect failed.
pub(super) fn next(
    resource: &KapacitorCluster,
    seen: Option<&Observed>,
    decision: &Decision,
    trouble: Option<&str>,
    now: Timestamp,
) -> KapacitorClusterStatus {
    let old = resource.status.clone().unwrap_or_default();
    let names = Names::of(resource);
    let mut status = KapacitorClusterStatus {
        observed_generation: resource.metadata.generation,
        selector: Some(names.selector_text()),
        ..old.clone()
    };
    if let Some(seen) = seen {
        status.replicas = seen.set.as_ref().map_or(0, |set| set.pods);
        status.ready_replicas = seen.set.as_ref().map_or(0, |set| set.ready);
        status.version = version(seen).or(old.version.clone());
    }
    for member in status.members.iter_mut().filter(|member| !member.state.is_leaving()) {
        if let Some(state) = decision.states.get(&member.ordinal) {
            member.enter(*state, now);
        }
    }
    if let Some(effect) = decision.effect.as_ref().filter(|_| trouble.is_none()) {
        record(&mut status, effect, &names, now);
    }
    status.conditions = conditions(seen, decision, &status, trouble)
        .into_iter()
        .map(|is| {
            let status = match is.so {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            let before = old.conditions.iter().find(|c| c.type_ == is.type_ && c.status == status);
            Condition {
                type_: is.type_.to_owned(),
                status: status.to_owned(),
                reason: is.reason.as_str().to_owned(),
                message: is.message,
                observed_generation: resource.metadata.generation,
                last_transition_time: before
                    .map_or(Time(now), |before| before.last_transition_time.clone()),
            }
        })
        .collect();
    status
}

/// What an effect that was carried out leaves in the ledger.
fn record(status: &mut KapacitorClusterStatus, effect: &Effect, names: &Names, now: Timestamp) {
    match effect {
        Effect::RecordCluster { id } => status.cluster_id = Some(id.clone()),
        Effect::RebuildLedger { cluster, members } => {
            status.cluster_id.clone_from(cluster);
            status.members.clone_from(members);
        }
        Effect::RecordMember { who, claim } => {
            status.departed.retain(|id| *id != who.member_id);
            status.displace(who, now);
            let mut entry = MemberStatus::new(names, who, MemberState::Joining, now);
            entry.claim_uid = Some(claim.uid.clone());
            status.put(entry);
        }
        Effect::Condemn { who, cause, claim } => {
            let mut entry = MemberStatus::new(names, who, MemberState::Condemned, now);
            entry.cause = Some(*cause);
            entry.claim_uid = claim.as_ref().map(|claim| claim.uid.clone());
            status.put(entry);
        }
        Effect::Spare { who, .. } => {
            if let Some(entry) = status.entry(who) {
                entry.enter(MemberState::Joining, now);
                entry.cause = None;
            }
        }
        Effect::Advance { who, to, unclean } => {
            if let Some(entry) = status.entry(who) {
                (entry.state, entry.since, entry.unclean) = (*to, Some(Time(now)), *unclean);
            }
        }
        Effect::DropSubscriptions { rows } => {
            status.unsubscribed += i64::try_from(rows.len()).unwrap_or(0);
        }
        Effect::Forget { who } => {
            status.members.retain(|entry| !entry.is(who));
            let known = status.members.iter().any(|entry| entry.member_id == who.member_id);
            if !known && !who.member_id.is_empty() && !status.departed.contains(&who.member_id) {
                status.departed.push(who.member_id.clone());
                let surplus = status.departed.len().saturating_sub(MAX_DEPARTED);
                status.departed.drain(..surplus);
            }
        }
        _ => {}
    }
}

impl KapacitorClusterStatus {
    fn entry(&mut self, who: &Who) -> Option<&mut MemberStatus> {
        self.members.iter_mut().find(|entry| entry.is(who))
    }

    /// Writes an entry, in place of one of the same identity.
    fn put(&mut self, entry: MemberStatus) {
        let same = |other: &MemberStatus| {
            other.ordinal == entry.ordinal && other.member_id == entry.member_id
        };
        self.members.retain(|other| !same(other));
        self.members.push(entry);
        self.members.sort_by(|a, b| (a.ordinal, &a.member_id).cmp(&(b.ordinal, &b.member_id)));
    }

    /// Another member was found in a pod: who was there before is gone, unless that was known already.
    fn displace(&mut self, who: &Who, now: Timestamp) {
        let before = |entry: &&mut MemberStatus| {
            entry.ordinal == who.ordinal
                && entry.member_id != who.member_id
                && entry.state <= MemberState::Removing
        };
        for entry in self.members.iter_mut().filter(before) {
            entry.enter(MemberState::Removing, now);
            (entry.cause, entry.unclean) = (Some(Cause::Displaced), true);
        }
    }
}

impl MemberStatus {
    fn new(names: &Names, who: &Who, state: MemberState, now: Timestamp) -> Self {
        Self {
            name: names.pod(who.ordinal),
            ordinal: who.ordinal,
            member_id: who.member_id.clone(),
            state,
            since: Some(Time(now)),
            cause: None,
            unclean: false,
            claim_uid: None,
        }
    }

    fn enter(&mut self, state: MemberState, now: Timestamp) {
        if self.state != state {
            (self.state, self.since) = (state, Some(Time(now)));
        }
    }
}

/// The release that all answering members run.
fn version(seen: &Observed) -> Option<String> {
    let mut versions = seen.members.values().filter_map(|seen| match seen {
        Seen::Answers(cluster) => Some(cluster.version.clone()),
        Seen::Silent(_) => None,
    });
    let first = versions.next().filter(|version| !version.is_empty())?;
    versions.all(|version| version == first).then_some(first)
}

/// A condition before it is compared with what it was.
struct Is {
    type_: &'static str,
    /// `None`: that is not known.
    so: Option<bool>,
    reason: Reason,
    message: String,
}

fn conditions(
    seen: Option<&Observed>,
    decision: &Decision,
    status: &KapacitorClusterStatus,
    trouble: Option<&str>,
) -> Vec<Is> {
    let is = |type_, so, reason, message: &str| Is {
        type_,
        so: Some(so),
        reason,
        message: message.to_owned(),
    };
    let message = match trouble {
        Some(trouble) => format!("{}; {trouble}", decision.message),
        None => decision.message.clone(),
    };
    let wish = seen.map_or(0, |seen| seen.wish);
    let in_sync = |ordinal| decision.states.get(&ordinal) == Some(&MemberState::InSync);
    let available = decision.states.values().any(|state| *state == MemberState::InSync);
    let all = wish > 0 && (0..wish).all(in_sync);
    let mut notes = vec![(decision.reason, message.clone())];
    notes.extend(decision.notes.iter().cloned());
    let stuck = notes.iter().find(|(reason, _)| reason.verdict() == Verdict::Stuck);
    let (bad, why) = stuck.cloned().unwrap_or((decision.reason, String::new()));
    let ready = match decision.reason {
        Reason::Stopped => true,
        _ => all && available && stuck.is_none() && trouble.is_none(),
    };
    let reason = decision.reason;
    vec![
        is("Ready", ready, reason, &message),
        is("Available", available, reason, ""),
        is("Progressing", reason.verdict() == Verdict::Moving, reason, &message),
        is("Degraded", stuck.is_some(), bad, &why),
        is("MembersInSync", all, reason, ""),
        subscriptions_clean(seen, status, &message),
        is("Paused", reason == Reason::Paused, reason, ""),
    ]
}

/// Whether members that are gone left subscriptions; not known while an InfluxDB cannot be looked into.
fn subscriptions_clean(
    seen: Option<&Observed>,
    status: &KapacitorClusterStatus,
    doing: &str,
) -> Is {
    let is = |so, reason, message: &str| Is {
        type_: "SubscriptionsClean",
        so,
        reason,
        message: message.to_owned(),
    };
    let left = status.members.iter().find(|entry| entry.state == MemberState::Unsubscribing);
    if let Some(entry) = left {
        let message = format!("subscriptions of {} may be left", Who::from(entry));
        return is(Some(false), Reason::SubscriptionsFound, &message);
    }
    if seen.is_some_and(|seen| seen.deleting.is_some() && seen.held) {
        return is(Some(false), Reason::SubscriptionsFound, doing);
    }
    let mut answers = seen.into_iter().flat_map(|seen| seen.influxdb.values());
    let hidden = answers.find_map(|answer| match answer {
        InfluxSeen::Away(why) => Some((Reason::InfluxdbAway, why)),
        InfluxSeen::Refused(why) | InfluxSeen::Locked(why) => Some((Reason::InfluxdbLogin, why)),
        InfluxSeen::NotAsked | InfluxSeen::Rows(_) => None,
    });
    match hidden {
        Some((reason, why)) => is(None, reason, why),
        None => is(Some(true), Reason::SubscriptionsGone, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::KapacitorClusterSpec;
    use crate::server::Version;

    fn who(ordinal: i32, member_id: &str) -> Who {
        Who { ordinal, member_id: member_id.to_owned() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn records_are_written_and_nothing_changes_at_rest() {
        let mut resource = KapacitorCluster::new("demo", KapacitorClusterSpec::default());
        let mut decision = Decision {
            effect: Some(Effect::RecordMember { who: who(0, "x"), claim: Version::default() }),
            ..Decision::stuck(Reason::MemberFound, String::new())
        };
        let observed = Observed { wish: 1, ..Observed::default() };
        let status = next(&resource, Some(&observed), &decision, None, at(1));
        assert_eq!(status.members.len(), 1);
        assert_eq!(
            (&*status.members[0].name, status.members[0].state),
            ("demo-0", MemberState::Joining)
        );
        resource.status = Some(status);
        decision.effect = None;
        decision.reason = Reason::InSync;
        decision.states.insert(0, MemberState::InSync);
        let settled = next(&resource, Some(&observed), &decision, None, at(2));
        let ready = settled.conditions.iter().find(|c| c.type_ == "Ready").expect("always set");
        assert_eq!((&*ready.status, ready.last_transition_time.0), ("True", at(2)));
        resource.status = Some(settled.clone());
        assert_eq!(next(&resource, Some(&observed), &decision, None, at(3)), settled);
    }

    #[test]
    fn what_an_influxdb_hides_is_not_known() {
        let resource = KapacitorCluster::new("demo", KapacitorClusterSpec::default());
        let decision = Decision::stuck(Reason::InSync, "fine".into());
        for (answer, expect) in [
            (InfluxSeen::Rows(Vec::new()), ("True", "SubscriptionsGone", "")),
            (InfluxSeen::NotAsked, ("True", "SubscriptionsGone", "")),
            (InfluxSeen::Away("no route".into()), ("Unknown", "InfluxdbAway", "no route")),
            (InfluxSeen::Refused("401".into()), ("Unknown", "InfluxdbLogin", "401")),
            (InfluxSeen::Locked("no Secret".into()), ("Unknown", "InfluxdbLogin", "no Secret")),
        ] {
            let influxdb = [("main".to_owned(), answer)].into();
            let observed = Observed { influxdb, ..Observed::default() };
            let status = next(&resource, Some(&observed), &decision, None, at(1));
            let mut conditions = status.conditions.iter();
            let clean = conditions.find(|c| c.type_ == "SubscriptionsClean").expect("always set");
            assert_eq!((&*clean.status, &*clean.reason, &*clean.message), expect);
        }
    }

    #[test]
    fn trouble_is_shown_and_is_not_ready() {
        let resource = KapacitorCluster::new("demo", KapacitorClusterSpec::default());
        let decision = Decision::stuck(Reason::InSync, "fine".into());
        let status = next(&resource, None, &decision, Some("no answer"), at(1));
        let ready = &status.conditions[0];
        assert_eq!((&*ready.status, &*ready.message), ("False", "fine; no answer"));
    }
}
