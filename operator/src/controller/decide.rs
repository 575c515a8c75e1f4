//! What to do next: pure, from what was seen to at most one effect with a named reason.
//!
//! The wish is `spec.replicas` alone; progress is what is recorded (cluster ID and ledger in the
//! status). Nothing is inferred from counts. Every record is written before the effect that depends on
//! it, and every effect may be repeated.

mod join;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::crd::{MemberState, MemberStatus};
use crate::member::{Cluster, State};
use join::{View, join};

/// Everything a decision rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The resource is being deleted.
    pub deleting: bool,
    /// `spec.replicas`.
    pub wish: i32,
    /// `status.clusterID`.
    pub cluster_id: Option<String>,
    /// `status.members`, by ordinal.
    pub ledger: BTreeMap<i32, MemberStatus>,
    /// The key that signs membership changes.
    pub key: KeySeen,
    /// Children that are missing or were built from something else.
    pub stale: Vec<String>,
    /// The StatefulSet.
    pub set: Option<SetSeen>,
    /// The pods of the set that run, by ordinal, and what they say.
    pub members: BTreeMap<i32, Seen>,
}

/// The Secret with the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySeen {
    /// Not there.
    #[default]
    Missing,
    /// There, but of no use, and why.
    Unreadable(String),
    /// There.
    Good,
}

/// The StatefulSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetSeen {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Pods that exist.
    pub pods: i32,
    /// Pods that are ready.
    pub ready: i32,
}

/// What a pod says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing, and why.
    Silent(String),
    /// Its view of the cluster.
    Answers(Cluster),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make the key that signs membership changes.
    CreateAdminKey,
    /// Server-side apply of all children, with this many pods.
    ApplyChildren {
        /// Pods.
        replicas: i32,
    },
    /// Write down the identity of the cluster.
    RecordCluster {
        /// The cluster ID.
        id: String,
    },
    /// Write down a member.
    RecordMember {
        /// Which pod.
        ordinal: i32,
        /// Its Member ID.
        member_id: String,
    },
    /// Have `through` take `ordinal` into the cluster.
    AddMember {
        /// The one that is in.
        through: i32,
        /// The one that is not.
        ordinal: i32,
    },
}

/// Why: the reason of an effect, or of having none. Shown as the reason of condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`as_str` and `judge` are the table")]
pub enum Reason {
    Deleting,
    InvalidSpec,
    AdminKeyMissing,
    AdminKeyUnreadable,
    ChildrenDiffer,
    SizeDiffers,
    Stopped,
    ClustersDiffer,
    ClusterFounded,
    MemberFound,
    MemberApart,
    MemberJoining,
    NoWayIn,
    MembersStarting,
    MembersAway,
    ForeignMember,
    RemovalNotBuilt,
    InSync,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do now, if anything.
    pub effect: Option<Effect>,
    /// Why.
    pub reason: Reason,
    /// In words, for people.
    pub message: String,
    /// Where each recorded member stands.
    pub states: BTreeMap<i32, MemberState>,
}

/// What a reason means for the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wished.
    Settled,
    /// It will be, by itself.
    Moving,
    /// A human is needed.
    Stuck,
}

impl Reason {
    /// Its name in conditions, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleting => "Deleting",
            Self::InvalidSpec => "InvalidSpec",
            Self::AdminKeyMissing => "AdminKeyMissing",
            Self::AdminKeyUnreadable => "AdminKeyUnreadable",
            Self::ChildrenDiffer => "ChildrenDiffer",
            Self::SizeDiffers => "SizeDiffers",
            Self::Stopped => "Stopped",
            Self::ClustersDiffer => "ClustersDiffer",
            Self::ClusterFounded => "ClusterFounded",
            Self::MemberFound => "MemberFound",
            Self::MemberApart => "MemberApart",
            Self::MemberJoining => "MemberJoining",
            Self::NoWayIn => "NoWayIn",
            Self::MembersStarting => "MembersStarting",
            Self::MembersAway => "MembersAway",
            Self::ForeignMember => "ForeignMember",
            Self::RemovalNotBuilt => "RemovalNotBuilt",
            Self::InSync => "InSync",
        }
    }

    /// What it means.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::InSync | Self::Stopped => Verdict::Settled,
            Self::InvalidSpec
            | Self::AdminKeyUnreadable
            | Self::ClustersDiffer
            | Self::NoWayIn
            | Self::ForeignMember
            | Self::RemovalNotBuilt => Verdict::Stuck,
            _ => Verdict::Moving,
        }
    }

    /// Something outside is awaited, so look again soon.
    pub fn is_waiting(self) -> bool {
        self.verdict() == Verdict::Moving && self != Self::Deleting
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateAdminKey => f.write_str("making the key that signs membership changes"),
            Self::ApplyChildren { replicas } => write!(f, "applying children for {replicas} pods"),
            Self::RecordCluster { id } => write!(f, "recording cluster {id}"),
            Self::RecordMember { ordinal, member_id } => {
                write!(f, "recording member {ordinal} with ID {member_id}")
            }
            Self::AddMember { through, ordinal } => {
                write!(f, "adding member {ordinal} through member {through}")
            }
        }
    }
}

