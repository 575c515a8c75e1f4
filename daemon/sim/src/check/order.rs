//! S5: of the events it holds, an owner never sends an older one after a newer one of the same
//! (topic, event id) and handler. S9: a removed member handles nothing for the cluster it left.

use std::collections::BTreeMap;
use std::time::Duration;

use alert::Attempt;
use model::Str;
use rpc::State;

use crate::ledger::EventName;
use crate::world::World;

/// A disk this slow parts the decision from the attempt.
const SLOW: Duration = Duration::from_millis(50);

/// How long a write takes at most, where a disk is not slow.
const WRITE: Duration = Duration::from_millis(5);

/// What waited for a disk that was slow or full has come and left by then, its own and that of others.
const DRAINED: Duration = Duration::from_secs(5);

/// What each process has begun to send: (host, life, topic, handler, event id) → the newest event time,
/// and the older ones that it held then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    newest: BTreeMap<(usize, u64, Str, Str, Str), Newest>,
}

#[derive(Clone, Debug)]
struct Newest {
    at: i64,
    /// Times of older events that were pending here when the newest began.
    held: Vec<i64>,
}

impl Order {
    /// A first attempt begins; the time of the newer event that went before, when this one was held then.
    pub(crate) fn begin(
        &mut self,
        who: (usize, u64),
        handler: &Str,
        name: &EventName,
        held: impl FnOnce() -> Vec<i64>,
    ) -> Option<i64> {
        let key = (who.0, who.1, name.topic.clone(), handler.clone(), name.id.clone());
        match self.newest.get_mut(&key) {
            Some(newest) if newest.at > name.at => {
                newest.held.contains(&name.at).then_some(newest.at)
            }
            Some(newest) => {
                *newest = Newest { at: name.at, held: held() };
                None
            }
            None => {
                self.newest.insert(key, Newest { at: name.at, held: held() });
                None
            }
        }
    }
}

impl World {
    /// Looks at an attempt before it leaves.
    pub(crate) fn check_attempt(&mut self, n: usize, attempt: &Attempt, name: &EventName) {
        let Some(member) = &self.nodes[n].member else { return };
        let replicated = member.topic_handler(&name.topic, &attempt.handler.handler).is_some();
        let alone_again = member.state() == State::Uninitialized && self.checks_removed(n);
        self.checks.look("S9");
        if alone_again && replicated {
            let text = format!("m{n} was removed and sends {name} for {}", attempt.handler);
            self.checks.report("S9", self.now, text);
        }
        if attempt.number != 1 {
            return;
        }
        if self.nodes.iter().any(|node| {
            let slow = node.fsync >= SLOW || node.disk.full;
            slow || node.disk_well_since + DRAINED > self.now
        }) {
            // The order was decided before the write that this attempt waited for: what came meanwhile is
            // late, and the checker cannot tell it from what was held.
            return;
        }
        self.checks.look("S5");
        let Some(member) = &self.nodes[n].member else { return };
        let handler = &attempt.handler.handler;
        // Between the decision and the attempt is a write.
        let decided = self.now.saturating_sub(WRITE);
        let held = || {
            member
                .pending()
                .filter(|status| {
                    let key = &status.event.key;
                    key.topic == name.topic
                        && key.id == name.id
                        && key.time.0 < name.at
                        && status.received < decided
                        && !status.finished.contains(handler)
                        && status.judged.as_ref().is_none_or(|judged| judged.contains(handler))
                })
                .map(|status| status.event.key.time.0)
                .collect()
        };
        let who = (n, self.nodes[n].life);
        if let Some(newer) = self.checks.order.begin(who, handler, name, held) {
            let text = format!("m{n} sends {name} after the one of {newer} for {handler}");
            self.checks.report("S5", self.now, text);
        }
    }

    /// The member of this host was removed from the main cluster and not added since.
    fn checks_removed(&self, n: usize) -> bool {
        let id = self.nodes[n].id;
        self.nodes.iter().enumerate().any(|(other, node)| {
            other != n && node.member.as_ref().is_some_and(|m| m.roster().removed(&id).is_some())
        })
    }
}
