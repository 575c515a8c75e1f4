//! The roster: a replicated map from member id to what the cluster agreed about it.
//!
//! Of two entries of one member the one of higher [`Rank`] stays: epoch first (a removal always
//! beats an edit that did not know of it), then a tombstone over a live entry, then the version
//! stamp, last the content itself. So `merge` is commutative, associative and idempotent.
//! Liveness is not in it.

mod burial;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{MemberId, Str};
use serde::{Deserialize, Serialize};

use burial::Burial;
pub use burial::{TOMBSTONE_AGE, TOMBSTONES_KEPT};
pub use wire::DecodeError;
pub(crate) use wire::{decode, encode};

/// Most entries a roster holds, tombstones included; more are refused and counted.
pub const MAX_MEMBERS: usize = 4096;
/// Longest address or role, in bytes (a DNS name has at most 253, and a port).
pub const MAX_TEXT: usize = 260;
/// Most roles of one member.
pub const MAX_ROLES: usize = 16;

/// What a member is told to be reachable under; each is `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Addresses {
    /// Gossip, UDP and TCP.
    pub gossip: Str,
    /// RPC, TCP.
    pub rpc: Str,
    /// HTTP API, TCP.
    pub api: Str,
}

/// Orders edits without a clock: the writer takes the highest version it has seen plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Highest version seen by the writer + 1.
    pub version: u64,
    /// The writer; decides between equal versions.
    pub by: MemberId,
}

/// Decides which of two entries of one member stays; the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// See [`Entry::epoch`].
    pub epoch: u32,
    /// See [`Entry::removed`].
    pub removed: bool,
    /// See [`Entry::stamp`].
    pub stamp: Stamp,
}

/// What the cluster agreed about one member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Raised by each admission and each removal.
    pub epoch: u32,
    /// A tombstone: whatever this id sends is refused.
    pub removed: bool,
    /// The last edit.
    pub stamp: Stamp,
    /// Position in the order of joining, the same on every member; lists are shown in it.
    pub joined: u64,
    /// Addresses as advertised.
    pub addresses: Addresses,
    /// Roles as configured.
    pub roles: Vec<Str>,
    /// Highest protocol version the member reads.
    pub protocol: u8,
}

impl Entry {
    /// What decides between two entries of one member.
    pub fn rank(&self) -> Rank {
        Rank { epoch: self.epoch, removed: self.removed, stamp: self.stamp }
    }

    fn is_within_limits(&self) -> bool {
        let Addresses { gossip, rpc, api } = &self.addresses;
        self.roles.len() <= MAX_ROLES
            && [gossip, rpc, api].into_iter().chain(&self.roles).all(|text| text.len() <= MAX_TEXT)
    }

    fn beats(&self, other: &Self) -> bool {
        (self.rank(), self) > (other.rank(), other)
    }
}

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Members whose entry is another one now.
    pub changed: Vec<MemberId>,
    /// Entries refused because they are over a limit.
    pub refused: usize,
}

/// Who belongs to the cluster. Equality is over the entries.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    entries: BTreeMap<MemberId, Entry>,
    /// Highest version ever seen; outlives collected tombstones.
    highest: u64,
    /// Age and acks of tombstones; local, not replicated, not persisted.
    burials: BTreeMap<MemberId, Burial>,
}

