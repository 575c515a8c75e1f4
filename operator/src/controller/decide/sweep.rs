//! Subscriptions that nobody else clears away: of a member whose entry was lost, or that came back after
//! its member was forgotten. What is dropped was seen twice, long enough apart for a living member to
//! have shown itself; and only what is known to have been ours.

use std::collections::BTreeSet;

use super::effect::Effect;
use super::reason::Reason;
use super::seen::{InfluxSeen, Observed, View};
use super::unsubscribe::AT_ONCE;
use super::{Step, act, note};
use crate::name;
use crate::subscriptions::Row;

/// Subscriptions towards this cluster's pods that belong to no member of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Their members are known to be gone.
    pub orphans: Vec<Row>,
    /// Their members were never heard of: perhaps another cluster's whose pods have the same names.
    pub strangers: Vec<Row>,
}

pub(super) fn sweep(seen: &Observed, _: &View<'_>) -> Step {
    if seen.orphans.is_empty() || seen.skip_cleanup {
        return Step::Pass;
    }
    let rows: Vec<Row> = seen.orphans.iter().take(AT_ONCE).cloned().collect();
    let message = format!("{} subscriptions of members that are gone", rows.len());
    act(Effect::DropSubscriptions { rows }, Reason::OrphansFound, message)
}

/// Where the operator cannot log in, members cannot either, and receive no points.
pub(super) fn login(seen: &Observed, _: &View<'_>) -> Step {
    let refused = seen.influxdb.iter().find_map(|(name, seen)| match seen {
        InfluxSeen::Refused(why) | InfluxSeen::Locked(why) => Some((name, why)),
        InfluxSeen::NotAsked | InfluxSeen::Away(_) | InfluxSeen::Rows(_) => None,
    });
    let Some((name, why)) = refused else { return Step::Pass };
    note(Reason::InfluxdbLogin, format!("InfluxDB {name:?} cannot be logged in to: {why}"))
}

/// What there is to sweep, as far as one look shows.
pub fn found(seen: &Observed) -> Found {
    let mut result = Found::default();
    let (known, alive) = (gone_or_recorded(seen), alive(seen));
    for (influxdb, answer) in &seen.influxdb {
        let InfluxSeen::Rows(rows) = answer else { continue };
        let sweep = seen.cleanup.get(influxdb).is_some_and(|cleanup| cleanup.sweep);
        for row in rows.iter().filter(|row| is_towards_us(seen, row)) {
            let Some(id) = name::subscriber(&row.name).filter(|id| !alive.contains(*id)) else {
                continue;
            };
            let list = if sweep && known.contains(id) {
                &mut result.orphans
            } else {
                &mut result.strangers
            };
            list.push(row.clone());
        }
    }
    result
}

/// Member IDs that are ours. What a claim says counts only while no pod lives on it.
fn gone_or_recorded(seen: &Observed) -> BTreeSet<&str> {
    let claims = seen.claims.iter().filter(|(ordinal, _)| !seen.pods.contains_key(ordinal));
    let claims = claims.filter_map(|(_, claim)| claim.member_id.as_deref());
    claims.chain(seen.departed.iter().map(String::as_str)).collect()
}

/// Whoever is recorded, answers, or is on anybody's list; those on their way out are cleared away there.
fn alive(seen: &Observed) -> BTreeSet<String> {
    let recorded = seen.ledger.iter().map(|entry| entry.member_id.clone());
    let listed = seen.answers().flat_map(|(_, cluster)| {
        let others = cluster.members.iter().map(|member| member.id.to_string());
        others.chain([cluster.member_id.to_string()])
    });
    recorded.chain(listed).collect()
}

/// All its hosts are pods of this cluster, by their own names or by those for InfluxDBs outside.
fn is_towards_us(seen: &Observed, row: &Row) -> bool {
    let ours = |host: &String| {
        let Some((pod, rest)) = host.split_once('.') else { return false };
        let number = pod.strip_prefix(&seen.cluster).and_then(|rest| rest.strip_prefix('-'));
        let pod = number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let after = rest.strip_prefix(&seen.headless);
        pod && after.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let ours = |host: &String| ours(host) || seen.external.contains(host);
    !row.hosts.is_empty() && row.hosts.iter().all(ours)
}
