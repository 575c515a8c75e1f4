//! S12: what a task raises only because its windows have not filled is not sent, as long as a member
//! whose windows are full can be asked.

use std::time::Duration;

use crate::ledger::EventName;
use crate::world::World;

/// How long members may take to know each other again after a fault.
const SETTLED: Duration = Duration::from_secs(30);

impl World {
    /// Looks at a false alert when the receiver has got it from a member.
    pub(crate) fn check_false(&mut self, n: usize, name: &EventName) {
        let Some((raised, by)) = self.ledger.story(name).raised else { return };
        if self.can_ask(by, raised) {
            let text = format!(
                "{name}, raised by m{by} at {:.3}s while its windows filled, was sent by m{n}",
                raised.as_secs_f64()
            );
            self.checks.report("S12", self.now, text);
        }
    }

    /// Nothing kept a member from asking a warm one since `raised`.
    pub(crate) fn can_ask(&self, n: usize, raised: Duration) -> bool {
        let fault = self.ledger.faults.iter().any(|fault| {
            // Who comes back cold is not asked; other faults leave traces.
            let gone = matches!(fault.kind, "kill" | "stop");
            let traces = if gone { Duration::ZERO } else { SETTLED };
            fault.from <= self.now && fault.to.is_none_or(|to| to + traces >= raised)
        });
        let cluster = |n: usize| self.nodes[n].member.as_ref().map(member::Member::cluster);
        // A disk put back to an old copy does not know who has come since.
        let known = |other: usize| {
            let member = self.nodes[n].member.as_ref();
            member.is_some_and(|m| m.roster().live(&self.nodes[other].id).is_some())
        };
        let warm = (0..self.nodes.len()).any(|other| {
            let since = self.nodes[other].warm_since;
            other != n
                && known(other)
                && cluster(other) == cluster(n)
                && since.is_some_and(|since| since + SETTLED < raised)
        });
        !fault && warm && self.is_in_cluster(n)
    }
}
