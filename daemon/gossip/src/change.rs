//! Adding and removing members: the decisions, as pure plans. The RPC exchange is `member`'s.

use model::{BootGeneration, ClusterId, MemberId, Str};
use serde::{Deserialize, Serialize};

use crate::roster::{Addresses, Entry, MAX_MEMBERS, MAX_TEXT, Roster};
use crate::{PROTOCOL, PROTOCOL_MIN};

/// What the dialled joiner says of itself. Both sides have proven the cluster key before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The joiner.
    pub member: MemberId,
    /// Its life.
    pub boot: BootGeneration,
    /// The cluster it is in, or its own when it is alone.
    pub cluster: ClusterId,
    /// It was added to a cluster (or added others to its own).
    pub initialized: bool,
    /// What it advertises.
    pub addresses: Addresses,
    /// Its roles.
    pub roles: Vec<Str>,
    /// Lowest and highest protocol version it reads.
    pub protocol: (u8, u8),
}

/// One of the three listeners of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Port 9090 by default.
    Gossip,
    /// Port 9091 by default.
    Rpc,
    /// Port 9092 by default.
    Api,
}

impl Service {
    /// All, in the order they are dialled.
    pub const ALL: [Self; 3] = [Self::Gossip, Self::Rpc, Self::Api];

    /// The word for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gossip => "gossip",
            Self::Rpc => "RPC",
            Self::Api => "API",
        }
    }

    /// Its address.
    pub fn address(self, addresses: &Addresses) -> &Str {
        match self {
            Self::Gossip => &addresses.gossip,
            Self::Rpc => &addresses.rpc,
            Self::Api => &addresses.api,
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of dialling the advertised addresses back, so far.
pub type Dialled = std::collections::BTreeMap<Service, Result<(), String>>;

/// What to do next for an `add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddStep {
    /// It is in our cluster already: success, nothing to do.
    AlreadyMember,
    /// Dial this address (expecting the joiner to answer there), note the result in the
    /// [`Dialled`] map, and plan again.
    Dial(Service, Str),
    /// Everything is in order: the joiner persists first, then we, then push to all.
    Admit(Admission),
}

/// What admitting changes in the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The joiner.
    pub member: MemberId,
    /// Its entry.
    pub entry: Entry,
    /// Members that had one of its addresses, with their tombstones: their disk was lost.
    pub replaced: Vec<(MemberId, Entry)>,
}

impl Admission {
    /// The records to merge into every roster.
    pub fn records(&self) -> Vec<(MemberId, Entry)> {
        let mut records = self.replaced.clone();
        records.push((self.member, self.entry.clone()));
        records
    }
}

/// Why a member cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The address given is our own.
    #[error("{0} is the contacted member itself")]
    OwnId(MemberId),
    /// It has to be removed there first.
    #[error("{member} is already in another cluster, {cluster}; remove it there first")]
    InAnotherCluster {
        /// The joiner.
        member: MemberId,
        /// Its cluster.
        cluster: ClusterId,
    },
    /// It was removed while it was away and has not noticed yet.
    #[error("{member} was removed from this cluster and has not reset itself yet; try again soon")]
    NotYetReset {
        /// The joiner.
        member: MemberId,
    },
    /// An advertised address is no `host:port`.
    #[error("its advertised {service} address {address:?} is not host:port")]
    BadAddress {
        /// Which one.
        service: Service,
        /// As advertised.
        address: Str,
    },
    /// An advertised address leads nowhere, or to somebody else.
    #[error("its advertised {service} address {address} cannot be dialled back: {reason}")]
    CannotDialBack {
        /// Which one.
        service: Service,
        /// As advertised.
        address: Str,
        /// What the dial said.
        reason: String,
    },
    /// It advertises an address of the contacted member.
    #[error("its advertised {service} address {address} is our own")]
    OwnAddress {
        /// Which one.
        service: Service,
        /// As advertised.
        address: Str,
    },
    /// No protocol version in common.
    #[error("it speaks protocol versions {0} to {1}, we speak {PROTOCOL_MIN} to {PROTOCOL}")]
    Protocol(u8, u8),
    /// The roster is full.
    #[error("the cluster has its limit of {MAX_MEMBERS} members, removed ones included")]
    Full,
}

