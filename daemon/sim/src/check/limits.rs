//! S10: every set, queue and retry is bounded. S7: what was deleted does not come back.

use model::Str;
use rpc::Stamp;

use crate::world::World;

/// Outputs that may wait for a disk at one member.
pub const MOST_WAITING: usize = 200_000;

impl World {
    /// Looks at the sizes of all members.
    pub fn check_limits(&mut self) {
        self.check_limits_of(MOST_WAITING);
    }

    /// The same with another limit of what waits for the disk.
    pub(crate) fn check_limits_of(&mut self, most_waiting: usize) {
        self.checks.look("S10");
        let limits = dedup::Limits::default();
        let mut found = Vec::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let Some(member) = &node.member else { continue };
            for (what, size, limit) in [
                ("outputs waiting", member.waiting(), most_waiting),
                ("pending events", member.pending_count(), 2 * limits.pending),
                ("done marks", member.dedup().done_count(), limits.done),
                ("specs", member.specs().iter().count(), member::specs::MAX_KEYS),
            ] {
                if size > limit {
                    found.push(format!("m{n} has {size} {what}, the limit is {limit}"));
                }
            }
        }
        for text in found {
            self.checks.report("S10", self.now, text);
        }
    }

    /// Notes all specs that members hold durably, and looks whether one went back to an older write.
    pub fn check_specs(&mut self) {
        self.checks.look("S7");
        let mut newest = std::mem::take(&mut self.checks.edits);
        for node in &self.nodes {
            let settled = node.member.as_ref().filter(|m| m.is_settled() && in_cluster(m));
            let Some(member) = settled else { continue };
            for (key, state) in member.specs().iter() {
                let seen: &mut (Stamp, Option<Str>) =
                    newest.entry(key.clone()).or_insert_with(|| (state.stamp, state.value.clone()));
                if state.stamp > seen.0 {
                    *seen = (state.stamp, state.value.clone());
                }
            }
        }
        self.checks.edits = newest;
    }

    /// In the end every member of the cluster holds the newest write of each key, tombstones included,
    /// and shows no member that was removed.
    pub fn check_resurrection(&mut self, members: &[usize]) {
        self.checks.look("S7");
        let mut found = Vec::new();
        for n in members {
            let Some(member) = &self.nodes[*n].member else { continue };
            for (key, (stamp, _)) in &self.checks.edits {
                let got = member.specs().state(key).map(|state| state.stamp);
                if got.is_none_or(|got| got < *stamp) {
                    found.push(format!("m{n} went back on {key:?}: has {got:?}, was {stamp:?}"));
                }
            }
        }
        for text in found {
            self.checks.report("S7", self.now, text);
        }
    }

    /// Forgets writes of members that were removed: cut off from the cluster they could write what it
    /// never took over.
    pub fn forget_edits(&mut self, removed: &[model::MemberId]) {
        self.checks.edits.retain(|_, (stamp, _)| !removed.contains(&stamp.member));
    }
}

fn in_cluster(member: &member::Member) -> bool {
    member.state() == rpc::State::Initialized
}
