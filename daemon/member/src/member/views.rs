//! What a member tells of itself; nothing here changes anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use alert::{Handler, HandlerName, Topics};
use model::{BootGeneration, ClusterId, MemberId};
use rpc::State;

use super::Member;
use crate::counters::Counters;
use crate::persist::Position;
use crate::specs::MAX_CONFLICTS;
use crate::view::{ClusterView, Cut, MemberView, PeerSync, ReplicationView, TopicView};

impl Member {
    /// This member's id.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The boot generation of this start.
    pub fn boot(&self) -> BootGeneration {
        self.boot
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Whether that is a cluster that `member add` made.
    pub fn state(&self) -> State {
        self.state
    }

    /// Nobody else is in the cluster.
    pub fn is_single(&self) -> bool {
        self.alone
    }

    /// The last write so far: an answer that must not run ahead of the disk waits for it, see
    /// [`crate::Command::Barrier`].
    pub fn position(&self) -> Position {
        self.gate.now()
    }

    /// Outputs that wait for a write.
    pub fn waiting(&self) -> usize {
        self.gate.held()
    }

    /// True when all that was written is durable.
    pub fn is_settled(&self) -> bool {
        self.gate.is_settled()
    }

    /// Topics with their event states.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// A compiled handler, replicated or of a script.
    pub fn handler(&self, name: &HandlerName) -> Option<&Arc<Handler>> {
        self.handlers.get(name)
    }

    /// Events that are pending here.
    pub fn pending(&self) -> impl Iterator<Item = dedup::Status> + '_ {
        self.dedup.pending()
    }

    /// Number of events that are pending here.
    pub fn pending_count(&self) -> usize {
        self.dedup.pending_count()
    }

    /// Event ids whose state is known.
    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    /// Number of topic handlers.
    pub fn handler_count(&self) -> usize {
        self.specs.handler_count()
    }

    /// Digests of everything replicated; equal on members that agree.
    pub fn agreement(&self) -> (u128, rpc::Digests) {
        (self.gossip.roster().digest(), self.digests())
    }

    /// The roster.
    pub fn roster(&self) -> &gossip::Roster {
        self.gossip.roster()
    }

    /// The replicated map of handler specs and topic deletions.
    pub fn specs(&self) -> &crate::specs::Specs {
        &self.specs
    }

    /// The dedup machine, to look at.
    pub fn dedup(&self) -> &dedup::Dedup {
        &self.dedup
    }

    /// Pending events and what became of others, per handler.
    pub fn deliveries(&self) -> impl Iterator<Item = (&HandlerName, alert::Counters)> {
        self.delivery.counters()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        Counters {
            gossip: self.gossip.counters().clone(),
            dedup: self.dedup.counters().clone(),
            ..self.counters.clone()
        }
    }

    /// What `GET /kapacitor/v1/cluster` shows.
    pub fn cluster_view(&self) -> ClusterView {
        let now = self.now.elapsed;
        let own = self.digests();
        let members = self.gossip.members().into_iter().map(|seen| {
            let me = seen.id == self.id;
            let peer = self.peers.get(&seen.id);
            let boot = if me { Some(self.boot) } else { seen.boot };
            let sync = peer.and_then(|peer| {
                let equal = peer.digests.is_some_and(|theirs| {
                    theirs.specs == own.specs
                        && theirs.events == own.events
                        && theirs.done == own.done
                });
                Some(PeerSync { ago: now.saturating_sub(peer.synced?), equal })
            });
            MemberView {
                id: seen.id,
                addresses: seen.entry.addresses,
                roles: seen.entry.roles,
                status: seen.status,
                since: now.saturating_sub(seen.since),
                release: if me {
                    Some(self.config.release.clone())
                } else {
                    peer.and_then(|peer| peer.release.clone())
                },
                ready: if me { self.is_ready() } else { self.peer_is_ready(seen.id, boot) },
                boot,
                sync,
            }
        });
        ClusterView {
            state: self.state,
            cluster: self.cluster,
            member: self.id,
            release: self.config.release.clone(),
            ready: self.is_ready(),
            members: members.collect(),
            conflicts: self.specs.conflicts().take(MAX_CONFLICTS).collect(),
        }
    }

    /// Topics with their owners: those with pending events first, then by name; at most `limit`.
    pub fn topics_view(&self, limit: usize) -> Cut<TopicView> {
        let pending = self.dedup.pending_by_topic();
        let mut names: BTreeSet<&str> = pending.keys().map(|topic| &**topic).collect();
        names.extend(self.topics.names().map(|topic| &**topic));
        let total = names.len();
        let waits = |topic: &str| pending.get(topic).copied().unwrap_or_default();
        let (busy, idle): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|topic| waits(topic) > 0);
        let view = |topic: &str| TopicView {
            topic: topic.into(),
            owners: self.dedup.owners_now(topic).to_vec(),
            pending: waits(topic),
        };
        Cut { shown: busy.into_iter().chain(idle).take(limit).map(view).collect(), total }
    }

    /// How what is replicated stands here.
    pub fn replication_view(&self) -> ReplicationView {
        ReplicationView {
            specs: self.specs.entries(),
            states: self.states.len(),
            done: self.dedup.done_count(),
            pending: self.dedup.pending_count(),
            syncs: self.counters.syncs,
            syncs_failed: self.counters.syncs_failed,
            conflicts: self.counters.conflicts,
        }
    }
}
