//! Everything a decision rests on, and what can be read from it at a glance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::effect::Who;
use crate::crd::{Cause, MemberState, MemberStatus};
use crate::member::{Cluster, State};
use crate::quantity::Quantity;
use crate::server::Version;
use crate::subscriptions::Row;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// When.
    pub now: Timestamp,
    /// The resource as it was read.
    pub resource: Version,
    /// Since when the resource is being deleted, if it is.
    pub deleting: Option<Timestamp>,
    /// Our finalizer holds the resource.
    pub held: bool,
    /// Nothing is to be done.
    pub paused: bool,
    /// The claims go with the resource.
    pub delete_claims: bool,
    /// Name of the resource.
    pub cluster: String,
    /// Where the host names of its pods end: `NAME-members.NAMESPACE.svc`.
    pub headless: String,
    /// Hosts at which InfluxDBs outside of Kubernetes reach its pods, in small letters.
    pub external: BTreeSet<String>,
    /// Members wished; 0 when it is to be stopped.
    pub wish: i32,
    /// Size wished for each volume.
    pub size: Quantity,
    /// The lowest pod that changes may reach; `None`: they reach none.
    pub floor: Option<i32>,
    /// A removed member's claim is kept if it handed over all.
    pub keep_claims: bool,
    /// A member may be removed although it alone runs some tasks.
    pub allow_task_loss: bool,
    /// No InfluxDB needs to be clean.
    pub skip_cleanup: bool,
    /// How long a member takes at most to subscribe again.
    pub sync_interval: Duration,
    /// `status.clusterID`.
    pub cluster_id: Option<String>,
    /// `status.members`.
    pub ledger: Vec<MemberStatus>,
    /// `status.departed`.
    pub departed: BTreeSet<String>,
    /// The key that signs membership changes.
    pub key: KeySeen,
    /// Children that are missing or were built from something else.
    pub stale: Vec<String>,
    /// The StatefulSet.
    pub set: Option<SetSeen>,
    /// The pods of the set, by ordinal.
    pub pods: BTreeMap<i32, PodSeen>,
    /// What the pods that run say, by ordinal.
    pub members: BTreeMap<i32, Seen>,
    /// What those that were asked for their tasks run; `None` did not say.
    pub tasks: BTreeMap<i32, Option<BTreeSet<String>>>,
    /// The claims of the pods, by ordinal.
    pub claims: BTreeMap<i32, ClaimSeen>,
    /// The InfluxDBs that are kept clean, by name.
    pub influxdb: BTreeMap<String, InfluxSeen>,
    /// What to do about them when the resource goes, by name.
    pub cleanup: BTreeMap<String, Cleanup>,
    /// Subscriptions of members that are gone, seen more than once.
    pub orphans: Vec<Row>,
}

/// How an InfluxDB is kept clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanup {
    /// For how long its subscriptions are worth the wait when the resource is deleted.
    pub patience: Patience,
    /// Orphans are dropped, not only told of.
    pub sweep: bool,
}

/// For how long a deleted resource waits for an InfluxDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: it is never touched.
    Never,
    /// For so long since the deletion.
    Until(Duration),
    /// For ever.
    Always,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetSeen {
    /// Which one exactly.
    pub version: Version,
    /// It is being deleted.
    pub ending: bool,
    /// `spec.replicas`.
    pub replicas: i32,
    /// It was built from something else.
    pub stale: bool,
    /// Its status is about what it says now.
    pub settled: bool,
    /// Somebody has it change no pod by itself (`OnDelete`).
    pub by_hand: bool,
    /// Changes reach the pods from this number on.
    pub partition: i32,
    /// What pods below the partition are made from.
    pub current: String,
    /// What pods from the partition on are made from.
    pub update: String,
    /// Size of the claims of pods to come.
    pub claim_size: Quantity,
    /// Pods that exist.
    pub pods: i32,
    /// Pods that are ready.
    pub ready: i32,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSeen {
    /// Which one exactly.
    pub version: Version,
    /// It is being deleted.
    pub ending: bool,
    /// Since when its containers run, if they do.
    pub running_since: Option<Timestamp>,
    /// What it was made from.
    pub revision: String,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// Its member is ready, as Kubernetes sees it.
    pub ready: bool,
    /// Why its container cannot run, if it cannot.
    pub trouble: Option<String>,
    /// A human wants another member in its place.
    pub replace: bool,
    /// The Secret with the authority of the certificate that its API shows; `None`: it is plain.
    pub authority: Option<String>,
}

/// What a pod says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing, and why.
    Silent(String),
    /// Its view of the cluster.
    Answers(Box<Cluster>),
}