/// Decides the next step of adding the member that said `hello`. Call until it says
/// [`AddStep::Admit`] or [`AddStep::AlreadyMember`], dialling in between.
pub fn plan_add(
    roster: &Roster,
    own: MemberId,
    cluster: ClusterId,
    hello: &Hello,
    dialled: &Dialled,
) -> Result<AddStep, AddError> {
    let member = hello.member;
    if member == own {
        return Err(AddError::OwnId(member));
    }
    if hello.initialized && hello.cluster != cluster {
        return Err(AddError::InAnotherCluster { member, cluster: hello.cluster });
    }
    let ours = hello.cluster == cluster;
    if ours && roster.live(&member).is_some() {
        return Ok(AddStep::AlreadyMember);
    }
    if ours && roster.removed(&member).is_some() {
        return Err(AddError::NotYetReset { member });
    }
    let (min, max) = hello.protocol;
    if min > PROTOCOL || max < PROTOCOL_MIN {
        return Err(AddError::Protocol(min, max));
    }
    if roster.get(&member).is_none() && roster.entries().count() >= MAX_MEMBERS {
        return Err(AddError::Full);
    }
    for service in Service::ALL {
        let address = service.address(&hello.addresses);
        check_address(roster, own, service, address)?;
    }
    for service in Service::ALL {
        let address = service.address(&hello.addresses).clone();
        match dialled.get(&service) {
            None => return Ok(AddStep::Dial(service, address)),
            Some(Err(reason)) => {
                let reason = reason.clone();
                return Err(AddError::CannotDialBack { service, address, reason });
            }
            Some(Ok(())) => {}
        }
    }
    Ok(AddStep::Admit(admission(roster, own, hello)))
}

fn check_address(
    roster: &Roster,
    own: MemberId,
    service: Service,
    address: &Str,
) -> Result<(), AddError> {
    let is_host_port = address.len() <= MAX_TEXT
        && address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(char::is_whitespace)
                && port.parse::<u16>().is_ok_and(|port| port != 0)
        });
    if !is_host_port {
        return Err(AddError::BadAddress { service, address: address.clone() });
    }
    let is_ours =
        roster.live(&own).is_some_and(|entry| service.address(&entry.addresses) == address);
    if is_ours {
        return Err(AddError::OwnAddress { service, address: address.clone() });
    }
    Ok(())
}

fn admission(roster: &Roster, own: MemberId, hello: &Hello) -> Admission {
    let stamp = roster.next_stamp(own);
    let entry = Entry {
        epoch: roster.get(&hello.member).map_or(0, |entry| entry.epoch).saturating_add(1),
        removed: false,
        stamp,
        joined: roster.next_joined(),
        addresses: hello.addresses.clone(),
        roles: hello.roles.clone(),
        protocol: hello.protocol.1,
    };
    let shares_address = |other: &Entry| {
        Service::ALL.iter().any(|s| s.address(&other.addresses) == s.address(&hello.addresses))
    };
    let replaced = roster
        .live_members()
        .filter(|(id, other)| **id != hello.member && shares_address(other))
        .map(|(id, other)| (*id, tombstone(roster, own, other)))
        .collect();
    Admission { member: hello.member, entry, replaced }
}

fn tombstone(roster: &Roster, by: MemberId, entry: &Entry) -> Entry {
    Entry {
        epoch: entry.epoch.saturating_add(1),
        removed: true,
        stamp: roster.next_stamp(by),
        ..entry.clone()
    }
}

/// What to do for a `remove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoveStep {
    /// A tombstone is there already: success, nothing to do.
    AlreadyRemoved {
        /// Its epoch.
        epoch: u32,
    },
    /// Let the target hand over if it can be reached, then merge the tombstone and push it to all.
    Bury {
        /// The target.
        member: MemberId,
        /// Its tombstone.
        entry: Entry,
    },
}

/// Why a member cannot be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveError {
    /// Nobody of that id.
    #[error("no member has the ID {0}")]
    UnknownId(MemberId),
    /// A cluster of one has nobody to remove it from.
    #[error("{0} is the last member of its cluster")]
    LastMember(MemberId),
}

/// Decides how to remove `id`; `own` is the contacted member (it may be the same).
pub fn plan_remove(
    roster: &Roster,
    own: MemberId,
    id: MemberId,
) -> Result<RemoveStep, RemoveError> {
    let entry = roster.get(&id).ok_or(RemoveError::UnknownId(id))?;
    if entry.removed {
        return Ok(RemoveStep::AlreadyRemoved { epoch: entry.epoch });
    }
    if roster.size() == 1 {
        return Err(RemoveError::LastMember(id));
    }
    Ok(RemoveStep::Bury { member: id, entry: tombstone(roster, own, entry) })
}

#[cfg(test)]
mod tests;
