//! The stages of a member's life: waiting for its first sync, ready, draining, removed, stopped.

use std::time::Duration;

use dedup::Dedup;
use gossip::{Entry, Roster};
use model::MemberId;
use rpc::{Drained, Reply, State};

use super::Member;
use crate::input::{InboundId, Ticket};
use crate::output::{Done, Output, Severity};
use crate::persist::{Record, Row, Write, encode};
use crate::view::Readiness;

/// A member that synced with nobody after its start is ready after this.
pub(super) const READY_WAIT: Duration = Duration::from_secs(10);
/// A drained member that is not removed after this goes on.
const RESUME_AFTER: Duration = Duration::from_mins(1);
/// A removed member that could not sync with a survivor tries again after this.
const SYNC_AGAIN: Duration = Duration::from_secs(12);
/// A removed member tries for so long to hand over what it holds, then gives it up, counted.
const HAND_OVER_WAIT: Duration = Duration::from_mins(10);

/// Where in its life a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Started among others, not synced yet.
    Syncing {
        until: Duration,
    },
    /// Takes its full part; `synced` is false when no sync ended in time.
    Ready {
        synced: bool,
    },
    /// Somebody is about to remove this member, or it removes itself.
    Draining(Draining),
    /// Removed; hands over what it holds, then resets.
    Removed(Leaving),
    /// Going down.
    Stopping {
        handed_over: bool,
    },
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draining {
    /// Calls that wait for the end of it.
    pub(crate) answers: Vec<InboundId>,
    /// It is a removal of this member by itself.
    pub(crate) own: bool,
    pub(crate) until: Duration,
    pub(crate) handed_over: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) until: Duration,
    /// When to sync with the survivors again: only with their done marks may it hand over.
    sync_at: Option<Duration>,
    pub(crate) handed_over: bool,
    /// The command that removed this member here.
    pub(crate) ticket: Option<Ticket>,
}

impl Member {
    /// Whether it takes its full part.
    pub fn readiness(&self) -> Readiness {
        match &self.life {
            Life::Syncing { .. } => Readiness::Syncing,
            Life::Ready { synced: true } => Readiness::Ready,
            Life::Ready { synced: false } => Readiness::Unsynced,
            _ => Readiness::Leaving,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.life, Life::Ready { .. })
    }

