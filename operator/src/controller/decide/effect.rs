//! What can be done: one thing at a time, each of which may be repeated.

use std::fmt;

use k8s_openapi::jiff::Timestamp;

use crate::crd::{Cause, MemberState, MemberStatus};
use crate::quantity::Quantity;
use crate::server::Version;
use crate::subscriptions::Row;

/// An identity of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Number of its pod.
    pub ordinal: i32,
    /// Its Member ID; empty if it never told.
    pub member_id: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep the resource, once it is deleted, until everything is cleared away.
    Hold {
        /// The resource as it was seen.
        resource: Version,
    },
    /// Let the resource go.
    Release {
        /// The resource as it was seen.
        resource: Version,
        /// Members whose subscriptions may be left behind.
        orphaned: usize,
    },
    /// Make the key that signs membership changes.
    CreateAdminKey,
    /// Server-side apply of all children. A set keeps its size; a new one begins with one pod.
    ApplyChildren,
    /// Write the ledger anew from what the claims say.
    RebuildLedger {
        /// The cluster, if the claims agree on one.
        cluster: Option<String>,
        /// The ledger.
        members: Vec<MemberStatus>,
    },
    /// Write down the identity of the cluster.
    RecordCluster {
        /// The cluster ID.
        id: String,
    },
    /// Write down a member, on its claim and in the ledger.
    RecordMember {
        /// Which.
        who: Who,
        /// Its claim.
        claim: Version,
    },
    /// Have `through` take `ordinal` into the cluster.
    AddMember {
        /// The one that is in.
        through: i32,
        /// The one that is not.
        ordinal: i32,
    },
    /// Give the set no pods: all stop, nobody is removed.
    Stop {
        /// The set as it was seen.
        set: Version,
    },
    /// Give the set more pods.
    Grow {
        /// The set as it was seen.
        set: Version,
        /// Pods.
        to: i32,
    },
    /// Write down that a member is to leave.
    Condemn {
        /// Which.
        who: Who,
        /// Why.
        cause: Cause,
        /// Its claim.
        claim: Option<Version>,
    },
    /// Write down that it stays after all.
    Spare {
        /// Which.
        who: Who,
        /// Its claim.
        claim: Option<Version>,
    },
    /// Write down how far a leaving member is.
    Advance {
        /// Which.
        who: Who,
        /// Where it stands now.
        to: MemberState,
        /// It did not hand over what it held.
        unclean: bool,
    },
    /// Have `through` remove a member from the cluster.
    RemoveMember {
        /// The one that stays.
        through: i32,
        /// The one that goes.
        who: Who,
    },
    /// Give the set one pod less.
    Shrink {
        /// The set as it was seen.
        set: Version,
        /// Pods.
        to: i32,
    },
    /// Have claims ask for more space.
    Resize {
        /// Which.
        claims: Vec<(i32, Version)>,
        /// How much.
        to: Quantity,
    },
    /// Let a change reach one pod more.
    Roll {
        /// The set as it was seen.
        set: Version,
        /// The lowest pod that it reaches.
        to: i32,
    },
    /// Take the set away and leave its pods; it is applied again from what is wished.
    RemakeSet {
        /// The set as it was seen.
        set: Version,
    },
    /// Delete a pod: its member is replaced, or it is to start anew.
    DeletePod {
        /// Which.
        ordinal: i32,
        /// As it was seen.
        pod: Version,
    },
    /// Drop subscriptions of members that are gone.
    DropSubscriptions {
        /// Which.
        rows: Vec<Row>,
    },
    /// Delete the claim of a removed member.
    DeleteClaim {
        /// Which.
        ordinal: i32,
        /// As it was seen.
        claim: Version,
    },
    /// Mark a claim as kept without a member.
    Retire {
        /// Which.
        ordinal: i32,
        /// As it was seen.
        claim: Version,
    },
    /// Take a member out of the ledger.
    Forget {
        /// Which.
        who: Who,
    },
}

impl Who {
    pub(super) fn of(entry: &MemberStatus) -> Self {
        Self { ordinal: entry.ordinal, member_id: entry.member_id.clone() }
    }
}

impl MemberStatus {
    /// It is this one.
    pub fn is(&self, who: &Who) -> bool {
        self.ordinal == who.ordinal && self.member_id == who.member_id
    }

    /// Since when it stands where it does.
    pub fn since(&self) -> Timestamp {
        self.since.as_ref().map_or(Timestamp::UNIX_EPOCH, |since| since.0)
    }
}

