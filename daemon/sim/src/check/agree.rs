//! S6: in the calm all members of a cluster are equal: roster, specs, deletions, event states, done
//! marks. S9: no member of it shows one that was removed.

use std::time::Duration;

use crate::world::World;

/// What one member holds, in digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its host.
    pub host: usize,
    /// Roster.
    pub roster: u128,
    /// Handler specs and topic deletions.
    pub specs: u64,
    /// Event states.
    pub events: u64,
    /// Done marks and pending events.
    pub done: u64,
}

/// The first thing in which two members differ.
pub fn agreement(seen: &[Seen]) -> Result<(), String> {
    let Some((first, others)) = seen.split_first() else { return Ok(()) };
    for other in others {
        for (what, equal) in [
            ("rosters", first.roster == other.roster),
            ("specs", first.specs == other.specs),
            ("event states", first.events == other.events),
            ("done marks", first.done == other.done),
        ] {
            if !equal {
                return Err(format!("{what} of m{} and m{} differ", first.host, other.host));
            }
        }
    }
    Ok(())
}

impl World {
    /// What these members hold.
    pub fn seen(&self, members: &[usize]) -> Vec<Seen> {
        members
            .iter()
            .filter_map(|n| {
                let (roster, digests) = self.nodes[*n].member.as_ref()?.agreement();
                let (specs, events, done) = (digests.specs, digests.events, digests.done);
                Some(Seen { host: *n, roster, specs, events, done })
            })
            .collect()
    }

    /// Runs until these members agree and hold nothing pending, at most for `limit`.
    pub fn calm(&mut self, members: &[usize], limit: Duration) {
        let mut next = self.now;
        let agreed = self.run_until(limit, |world| {
            // Comparing is dear: once per second.
            if world.now < next {
                return false;
            }
            next = world.now + Duration::from_secs(1);
            let idle = members
                .iter()
                .all(|n| world.nodes[*n].member.as_ref().is_some_and(|m| m.pending_count() == 0));
            idle && agreement(&world.seen(members)).is_ok()
        });
        self.checks.look("S6");
        if !agreed {
            let pending: Vec<String> = members
                .iter()
                .filter_map(|n| {
                    let count = self.nodes[*n].member.as_ref()?.pending_count();
                    (count > 0).then(|| format!("m{n} holds {count} events"))
                })
                .collect();
            let why = agreement(&self.seen(members)).err().unwrap_or_default();
            let text = format!("after {limit:?} of calm: {why} {}", pending.join(", "));
            self.checks.report("S6", self.now, text);
        }
        self.check_rosters(members);
    }

    fn check_rosters(&mut self, members: &[usize]) {
        self.checks.look("S9");
        let ids: Vec<_> = members.iter().map(|n| self.nodes[*n].id).collect();
        let mut found = Vec::new();
        for n in members {
            let Some(member) = &self.nodes[*n].member else { continue };
            for (id, _) in member.roster().live_members() {
                if !ids.contains(id) {
                    found.push(format!("m{n} still counts {id} as a member"));
                }
            }
        }
        for text in found {
            self.checks.report("S9", self.now, text);
        }
    }
}