/// A claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSeen {
    /// Which one exactly.
    pub version: Version,
    /// It is being deleted.
    pub ending: bool,
    /// Whose identity it holds, as was written down on it.
    pub member_id: Option<String>,
    /// The cluster of that member.
    pub cluster_id: Option<String>,
    /// That member is on its way out.
    pub leaving: bool,
    /// That member has left, the claim was kept.
    pub retired: bool,
    /// A human wants it to be kept.
    pub keep: bool,
    /// It has a volume.
    pub bound: bool,
    /// Size that it asks for.
    pub requested: Quantity,
    /// Size that its volume has.
    pub capacity: Quantity,
    /// Why it may not ask for the wished size, if it may not.
    pub fixed: Option<String>,
    /// Since when its volume waits for the pod's node to grow it.
    pub pending_since: Option<Timestamp>,
}

/// What an InfluxDB says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InfluxSeen {
    /// It was not asked.
    NotAsked,
    /// It does not answer, or not as it should, and why.
    Away(String),
    /// It does not take the login, and why.
    Refused(String),
    /// There is no login for it, and why.
    Locked(String),
    /// Its subscriptions.
    Rows(Vec<Row>),
}

impl Observed {
    /// The pods that answer, in order.
    pub(super) fn answers(&self) -> impl Iterator<Item = (i32, &Cluster)> {
        self.members.iter().filter_map(|(ordinal, seen)| match seen {
            Seen::Answers(cluster) => Some((*ordinal, &**cluster)),
            Seen::Silent(_) => None,
        })
    }

    /// What a pod answers.
    pub(super) fn answer(&self, ordinal: i32) -> Option<&Cluster> {
        match self.members.get(&ordinal) {
            Some(Seen::Answers(cluster)) => Some(cluster),
            _ => None,
        }
    }

    /// The name of a pod.
    pub(super) fn pod_name(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.cluster)
    }

    /// The member that a pod is meant to be.
    pub(super) fn current(&self, ordinal: i32) -> Option<&MemberStatus> {
        self.ledger.iter().find(|entry| entry.ordinal == ordinal && !entry.state.is_leaving())
    }

    /// Those on their way out.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &MemberStatus> {
        self.ledger.iter().filter(|entry| entry.state.is_leaving())
    }

    /// Whether this identity is on its way out.
    pub(super) fn is_leaving(&self, member_id: &str) -> bool {
        self.leaving().any(|entry| entry.member_id == member_id)
    }

    /// Pods that there should be: the wish, and while members leave, those that are not gone yet.
    pub(super) fn size(&self) -> i32 {
        let current = self.ledger.iter().filter(|entry| !entry.state.is_leaving());
        let recorded = current.map(|entry| entry.ordinal + 1).max().unwrap_or(0);
        self.wish.max(recorded)
    }

    /// A pod with this number must not be made: its last member is not gone for good.
    pub(super) fn is_blocked(&self, ordinal: i32) -> bool {
        self.leaving().any(|entry| {
            entry.ordinal == ordinal
                && entry.state > MemberState::Condemned
                && entry.cause != Some(Cause::Displaced)
        })
    }

    /// Up to where pods may be made: [`Self::size`], or the first that must not be.
    pub(super) fn room(&self, from: i32) -> i32 {
        (from..self.size()).find(|ordinal| self.is_blocked(*ordinal)).unwrap_or(self.size())
    }

    /// Every Member ID that was ever recorded and not lost.
    pub(super) fn known(&self) -> BTreeSet<&str> {
        let claims = self.claims.values().filter_map(|claim| claim.member_id.as_deref());
        let ledger = self.ledger.iter().map(|entry| entry.member_id.as_str());
        let all = ledger.chain(claims).chain(self.departed.iter().map(String::as_str));
        all.filter(|id| !id.is_empty()).collect()
    }

    /// The claim that holds the identity of an entry.
    pub(super) fn claim_of(&self, entry: &MemberStatus) -> Option<&ClaimSeen> {
        let claim = self.claims.get(&entry.ordinal)?;
        let same_uid = entry.claim_uid.as_ref().is_none_or(|uid| *uid == claim.version.uid);
        let same_member = claim.member_id.as_deref().unwrap_or_default() == entry.member_id;
        (same_uid && same_member).then_some(claim)
    }
}