impl Effect {
    /// Its name: in logs, metrics, events and fault points.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hold { .. } => "Hold",
            Self::Release { .. } => "Release",
            Self::CreateAdminKey => "CreateAdminKey",
            Self::ApplyChildren => "ApplyChildren",
            Self::RebuildLedger { .. } => "RebuildLedger",
            Self::RecordCluster { .. } => "RecordCluster",
            Self::RecordMember { .. } => "RecordMember",
            Self::AddMember { .. } => "AddMember",
            Self::Stop { .. } => "Stop",
            Self::Grow { .. } => "Grow",
            Self::Condemn { .. } => "Condemn",
            Self::Spare { .. } => "Spare",
            Self::Advance { .. } => "Advance",
            Self::RemoveMember { .. } => "RemoveMember",
            Self::Shrink { .. } => "Shrink",
            Self::Resize { .. } => "Resize",
            Self::Roll { .. } => "Roll",
            Self::RemakeSet { .. } => "RemakeSet",
            Self::DeletePod { .. } => "DeletePod",
            Self::DropSubscriptions { .. } => "DropSubscriptions",
            Self::DeleteClaim { .. } => "DeleteClaim",
            Self::Retire { .. } => "Retire",
            Self::Forget { .. } => "Forget",
        }
    }

    /// It changes the resource itself, not only its status.
    pub fn changes_resource(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Release { .. })
    }

    /// The pod that it is about, if it is about one.
    pub fn ordinal(&self) -> Option<i32> {
        match self {
            Self::RecordMember { who, .. }
            | Self::Condemn { who, .. }
            | Self::Spare { who, .. }
            | Self::Advance { who, .. }
            | Self::RemoveMember { who, .. }
            | Self::Forget { who } => Some(who.ordinal),
            Self::AddMember { ordinal, .. }
            | Self::DeletePod { ordinal, .. }
            | Self::DeleteClaim { ordinal, .. }
            | Self::Retire { ordinal, .. } => Some(*ordinal),
            Self::Shrink { to, .. } | Self::Roll { to, .. } => Some(*to),
            _ => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member_id.as_str() {
            "" => write!(f, "member {} (it never told its ID)", self.ordinal),
            id => write!(f, "member {} ({id})", self.ordinal),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold { .. } => f.write_str("holding the resource until all is cleared away"),
            Self::Release { .. } => f.write_str("letting the resource go"),
            Self::CreateAdminKey => f.write_str("making the key that signs membership changes"),
            Self::ApplyChildren => f.write_str("applying children"),
            Self::RebuildLedger { members, .. } => {
                write!(f, "reading {} members back from their claims", members.len())
            }
            Self::RecordCluster { id } => write!(f, "recording cluster {id}"),
            Self::RecordMember { who, .. } => write!(f, "recording {who}"),
            Self::AddMember { through, ordinal } => {
                write!(f, "adding member {ordinal} through member {through}")
            }
            Self::Stop { .. } => f.write_str("stopping all pods"),
            Self::Grow { to, .. } => write!(f, "growing the set to {to} pods"),
            Self::Condemn { who, cause, .. } => write!(f, "condemning {who}: {cause:?}"),
            Self::Spare { who, .. } => write!(f, "sparing {who}"),
            Self::Advance { who, to, unclean } => {
                let how = if *unclean { ", unclean" } else { "" };
                write!(f, "{who} is now {to:?}{how}")
            }
            Self::RemoveMember { through, who } => {
                write!(f, "removing {who} through member {through}")
            }
            Self::Shrink { to, .. } => write!(f, "shrinking the set to {to} pods"),
            Self::Resize { claims, to } => {
                let all: Vec<String> = claims.iter().map(|(n, _)| n.to_string()).collect();
                write!(f, "growing claims {} to {to}", all.join(", "))
            }
            Self::Roll { to, .. } => write!(f, "changing pod {to}"),
            Self::RemakeSet { .. } => f.write_str("making the set anew around its pods"),
            Self::DeletePod { ordinal, .. } => write!(f, "deleting pod {ordinal}"),
            Self::DropSubscriptions { rows } => write!(f, "dropping {} subscriptions", rows.len()),
            Self::DeleteClaim { ordinal, .. } => write!(f, "deleting claim {ordinal}"),
            Self::Retire { ordinal, .. } => write!(f, "keeping claim {ordinal} without a member"),
            Self::Forget { who } => write!(f, "forgetting {who}"),
        }
    }
}