impl Decision {
    /// Nothing can be done.
    pub fn stuck(reason: Reason, message: String) -> Self {
        Self { effect: None, reason, message, states: BTreeMap::new() }
    }
}

impl Observed {
    /// Pods the set should have: the wish, but never fewer than there are recorded members, since a
    /// member must be removed from the cluster before its pod goes. 0 stops all and removes nobody.
    fn size(&self) -> i32 {
        let recorded = self.ledger.last_key_value().map_or(0, |(ordinal, _)| ordinal + 1);
        if self.wish == 0 { 0 } else { self.wish.max(recorded) }
    }

    /// The members that answer, in order.
    fn answers(&self) -> impl Iterator<Item = (i32, &Cluster)> {
        self.members.iter().filter_map(|(ordinal, seen)| match seen {
            Seen::Answers(cluster) => Some((*ordinal, cluster)),
            Seen::Silent(_) => None,
        })
    }
}

/// Decides on the next effect.
pub fn decide(seen: &Observed) -> Decision {
    let mut decision =
        prepare(seen).or_else(|| found(seen)).unwrap_or_else(|| join(seen, &View::of(seen)));
    decision.states = View::of(seen).states(seen);
    decision
}

fn act(effect: Effect, reason: Reason, message: impl Into<String>) -> Decision {
    let effect = Some(effect);
    Decision { effect, reason, message: message.into(), states: BTreeMap::new() }
}

fn rest(reason: Reason, message: impl Into<String>) -> Decision {
    Decision::stuck(reason, message.into())
}

/// The key, the children and the size of the set.
fn prepare(seen: &Observed) -> Option<Decision> {
    if seen.deleting {
        return Some(rest(Reason::Deleting, "the resource is being deleted"));
    }
    match &seen.key {
        KeySeen::Missing => {
            let message = "the key that signs membership changes is missing";
            return Some(act(Effect::CreateAdminKey, Reason::AdminKeyMissing, message));
        }
        KeySeen::Unreadable(why) => {
            return Some(rest(Reason::AdminKeyUnreadable, why.as_str()));
        }
        KeySeen::Good => {}
    }
    let replicas = seen.size();
    if !seen.stale.is_empty() {
        let message = format!("not as wished: {}", seen.stale.join(", "));
        return Some(act(Effect::ApplyChildren { replicas }, Reason::ChildrenDiffer, message));
    }
    let have = seen.set.map(|set| set.replicas);
    if have != Some(replicas) {
        let message = format!("the StatefulSet has {} replicas, not {replicas}", have.unwrap_or(0));
        return Some(act(Effect::ApplyChildren { replicas }, Reason::SizeDiffers, message));
    }
    if replicas == 0 {
        let left = seen.set.map_or(0, |set| set.pods);
        return Some(if left == 0 {
            rest(Reason::Stopped, "stopped; volumes and membership are kept")
        } else {
            rest(Reason::MembersAway, format!("{left} pods are stopping"))
        });
    }
    None
}

/// The identity of the cluster: the one its members agree on, else that of the first pod.
fn found(seen: &Observed) -> Option<Decision> {
    if seen.cluster_id.is_some() {
        return None;
    }
    let in_one = seen.answers().filter(|(_, c)| c.state == State::Initialized);
    let mut known: Vec<String> = in_one.map(|(_, c)| c.cluster_id.to_string()).collect();
    known.sort_unstable();
    known.dedup();
    if known.len() > 1 {
        let message = format!("members belong to different clusters: {}", known.join(", "));
        return Some(rest(Reason::ClustersDiffer, message));
    }
    let first = || seen.answers().find(|(o, _)| *o == 0).map(|(_, c)| c.cluster_id.to_string());
    Some(match known.pop().or_else(first) {
        Some(id) => {
            let message = format!("the cluster is {id}");
            act(Effect::RecordCluster { id }, Reason::ClusterFounded, message)
        }
        None => rest(Reason::MembersStarting, "the first member does not answer yet"),
    })
}
