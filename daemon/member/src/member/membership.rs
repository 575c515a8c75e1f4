//! Changes of membership as this member drives or suffers them: one at a time.

use std::time::Duration;

use gossip::Entry;
use model::{BootGeneration, ClusterId, MemberId};
use rpc::{Join, Joined, PushRoster, Refusal, Reply, Request, State};

use super::Member;
use super::add::Add;
use super::calls::Purpose;
use super::leave::{Life, READY_WAIT};
use super::remove::Remove;
use crate::error::CommandError;
use crate::input::Ticket;
use crate::output::{Done, Output, Severity};
use crate::persist::{Row, Write};

/// What this member is asked to change in its cluster.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Add(Box<Add>),
    Remove(Remove),
}

impl Member {
    pub(super) fn change_timeout(&self) -> Option<Duration> {
        self.change.as_ref().map(|change| match change {
            Change::Add(add) => add.deadline,
            Change::Remove(remove) => remove.deadline,
        })
    }

    pub(super) fn change_tick(&mut self) {
        if self.change_timeout().is_none_or(|at| at > self.now.elapsed) {
            return;
        }
        match &self.change {
            Some(Change::Add(_)) => self.add_timed_out(),
            Some(Change::Remove(_)) => self.remove_timed_out(),
            None => {}
        }
    }

    /// Ends a command when all that was written is durable.
    pub(super) fn complete(&mut self, ticket: Ticket, result: Result<Done, CommandError>) {
        match &self.disk {
            Some(why) if !self.gate.is_settled() => {
                let result = result.and(Err(CommandError::Unsaved(why.clone())));
                self.outputs.push_back(Output::Completed { ticket, result });
            }
            _ => self.after_writes(Output::Completed { ticket, result }),
        }
    }

    /// Gossip's roster has changed: disk, peers, dedup's view.
    pub(super) fn roster_changed(&mut self) {
        let bytes = self.gossip.roster().to_bytes();
        self.persist(Write::Put(Row::roster(), bytes));
        self.follow_roster();
    }

    /// Pushes roster entries to all other members.
    pub(super) fn push_roster(&mut self, entries: Vec<(MemberId, Entry)>, but: MemberId) {
        let drained: Vec<MemberId> =
            entries.iter().map(|(id, _)| *id).filter(|id| self.drained.contains(id)).collect();
        let to: Vec<MemberId> = self.members_but_me().filter(|id| *id != but).collect();
        for id in to {
            let push = PushRoster { entries: entries.clone(), drained: drained.clone() };
            self.call(id, Request::PushRoster(push), Purpose::Push(id));
        }
    }

    pub(super) fn members_but_me(&self) -> impl Iterator<Item = MemberId> + '_ {
        let me = self.id;
        self.gossip.roster().live_members().map(|(id, _)| *id).filter(move |id| *id != me)
    }

    /// Entries that a peer pushed.
    pub(super) fn take_roster(&mut self, push: PushRoster) {
        self.drained.extend(&push.drained);
        let me = self.id;
        let own = push.entries.iter().find(|(id, _)| *id == me).map(|(_, entry)| entry.clone());
        let known = self.own_epoch();
        if own.is_some_and(|entry| entry.removed && entry.epoch >= known) {
            self.removed(push.entries, None);
            return;
        }
        self.gossip.merge_roster(self.now.elapsed, push.entries);
        self.view_changed = true;
    }

    /// Gossip heard that this member was removed.
    pub(super) fn own_removal(&mut self, epoch: u32, by: Option<MemberId>) {
        match by {
            None => self.removed(Vec::new(), None),
            Some(by) => {
                let _ = epoch;
                let request = Request::Sync(self.digests());
                self.call(by, request, Purpose::Confirm(by));
            }
        }
    }

    /// A member of the roster refused a call because this member was removed.
    pub(super) fn refused_as_removed(
        &mut self,
        by: Option<MemberId>,
        epoch: u64,
        cluster: ClusterId,
    ) {
        // Of one epoch the tombstone stands above the entry.
        if cluster == self.cluster && epoch >= u64::from(self.own_epoch()) {
            self.epoch = self.epoch.max(epoch.min(u64::from(u32::MAX)) as u32);
            self.removed(Vec::new(), None);
        } else if cluster == self.cluster
            && let Some(by) = by
        {
            // It was added again, and the adder died before it could tell: the entry speaks for itself.
            let entries = self.gossip.roster().records([self.id]);
            let push = PushRoster { entries, drained: Vec::new() };
            self.call(by, Request::PushRoster(push), Purpose::Push(by));
        }
    }

    /// This member's epoch in the roster.
    pub(super) fn own_epoch(&self) -> u32 {
        self.gossip.roster().get(&self.id).map_or(0, |entry| entry.epoch)
    }

    /// A member asks this one to join its cluster.
    pub(super) fn join(&mut self, join: Join) -> Result<Reply, Refusal> {
        let Join { cluster, roster, specs, highest } = join;
        let ours = self.state == State::Initialized && self.cluster == cluster;
        if self.state == State::Initialized && !ours {
            return Err(Refusal::OtherCluster { cluster: self.cluster });
        }
        if self.change.is_some() {
            return Err(Refusal::NotNow("another member is being added or removed".into()));
        }
        if !matches!(self.life, Life::Ready { .. } | Life::Syncing { .. }) {
            return Err(Refusal::NotNow("it is leaving its cluster or going down".into()));
        }
        let me = self.id;
        if !roster.iter().any(|(id, entry)| *id == me && !entry.removed) {
            return Err(Refusal::Malformed("the roster does not hold the joiner".into()));
        }
        if ours {
            self.gossip.merge_roster(self.now.elapsed, roster);
            self.take_specs(specs);
            return Ok(Reply::Joined(Joined { specs: Vec::new(), lost: 0 }));
        }
        let joined = self.join_specs(specs, highest);
        self.cluster = cluster;
        self.state = State::Initialized;
        self.persist_identity();
        let mut merged = gossip::Roster::new();
        merged.merge(roster);
        self.gossip.change_cluster(self.now.elapsed, cluster, merged);
        self.roster_changed();
        self.life = Life::Syncing { until: self.now.elapsed + READY_WAIT };
        self.view_changed = true;
        self.sync_with_all();
        self.push_tasks(None);
        self.refresh_digests();
        let state = self.state;
        self.after_writes(Output::ClusterChanged { cluster, state });
        self.log(Severity::Info, "joined a cluster", vec![("cluster", cluster.to_string())]);
        Ok(Reply::Joined(joined))
    }

    /// Peers remember a later start of this member: goes on above it, durably first.
    pub(super) fn adopt_boot(&mut self, boot: BootGeneration) {
        self.boot = boot;
        self.persist_identity();
        self.adopting = Some((self.gate.now(), boot));
    }

    /// Tells gossip that a boot generation is durable.
    pub(super) fn after_commit(&mut self) {
        if let Some((position, boot)) = self.adopting
            && self.gate.is_durable(position)
        {
            self.adopting = None;
            self.gossip.boot_persisted(self.now.elapsed, boot);
            self.view_changed = true;
        }
    }
}
