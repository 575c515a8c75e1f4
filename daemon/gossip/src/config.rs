//! Settings of the machine, validated by the shell.

use std::time::Duration;

use model::{BootGeneration, ClusterId, MemberId};

use crate::packet::KeyRing;
use crate::roster::Addresses;

/// Settings of one member's gossip. The own roster entry is created or brought up to date from it.
#[derive(Clone, Debug)]
pub struct Config {
    /// This member.
    pub member: MemberId,
    /// This life, durable before the machine is made.
    pub boot: BootGeneration,
    /// The cluster this member is in.
    pub cluster: ClusterId,
    /// What peers are told.
    pub addresses: Addresses,
    /// Roles told to peers; only `worker` has a meaning.
    pub roles: Vec<String>,
    /// `[cluster] gossip-members`: neighbours per gossip round; 0 means 3.
    pub gossip_members: u32,
    /// `[cluster] gossip-interval`: time between rounds; zero means 200 ms.
    pub gossip_interval: Duration,
    /// `[cluster] gossip-sync-interval`: time between push/pulls over TCP; zero means 30 s.
    pub gossip_sync_interval: Duration,
    /// Sealing keys; without any the cluster is plain.
    pub keys: KeyRing,
    /// Driver duties; all on, except in tests that show what fails without one.
    pub duties: Duties,
}

impl Config {
    /// Defaults for everything that is not an identity.
    pub fn new(
        member: MemberId,
        boot: BootGeneration,
        cluster: ClusterId,
        addresses: Addresses,
    ) -> Self {
        Self {
            member,
            boot,
            cluster,
            addresses,
            roles: vec!["worker".to_owned()],
            gossip_members: 0,
            gossip_interval: Duration::ZERO,
            gossip_sync_interval: Duration::ZERO,
            keys: KeyRing::plain(),
            duties: Duties::default(),
        }
    }

    pub(crate) fn fan_out(&self) -> usize {
        if self.gossip_members == 0 { 3 } else { self.gossip_members as usize }
    }

    pub(crate) fn interval(&self) -> Duration {
        non_zero(self.gossip_interval, Duration::from_millis(200))
    }

    pub(crate) fn sync_interval(&self) -> Duration {
        non_zero(self.gossip_sync_interval, Duration::from_secs(30))
    }
}

fn non_zero(given: Duration, default: Duration) -> Duration {
    if given.is_zero() { default } else { given }
}

/// The duties of the driver that a test may switch off (gossip.md 2.3), so that it can show that
/// its check would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duties {
    /// D1: announce to one random missing roster member every 5 s.
    pub reconnect: bool,
    /// D2: how often foca announces to members that are down; 10 s.
    pub announce_to_down: Duration,
    /// D3: memberlist's retransmit formula instead of foca's floored one.
    pub retransmit_formula: bool,
    /// D4: push/pull over TCP.
    pub push_pull: bool,
    /// D7: packets of a turn are read before its timers.
    pub packets_first: bool,
}

impl Default for Duties {
    fn default() -> Self {
        Self {
            reconnect: true,
            announce_to_down: Duration::from_secs(10),
            retransmit_formula: true,
            push_pull: true,
            packets_first: true,
        }
    }
}
