//! When a tombstone may go: old enough, acked by every member, and more of them than we keep.

use std::collections::BTreeSet;
use std::time::Duration;

use model::MemberId;

use super::{Rank, Roster};

/// Youngest age at which a tombstone may be collected.
pub const TOMBSTONE_AGE: Duration = Duration::from_hours(24);
/// Tombstones that are kept although they may go: a member that was away for long still finds that
/// it was removed. The oldest go first.
pub const TOMBSTONES_KEPT: usize = 1024;

/// How long we have had a tombstone in this life, and who else is known to have it.
#[derive(Clone, Debug)]
pub(super) struct Burial {
    since: Duration,
    acked: BTreeSet<MemberId>,
}

impl Roster {
    /// Notes which tombstones `peer` has, from the ranks it told.
    pub fn acknowledge(&mut self, now: Duration, peer: MemberId, theirs: &[(MemberId, Rank)]) {
        for (id, rank) in theirs {
            let same = self.get(id).is_some_and(|entry| entry.removed && entry.rank() == *rank);
            if same {
                let burial = self
                    .burials
                    .entry(*id)
                    .or_insert_with(|| Burial { since: now, acked: BTreeSet::new() });
                burial.acked.insert(peer);
            }
        }
    }

    /// Starts the clock of new tombstones and drops those that may go; true if one went.
    pub fn collect_tombstones(&mut self, now: Duration, own: MemberId) -> bool {
        self.collect_down_to(now, own, TOMBSTONES_KEPT)
    }

    pub(super) fn collect_down_to(&mut self, now: Duration, own: MemberId, keep: usize) -> bool {
        let tombs: Vec<_> =
            self.entries.iter().filter(|(_, e)| e.removed).map(|(id, e)| (e.stamp, *id)).collect();
        for (_, id) in &tombs {
            self.burials
                .entry(*id)
                .or_insert_with(|| Burial { since: now, acked: BTreeSet::new() });
        }
        let excess = tombs.len().saturating_sub(keep);
        if excess == 0 {
            return false;
        }
        let members: Vec<_> =
            self.live_members().map(|(id, _)| *id).filter(|id| *id != own).collect();
        let mut done: Vec<_> = tombs
            .into_iter()
            .filter(|(_, id)| {
                self.burials.get(id).is_some_and(|burial| {
                    now.saturating_sub(burial.since) >= TOMBSTONE_AGE
                        && members.iter().all(|member| burial.acked.contains(member))
                })
            })
            .collect();
        done.sort_unstable();
        done.truncate(excess);
        for (_, id) in &done {
            self.entries.remove(id);
            self.burials.remove(id);
        }
        !done.is_empty()
    }
}
