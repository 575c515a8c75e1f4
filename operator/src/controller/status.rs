//! Writing what is: records, ledger, conditions. Nothing is written when nothing changed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::decide::{Decision, Effect, Observed, Seen, Verdict};
use super::{Error, MANAGER};
use crate::crd::{GROUP, KapacitorCluster, KapacitorClusterStatus, MemberState, MemberStatus};
use crate::name::Names;

/// Writes the status after a decision; `trouble` is why its effect failed. A record is written only if
/// the resource is still the one that was read (`resourceVersion`).
pub(super) async fn write(
    clusters: &Api<KapacitorCluster>,
    resource: &KapacitorCluster,
    observed: Option<&Observed>,
    decision: &Decision,
    trouble: Option<&str>,
) -> Result<(), Error> {
    let status = next(resource, observed, decision, trouble, Timestamp::now());
    if resource.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": "KapacitorCluster",
        "metadata": {"name": resource.name_any(), "resourceVersion": resource.resource_version()},
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    let written = clusters.patch_status(&resource.name_any(), &params, &Patch::Apply(patch)).await;
    written.map(drop).map_err(Error::of("write the status"))
}

/// The status after a decision, pure.
pub(super) fn next(
    resource: &KapacitorCluster,
    observed: Option<&Observed>,
    decision: &Decision,
    trouble: Option<&str>,
    now: Timestamp,
) -> KapacitorClusterStatus {
    let old = resource.status.clone().unwrap_or_default();
    let names = Names {
        cluster: resource.name_any(),
        namespace: resource.namespace().unwrap_or_default(),
        domain: resource.spec.cluster_domain.clone(),
    };
    let mut status = KapacitorClusterStatus {
        observed_generation: resource.metadata.generation,
        selector: Some(names.selector_text()),
        conditions: Vec::new(),
        ..old.clone()
    };
    if let Some(observed) = observed {
        status.replicas = observed.set.map_or(0, |set| set.pods);
        status.ready_replicas = observed.set.map_or(0, |set| set.ready);
        status.version = version(observed).or(old.version);
    }
    for member in &mut status.members {
        if let Some(state) = decision.states.get(&member.ordinal) {
            member.state = *state;
        }
    }
    match &decision.effect {
        Some(Effect::RecordCluster { id }) => status.cluster_id = Some(id.clone()),
        Some(Effect::RecordMember { ordinal, member_id }) => {
            status.members.retain(|m| m.ordinal != *ordinal);
            status.members.push(MemberStatus {
                name: names.pod(*ordinal),
                ordinal: *ordinal,
                member_id: member_id.clone(),
                state: MemberState::Joining,
            });
            status.members.sort_by_key(|m| m.ordinal);
        }
        _ => {}
    }
    status.conditions = conditions(decision, trouble)
        .into_iter()
        .map(|(type_, is, message)| {
            let status = if is { "True" } else { "False" };
            let before = old.conditions.iter().find(|c| c.type_ == type_ && c.status == status);
            Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: decision.reason.as_str().to_owned(),
                message,
                observed_generation: resource.metadata.generation,
                last_transition_time: before
                    .map_or(Time(now), |before| before.last_transition_time.clone()),
            }
        })
        .collect();
    status
}

/// The release that all answering members run.
fn version(observed: &Observed) -> Option<String> {
    let mut versions = observed.members.values().filter_map(|seen| match seen {
        Seen::Answers(cluster) => Some(cluster.version.clone()),
        Seen::Silent(_) => None,
    });
    let first = versions.next().filter(|version| !version.is_empty())?;
    versions.all(|version| version == first).then_some(first)
}

fn conditions(decision: &Decision, trouble: Option<&str>) -> [(&'static str, bool, String); 5] {
    let verdict = decision.reason.verdict();
    let message = match trouble {
        Some(trouble) => format!("{}; {trouble}", decision.message),
        None => decision.message.clone(),
    };
    let states = || decision.states.values();
    let available = states().any(|state| *state == MemberState::InSync);
    let in_sync = available && states().all(|state| *state == MemberState::InSync);
    [
        ("Ready", verdict == Verdict::Settled && trouble.is_none(), message.clone()),
        ("Available", available, String::new()),
        ("Progressing", verdict == Verdict::Moving, message.clone()),
        ("Degraded", verdict == Verdict::Stuck, message),
        ("MembersInSync", in_sync && verdict == Verdict::Settled, String::new()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::controller::decide::Reason;
    use crate::crd::KapacitorClusterSpec;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn records_are_written_and_nothing_changes_at_rest() {
        let mut resource = KapacitorCluster::new("demo", KapacitorClusterSpec::default());
        let mut decision = Decision {
            effect: Some(Effect::RecordMember { ordinal: 1, member_id: "x".into() }),
            reason: Reason::MemberFound,
            message: String::new(),
            states: BTreeMap::new(),
        };
        let observed = Observed::default();
        let status = next(&resource, Some(&observed), &decision, None, at(1));
        assert_eq!(status.members.len(), 1);
        assert_eq!(
            (&*status.members[0].name, status.members[0].state),
            ("demo-1", MemberState::Joining)
        );
        resource.status = Some(status);
        decision.effect = None;
        decision.reason = Reason::InSync;
        decision.states.insert(1, MemberState::InSync);
        let settled = next(&resource, Some(&observed), &decision, None, at(2));
        let ready = settled.conditions.iter().find(|c| c.type_ == "Ready").expect("always set");
        assert_eq!((&*ready.status, ready.last_transition_time.0), ("True", at(2)));
        resource.status = Some(settled.clone());
        assert_eq!(next(&resource, Some(&observed), &decision, None, at(3)), settled);
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