impl PartialEq for Roster {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Roster {}

impl Roster {
    /// Knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry of a member, tombstone or not.
    pub fn get(&self, id: &MemberId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The entry of a member that is not removed.
    pub fn live(&self, id: &MemberId) -> Option<&Entry> {
        self.get(id).filter(|entry| !entry.removed)
    }

    /// The epoch of the tombstone of a removed member.
    pub fn removed(&self, id: &MemberId) -> Option<u32> {
        self.get(id).filter(|entry| entry.removed).map(|entry| entry.epoch)
    }

    /// All entries, tombstones included, by member id.
    pub fn entries(&self) -> impl Iterator<Item = (&MemberId, &Entry)> {
        self.entries.iter()
    }

    /// Members that are not removed, by member id.
    pub fn live_members(&self) -> impl Iterator<Item = (&MemberId, &Entry)> {
        self.entries.iter().filter(|(_, entry)| !entry.removed)
    }

    /// Members that are not removed, in the order they are listed: joining, then id.
    pub fn in_join_order(&self) -> Vec<(&MemberId, &Entry)> {
        let mut members: Vec<_> = self.live_members().collect();
        members.sort_by_key(|(id, entry)| (entry.joined, **id));
        members
    }

    /// Number of members that are not removed.
    pub fn size(&self) -> usize {
        self.live_members().count()
    }

    /// Lowest protocol version that every member reads; what may be written.
    pub fn protocol(&self) -> u8 {
        self.live_members().map(|(_, entry)| entry.protocol).min().unwrap_or(crate::PROTOCOL)
    }

    /// The stamp of the next edit by `by`.
    pub fn next_stamp(&self, by: MemberId) -> Stamp {
        Stamp { version: self.highest.saturating_add(1), by }
    }

    /// Position of the next one to join.
    pub fn next_joined(&self) -> u64 {
        self.entries.values().map(|entry| entry.joined).max().unwrap_or(0).saturating_add(1)
    }

    /// Creates or corrects our own entry after a start; true if it changed. A tombstone of
    /// ourselves stays: only an admission ends it.
    pub fn update_own(&mut self, id: MemberId, addresses: &Addresses, roles: &[Str]) -> bool {
        let stamp = self.next_stamp(id);
        let entry = match self.get(&id) {
            Some(entry) if entry.removed => return false,
            Some(entry)
                if entry.addresses == *addresses
                    && entry.roles == roles
                    && entry.protocol == crate::PROTOCOL =>
            {
                return false;
            }
            Some(entry) => Entry {
                stamp,
                addresses: addresses.clone(),
                roles: roles.to_vec(),
                protocol: crate::PROTOCOL,
                ..entry.clone()
            },
            None => Entry {
                epoch: 1,
                removed: false,
                stamp,
                joined: self.next_joined(),
                addresses: addresses.clone(),
                roles: roles.to_vec(),
                protocol: crate::PROTOCOL,
            },
        };
        !self.merge([(id, entry)]).changed.is_empty()
    }

    /// Takes over what is newer in `records`.
    pub fn merge(&mut self, records: impl IntoIterator<Item = (MemberId, Entry)>) -> MergeReport {
        let mut report = MergeReport::default();
        for (id, entry) in records {
            let known = self.entries.get(&id);
            if !entry.is_within_limits() || (known.is_none() && self.entries.len() >= MAX_MEMBERS) {
                report.refused += 1;
                continue;
            }
            self.highest = self.highest.max(entry.stamp.version);
            if known.is_some_and(|known| !entry.beats(known)) {
                continue;
            }
            // Acks of an earlier tombstone do not count for this one.
            self.burials.remove(&id);
            self.entries.insert(id, entry);
            report.changed.push(id);
        }
        report
    }

    /// The rank of every entry: what a peer needs to tell us what we lack.
    pub fn ranks(&self) -> Vec<(MemberId, Rank)> {
        self.entries.iter().map(|(id, entry)| (*id, entry.rank())).collect()
    }

    /// Entries of ours that a peer with these ranks lacks or has older.
    pub fn delta(&self, theirs: &[(MemberId, Rank)]) -> Vec<(MemberId, Entry)> {
        let theirs: BTreeMap<_, _> = theirs.iter().copied().collect();
        self.entries
            .iter()
            .filter(|(id, entry)| theirs.get(id).is_none_or(|rank| *rank < entry.rank()))
            .map(|(id, entry)| (*id, entry.clone()))
            .collect()
    }

    /// Members whose entry a peer with these ranks has newer.
    pub fn lacking(&self, theirs: &[(MemberId, Rank)]) -> Vec<MemberId> {
        theirs
            .iter()
            .filter(|(id, rank)| self.get(id).is_none_or(|entry| entry.rank() < *rank))
            .map(|(id, _)| *id)
            .collect()
    }

    /// The records of these members, to push to a peer.
    pub fn records(&self, ids: impl IntoIterator<Item = MemberId>) -> Vec<(MemberId, Entry)> {
        ids.into_iter().filter_map(|id| Some((id, self.get(&id)?.clone()))).collect()
    }

    /// 128-bit digest over all entries: equal digests mean equal rosters.
    pub fn digest(&self) -> u128 {
        let bytes = postcard::to_allocvec(&self.entries).expect("entries always serialise");
        xxhash_rust::xxh3::xxh3_128(&bytes)
    }
}
