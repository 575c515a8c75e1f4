//! Members: recorded first, then added one after another.

use std::collections::BTreeMap;

use super::{Decision, Effect, Observed, Reason, Seen, act, rest};
use crate::crd::MemberState;
use crate::member::{Cluster, State};

/// Who is in, who is not.
pub(super) struct View<'a> {
    /// In the cluster, as they say themselves.
    inside: Vec<(i32, &'a Cluster)>,
    /// In no cluster.
    apart: Vec<(i32, &'a Cluster)>,
    /// In another one.
    foreign: Vec<(i32, &'a Cluster)>,
}

impl<'a> View<'a> {
    pub(super) fn of(seen: &'a Observed) -> Self {
        let mut view = Self { inside: Vec::new(), apart: Vec::new(), foreign: Vec::new() };
        let Some(id) = &seen.cluster_id else { return view };
        for (ordinal, cluster) in seen.answers() {
            // A pod beyond the size was made by someone else and goes again.
            if ordinal >= seen.size() {
                continue;
            }
            if cluster.cluster_id.to_string() == *id {
                view.inside.push((ordinal, cluster));
            } else if cluster.state == State::Uninitialized {
                view.apart.push((ordinal, cluster));
            } else {
                view.foreign.push((ordinal, cluster));
            }
        }
        view
    }

    /// Whether every member inside lists this one.
    fn lists(&self, member: &Cluster) -> bool {
        let on = |list: &Cluster| list.members.iter().any(|m| m.id == member.member_id);
        self.inside.iter().all(|(_, list)| on(list))
    }

    pub(super) fn states(&self, seen: &Observed) -> BTreeMap<i32, MemberState> {
        let of = |ordinal: i32| {
            let is = |&&(o, _): &&(i32, &Cluster)| o == ordinal;
            if let Some((_, member)) = self.inside.iter().find(is) {
                return if self.lists(member) { MemberState::InSync } else { MemberState::Joining };
            }
            if self.foreign.iter().any(|m| is(&m)) {
                return MemberState::Foreign;
            }
            if self.apart.iter().any(|m| is(&m)) {
                return MemberState::Joining;
            }
            MemberState::Unreachable
        };
        seen.ledger.keys().map(|ordinal| (*ordinal, of(*ordinal))).collect()
    }
}

/// The next step towards a cluster of all members.
pub(super) fn join(seen: &Observed, view: &View<'_>) -> Decision {
    for (ordinal, member) in view.inside.iter().chain(&view.apart) {
        let member_id = member.member_id.to_string();
        let recorded = seen.ledger.get(ordinal).is_some_and(|entry| entry.member_id == member_id);
        if !recorded {
            let message = format!("member {ordinal} is {member_id}");
            let effect = Effect::RecordMember { ordinal: *ordinal, member_id };
            return act(effect, Reason::MemberFound, message);
        }
    }
    if let Some((ordinal, _)) = view.inside.iter().find(|(_, member)| !view.lists(member)) {
        let message = format!("member {ordinal} is not on every member's list yet");
        return rest(Reason::MemberJoining, message);
    }
    if let Some((ordinal, _)) = view.apart.first() {
        return match view.inside.first() {
            Some((through, _)) => act(
                Effect::AddMember { through: *through, ordinal: *ordinal },
                Reason::MemberApart,
                format!("member {ordinal} is not in the cluster"),
            ),
            None if silent(seen).next().is_some() => {
                rest(Reason::MembersAway, "no member of the cluster answers")
            }
            None => rest(
                Reason::NoWayIn,
                "every member answers, but none of them is in the cluster that status.clusterID \
                 names: their volumes were lost",
            ),
        };
    }
    if let Some((ordinal, member)) = view.foreign.first() {
        let other = &member.cluster_id;
        let message = format!("member {ordinal} belongs to another cluster, {other}");
        return rest(Reason::ForeignMember, message);
    }
    if let Some((ordinal, why)) = silent(seen).next() {
        let (reason, what) = if seen.ledger.contains_key(&ordinal) {
            (Reason::MembersAway, "does not answer")
        } else {
            (Reason::MembersStarting, "does not answer yet")
        };
        return rest(reason, format!("member {ordinal} {what}: {why}"));
    }
    if seen.wish < seen.size() {
        let message = format!(
            "{} members are wished, {} exist; removing members is not built yet, so they stay",
            seen.wish,
            seen.size()
        );
        return rest(Reason::RemovalNotBuilt, message);
    }
    rest(Reason::InSync, format!("{} members in sync", seen.wish))
}

/// Wished pods that say nothing, and why.
fn silent(seen: &Observed) -> impl Iterator<Item = (i32, &str)> {
    (0..seen.size()).filter_map(|ordinal| match seen.members.get(&ordinal) {
        None => Some((ordinal, "its pod does not run")),
        Some(Seen::Silent(why)) => Some((ordinal, why.as_str())),
        Some(Seen::Answers(_)) => None,
    })
}