    /// It hands over what it holds.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.life, Life::Draining(_) | Life::Removed(_) | Life::Stopping { .. })
    }

    /// Becomes ready: synced with a peer, or nobody is there to sync with, or the wait is over.
    pub(super) fn become_ready(&mut self, synced: bool) {
        match self.life {
            Life::Syncing { .. } => {}
            Life::Ready { synced: false } if synced => {
                self.life = Life::Ready { synced };
                return;
            }
            _ => return,
        }
        self.life = Life::Ready { synced };
        self.view_changed = true;
        if synced {
            self.log(Severity::Info, "ready", vec![]);
        } else {
            self.log(Severity::Warn, "no sync ended in time; ready without", vec![]);
        }
        self.dedup.handle(self.now.elapsed, dedup::Input::Synced);
        self.raised.extend(std::mem::take(&mut self.deferred));
        self.tell_ready();
        self.refresh_digests();
    }

    pub(super) fn life_timeout(&self) -> Option<Duration> {
        match &self.life {
            Life::Syncing { until } => Some(*until),
            Life::Draining(draining) => Some(draining.until),
            Life::Removed(leaving) => {
                Some(leaving.sync_at.map_or(leaving.until, |at| at.min(leaving.until)))
            }
            _ => None,
        }
    }

    pub(super) fn life_tick(&mut self) {
        if self.life_timeout().is_none_or(|at| at > self.now.elapsed) {
            return;
        }
        match &self.life {
            Life::Syncing { .. } => self.become_ready(false),
            Life::Draining(draining) if !draining.own => self.resume(),
            Life::Removed(leaving) if leaving.until > self.now.elapsed => self.sync_survivors(),
            Life::Removed(_) => {
                let left = vec![("events", self.dedup.pending_count().to_string())];
                self.log(Severity::Error, "gave up handing over after the removal", left);
                self.reset();
            }
            _ => {}
        }
    }

    /// Stops sending and hands over. `own`: this member removes itself.
    pub(super) fn drain(&mut self, answer: Option<InboundId>, own: bool, within: Duration) {
        if let Life::Draining(draining) = &mut self.life {
            draining.answers.extend(answer);
            if draining.handed_over {
                self.drained();
            }
            return;
        }
        let until = self.now.elapsed + if own { within } else { RESUME_AFTER };
        self.life = Life::Draining(Draining {
            answers: answer.into_iter().collect(),
            own,
            until,
            handed_over: false,
        });
        self.view_changed = true;
        self.refresh_digests();
        self.log(Severity::Info, "draining", vec![]);
        self.dedup.handle(self.now.elapsed, dedup::Input::Leave { removed: false });
    }

    /// Nothing is held any more.
    pub(super) fn handed_over(&mut self) {
        match &mut self.life {
            Life::Draining(draining) => {
                draining.handed_over = true;
                self.drained();
            }
            Life::Removed(leaving) => leaving.handed_over = true,
            Life::Stopping { handed_over } => *handed_over = true,
            _ => {}
        }
    }

    fn drained(&mut self) {
        let Life::Draining(draining) = &mut self.life else { return };
        for id in std::mem::take(&mut draining.answers) {
            let answer = Ok(Reply::Drained(Drained { complete: true }));
            self.after_writes(Output::Answer { id, answer });
        }
        self.own_drain_ended();
    }

    /// Was drained, but nobody removed it: goes on.
    fn resume(&mut self) {
        self.log(Severity::Warn, "drained, but not removed; going on", vec![]);
        self.life = Life::Ready { synced: true };
        self.renew_dedup();
        self.view_changed = true;
        self.refresh_digests();
    }

    /// A removal that failed half-way.
    pub(super) fn undrain(&mut self) {
        if matches!(self.life, Life::Draining(_)) {
            self.resume();
        }
    }

    /// This member is removed: hands over what it still holds, unless it did that before.
    pub(super) fn removed(&mut self, survivors: Vec<(MemberId, Entry)>, ticket: Option<Ticket>) {
        let handed_over = match &self.life {
            Life::Removed(_) | Life::Stopping { .. } | Life::Stopped => return,
            Life::Draining(draining) => draining.handed_over,
            _ => false,
        };
        let me = self.id;
        let buried = survivors.iter().find(|(id, _)| *id == me).map_or(0, |(_, e)| e.epoch);
        let known = self.gossip.roster().get(&me).map_or(0, |entry| entry.epoch);
        self.epoch = self.epoch.max(buried).max(known.saturating_add(1));
        let others = survivors.into_iter().filter(|(id, _)| *id != me);
        self.gossip.merge_roster(self.now.elapsed, others);
        self.log(Severity::Warn, "this member was removed from its cluster", vec![]);
        let was_draining = matches!(self.life, Life::Draining(_));
        let until = self.now.elapsed + HAND_OVER_WAIT;
        self.life = Life::Removed(Leaving { until, sync_at: None, handed_over, ticket });
        self.view_changed = true;
        if !handed_over {
            self.dedup.handle(self.now.elapsed, dedup::Input::Leave { removed: true });
        }
        if !handed_over && !was_draining {
            self.sync_survivors();
            if self.dedup.pending_count() == 0 {
                self.handed_over();
            }
        }
    }

    fn sync_survivors(&mut self) {
        let again = self.now.elapsed + SYNC_AGAIN;
        if let Life::Removed(leaving) = &mut self.life {
            leaving.sync_at = Some(again);
        }
        let peers: Vec<MemberId> = self.members_but_me().collect();
        for peer in peers {
            self.dedup.handle(self.now.elapsed, dedup::Input::Sync { peer });
        }
    }

    /// A sync of done marks ended: a removed member may hand over now.
    pub(super) fn survivors_synced(&mut self) {
        if let Life::Removed(leaving) = &mut self.life {
            leaving.sync_at = None;
        }
    }

    /// Looks whether a stage has ended.
    pub(super) fn check_life(&mut self) {
        match &self.life {
            Life::Removed(leaving) if leaving.handed_over => self.reset(),
            Life::Stopping { handed_over: true } if self.delivery.running() == 0 => {
                self.life = Life::Stopped;
                self.gossip.stop(self.now.elapsed);
                while let Some(output) = self.gossip.poll_output() {
                    if let gossip::Output::Datagram { to, bytes } = output {
                        self.outputs.push_back(Output::Datagram { to, bytes });
                    }
                }
                self.after_writes(Output::Stopped);
                while let Some(held) = self.gate.release() {
                    if let super::Held::Output(output) = held {
                        self.outputs.push_back(*output);
                    }
                }
            }
            _ => {}
        }
    }

    /// The daemon goes down: others take over what is pending, or it stays on disk.
    pub(super) fn stop(&mut self) {
        if matches!(self.life, Life::Stopping { .. } | Life::Stopped) {
            return;
        }
        let others = self.gossip.active_members().iter().any(|id| *id != self.id);
        let leaves = others && !matches!(self.life, Life::Draining(_) | Life::Removed(_));
        self.gossip.leave(self.now.elapsed);
        self.life = Life::Stopping { handed_over: !leaves };
        self.view_changed = true;
        self.refresh_digests();
        if leaves {
            self.dedup.handle(self.now.elapsed, dedup::Input::Leave { removed: false });
        } else {
            self.delivery.drain();
        }
    }

    /// A cluster of its own again, under a new cluster id: the cluster's handlers go, the tasks stay.
    fn reset(&mut self) {
        let ticket = match &self.life {
            Life::Removed(leaving) => leaving.ticket,
            _ => None,
        };
        let Some(cluster) = self.fresh_cluster.take() else { return };
        self.outputs.push_back(Output::NeedClusterId);
        self.outputs.push_back(Output::SaveHandlers(self.topic_handlers()));
        self.forget_specs();
        self.calls.clear();
        self.drained.clear();
        self.events.clear();
        self.overflow.clear();
        self.state = State::Uninitialized;
        self.cluster = cluster;
        self.persist(Write::Journal(encode(&Record::Forget)));
        self.persist_identity();
        self.gossip.change_cluster(self.now.elapsed, cluster, Roster::new());
        self.life = Life::Ready { synced: true };
        self.renew_dedup();
        self.peers.clear();
        self.dirty.clear();
        self.syncs = super::Syncs::default();
        self.roster_changed();
        self.refresh_digests();
        let state = self.state;
        self.after_writes(Output::ClusterChanged { cluster, state });
        if let Some(ticket) = ticket {
            let result = Ok(Done::Removed { handed_over: true });
            self.after_writes(Output::Completed { ticket, result });
        }
        self.view_changed = true;
        self.pump();
    }

    /// A dedup machine that holds nothing; deliveries of the old one are dropped.
    fn renew_dedup(&mut self) {
        let config = dedup::Config { boot: self.boot, ..self.dedup.config().clone() };
        self.dedup = Dedup::new(config, Vec::new());
        self.tasks.dedup_knows_nothing();
        self.gate.restart_dedup();
        self.renew_delivery();
        self.dedup.handle(self.now.elapsed, dedup::Input::Synced);
        self.raised.extend(std::mem::take(&mut self.deferred));
    }

    pub(super) fn persist_identity(&mut self) {
        let row = crate::persist::IdentityRow {
            member: self.id,
            cluster: self.cluster,
            state: self.state,
            highest: self.specs.highest(),
            boot: self.boot,
            epoch: self.epoch,
        };
        self.persist(Write::Put(Row::identity(), encode(&row)));
    }
}
