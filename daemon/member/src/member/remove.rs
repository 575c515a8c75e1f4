//! `member remove`: drain, bury, push, tell; from any member, of any member.

use std::collections::BTreeSet;
use std::time::Duration;

use gossip::{RemoveStep, Status, plan_remove};
use model::MemberId;
use rpc::{Answer, Drain, Drained, PushRoster, Removed, Reply, Request};

use super::Member;
use super::calls::Purpose;
use super::membership::Change;
use crate::error::CommandError;
use crate::input::{CallError, Ticket};
use crate::output::{Done, Severity};

/// How long a member may take to end its sends and hand over before it is removed regardless.
const DRAIN_WAIT: Duration = Duration::from_secs(15);

/// A member on its way out of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Remove {
    ticket: Ticket,
    target: MemberId,
    pub(crate) deadline: Duration,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The target drains.
    Draining,
    /// The tombstone is set; the target is told.
    Telling { drained: bool },
    /// This member drains itself.
    OwnDrain,
    /// The others are told that this member goes; those that have not answered yet.
    Farewell { waits_for: BTreeSet<MemberId> },
}

impl Member {
    pub(super) fn remove_member(&mut self, ticket: Ticket, target: MemberId) {
        if let Err(error) = self.may_change() {
            return self.complete(ticket, Err(error));
        }
        match plan_remove(self.gossip.roster(), self.id, target) {
            Ok(RemoveStep::AlreadyRemoved { .. }) => {
                return self.complete(ticket, Ok(Done::Unchanged));
            }
            Ok(RemoveStep::Bury { .. }) => {}
            Err(error) => return self.complete(ticket, Err(error.into())),
        }
        let own = target == self.id;
        let stage = if own { Stage::OwnDrain } else { Stage::Draining };
        let deadline = self.now.elapsed + DRAIN_WAIT + Duration::from_secs(2);
        self.change = Some(Change::Remove(Remove { ticket, target, deadline, stage }));
        if own {
            self.drain(None, true, DRAIN_WAIT);
            return;
        }
        let failed = self.gossip.status(&target) == Some(Status::Failed);
        let drain = Request::Drain(Drain { within_ms: DRAIN_WAIT.as_millis() as u32 });
        if failed || !self.call(target, drain, Purpose::Remove) {
            self.bury(false);
        }
    }

    /// The target's answer to the drain.
    pub(super) fn remove_answered(&mut self, result: Result<Answer, CallError>) {
        if !self.is_at(&Stage::Draining) {
            return;
        }
        self.bury(matches!(result, Ok(Ok(Reply::Drained(Drained { complete: true })))));
    }

    fn is_at(&self, stage: &Stage) -> bool {
        matches!(&self.change, Some(Change::Remove(remove)) if remove.stage == *stage)
    }

    /// Sets the tombstone and tells everyone.
    fn bury(&mut self, drained: bool) {
        let Some(Change::Remove(remove)) = &mut self.change else { return };
        let target = remove.target;
        remove.stage = Stage::Telling { drained };
        remove.deadline = self.now.elapsed + Duration::from_secs(5);
        if let Ok(RemoveStep::Bury { entry, .. }) =
            plan_remove(self.gossip.roster(), self.id, target)
        {
            if drained {
                self.drained.insert(target);
            }
            self.gossip.merge_roster(self.now.elapsed, [(target, entry.clone())]);
            self.roster_changed();
            self.push_roster(vec![(target, entry)], target);
        }
        let roster = self.gossip.roster();
        let removed = Removed {
            cluster: self.cluster,
            roster: roster.entries().map(|(id, entry)| (*id, entry.clone())).collect(),
            drained,
        };
        let request = Request::Removed(Box::new(removed));
        if !self.call(target, request, Purpose::TellRemoved(target)) {
            self.told_removed(target);
        }
        let fields = vec![("member", target.to_string()), ("handed-over", drained.to_string())];
        self.log(Severity::Info, "removed a member", fields);
    }

    /// The target knows that it was removed, or cannot be told now; it learns it from whoever it
    /// talks to.
    pub(super) fn told_removed(&mut self, target: MemberId) {
        let Some(Change::Remove(remove)) = &self.change else { return };
        if remove.target != target {
            return;
        }
        if let Stage::Telling { drained } = remove.stage {
            let ticket = remove.ticket;
            self.change = None;
            self.complete(ticket, Ok(Done::Removed { handed_over: drained }));
        }
    }

    /// This member has drained itself (or not in time): the others are told.
    pub(super) fn own_drain_ended(&mut self) {
        if self.is_at(&Stage::OwnDrain) {
            self.farewell(true);
        }
    }

    fn farewell(&mut self, drained: bool) {
        let me = self.id;
        let Ok(RemoveStep::Bury { entry, .. }) = plan_remove(self.gossip.roster(), me, me) else {
            return self.farewell_failed();
        };
        let to: Vec<MemberId> = self.members_but_me().collect();
        let mut waits_for = BTreeSet::new();
        for id in to {
            let push = PushRoster {
                entries: vec![(me, entry.clone())],
                drained: if drained { vec![me] } else { Vec::new() },
            };
            if self.call(id, Request::PushRoster(push), Purpose::Farewell(id)) {
                waits_for.insert(id);
            }
        }
        if let Some(Change::Remove(remove)) = &mut self.change {
            remove.stage = Stage::Farewell { waits_for };
            remove.deadline = self.now.elapsed + Duration::from_secs(6);
        }
    }

    /// A survivor has the tombstone, or did not answer.
    pub(super) fn farewell_answered(&mut self, by: MemberId, accepted: bool) {
        let Some(Change::Remove(remove)) = &mut self.change else { return };
        let Stage::Farewell { waits_for } = &mut remove.stage else { return };
        let ticket = remove.ticket;
        waits_for.remove(&by);
        if accepted {
            // One is enough: it spreads from there.
            self.change = None;
            self.removed(Vec::new(), Some(ticket));
        } else if waits_for.is_empty() {
            self.farewell_failed();
        }
    }

    fn farewell_failed(&mut self) {
        if let Some(Change::Remove(remove)) = self.change.take() {
            self.undrain();
            self.complete(remove.ticket, Err(CommandError::NoSurvivor));
        }
    }

    pub(super) fn remove_timed_out(&mut self) {
        let Some(Change::Remove(remove)) = &self.change else { return };
        match remove.stage.clone() {
            Stage::Draining => self.bury(false),
            Stage::Telling { .. } => self.told_removed(remove.target),
            Stage::OwnDrain => self.farewell(false),
            Stage::Farewell { .. } => self.farewell_failed(),
        }
    }
}
