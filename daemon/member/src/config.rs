//! What a member is told at its start: settings, identity, and what its disk held.

use std::time::Duration;

use gossip::{Addresses, KeyRing};
use model::{BootGeneration, ClusterId, MemberId, Str};

use crate::persist::Row;

/// Settings, validated by the shell.
#[derive(Clone, Debug)]
pub struct Config {
    /// Release this member runs, shown to others.
    pub release: Str,
    /// Addresses told to peers.
    pub addresses: Addresses,
    /// `[cluster] roles`.
    pub roles: Vec<Str>,
    /// `[cluster] gossip-members`; 0 means 3.
    pub gossip_members: u32,
    /// `[cluster] gossip-interval`; zero means 200 ms.
    pub gossip_interval: Duration,
    /// `[cluster] gossip-sync-interval`; zero means 30 s.
    pub gossip_sync_interval: Duration,
    /// `[cluster] keys`; without any the cluster is plain.
    pub keys: KeyRing,
    /// `[alert] redundancy`; 0 means every member.
    pub redundancy: usize,
    /// `[alert] delay-per-member`.
    pub delay_per_member: Duration,
    /// `[alert] full-sync-interval`.
    pub full_sync_interval: Duration,
    /// `[alert] delivery-timeout`: an event that could not be delivered for so long is given up.
    pub delivery_timeout: Duration,
    /// `[alert] topic-buffer-length`: most events pending for one handler.
    pub topic_buffer: usize,
    /// `[alert] deduplicate-inline`: handlers written in a TICKscript are de-duplicated, too.
    pub deduplicate_inline: bool,
    /// `[alert] persist-topics`: event states survive a restart.
    pub persist_topics: bool,
    /// Seed of everything random: from the operating system in production.
    pub seed: u64,
}

impl Config {
    /// The defaults, with these addresses.
    pub fn new(addresses: Addresses) -> Self {
        Self {
            release: env!("CARGO_PKG_VERSION").into(),
            addresses,
            roles: vec!["worker".into()],
            gossip_members: 0,
            gossip_interval: Duration::ZERO,
            gossip_sync_interval: Duration::ZERO,
            keys: KeyRing::plain(),
            redundancy: 0,
            delay_per_member: Duration::from_secs(10),
            full_sync_interval: Duration::from_mins(5),
            delivery_timeout: Duration::from_hours(1),
            topic_buffer: 5_000,
            deduplicate_inline: true,
            persist_topics: true,
            seed: 0,
        }
    }
}

/// Who the member is when it starts: [`crate::stored_member`] and its like, or fresh ids where nothing
/// was stored (the id files, or new UUIDs).
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// This member; never changes.
    pub member: MemberId,
    /// Its cluster when the disk names none.
    pub cluster: ClusterId,
    /// A fresh cluster id, taken when this member is removed.
    pub fresh_cluster: ClusterId,
    /// This start: `BootGeneration::next(stored, unix milliseconds)`. The machine writes it first and
    /// says nothing before it is durable.
    pub boot: BootGeneration,
}

/// What the disk held: rows of the definitions store and records of the journal, each exactly as a
/// [`crate::Write`] gave them, journal records in the order written.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Rows of the definitions store, in any order.
    pub rows: Vec<(Row, Vec<u8>)>,
    /// Journal records, oldest first, from the last snapshot on.
    pub journal: Vec<Vec<u8>>,
}