/// Who is where, as they say themselves.
pub(super) struct View<'a> {
    /// In the cluster and to stay.
    pub(super) inside: Vec<(i32, &'a Cluster)>,
    /// In no cluster, and to be in.
    pub(super) apart: Vec<(i32, &'a Cluster)>,
    /// In another one.
    pub(super) foreign: Vec<(i32, &'a Cluster)>,
    /// Who is in the cluster and may take others in: those inside first, then the condemned.
    pub(super) ways_in: Vec<i32>,
}

impl<'a> View<'a> {
    pub(super) fn of(seen: &'a Observed) -> Self {
        let (inside, apart, foreign) = (Vec::new(), Vec::new(), Vec::new());
        let mut view = Self { inside, apart, foreign, ways_in: Vec::new() };
        let Some(id) = &seen.cluster_id else { return view };
        let mut condemned = Vec::new();
        for (ordinal, cluster) in seen.answers() {
            let member_id = cluster.member_id.to_string();
            if let Some(entry) = seen.leaving().find(|entry| entry.member_id == member_id) {
                if entry.state == MemberState::Condemned && cluster.cluster_id.to_string() == *id {
                    condemned.push(ordinal);
                }
                continue;
            }
            if cluster.cluster_id.to_string() == *id {
                view.inside.push((ordinal, cluster));
            } else if cluster.state == State::Uninitialized {
                view.apart.push((ordinal, cluster));
            } else {
                view.foreign.push((ordinal, cluster));
            }
        }
        view.ways_in = view.inside.iter().map(|(ordinal, _)| *ordinal).chain(condemned).collect();
        view
    }

    /// Whether every member inside lists this one.
    pub(super) fn all_list(&self, member_id: &str) -> bool {
        self.inside.iter().all(|(_, list)| lists(list, member_id))
    }

    /// A member inside that lists this one, and under which ID: one that never told its own is known
    /// by its pod.
    pub(super) fn lister(&self, seen: &Observed, entry: &MemberStatus) -> Option<(i32, String)> {
        let stays = |id: &String| {
            seen.ledger.iter().any(|other| !other.state.is_leaving() && other.member_id == *id)
        };
        let named = |list: &Cluster| match entry.member_id.as_str() {
            "" => listed_at(list, &entry.name).filter(|id| !stays(id)),
            id => lists(list, id).then(|| id.to_owned()),
        };
        self.inside.iter().find_map(|(ordinal, list)| Some((*ordinal, named(list)?)))
    }

    /// Who the members inside think is in this pod.
    pub(super) fn listed_in(&self, pod: &str) -> Option<String> {
        self.inside.iter().find_map(|(_, list)| listed_at(list, pod))
    }

    /// Where each pod's member stands.
    pub(super) fn states(&self, seen: &Observed) -> BTreeMap<i32, MemberState> {
        let of = |entry: &MemberStatus| {
            let among = |list: &[(i32, &Cluster)]| {
                list.iter()
                    .any(|(o, c)| *o == entry.ordinal && c.member_id.to_string() == entry.member_id)
            };
            if among(&self.inside) {
                if self.all_list(&entry.member_id) {
                    MemberState::InSync
                } else {
                    MemberState::Joining
                }
            } else if among(&self.foreign) {
                MemberState::Foreign
            } else if among(&self.apart) {
                MemberState::Joining
            } else {
                MemberState::Unreachable
            }
        };
        let current = seen.ledger.iter().filter(|entry| !entry.state.is_leaving());
        current.map(|entry| (entry.ordinal, of(entry))).collect()
    }
}

fn lists(list: &Cluster, member_id: &str) -> bool {
    list.members.iter().any(|member| member.id.to_string() == member_id)
}

fn listed_at(list: &Cluster, pod: &str) -> Option<String> {
    let at = |address: &str| address.split(['.', ':']).next() == Some(pod);
    list.members.iter().find(|member| at(&member.rpc_address)).map(|member| member.id.to_string())
}

impl From<&MemberStatus> for Who {
    fn from(entry: &MemberStatus) -> Self {
        Self::of(entry)
    }
}
