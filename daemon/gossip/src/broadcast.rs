//! Small broadcasts that ride on the detector's packets: each is handed over once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{BootGeneration, MemberId};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::packet::Window;
use crate::roster::{MAX_MEMBERS, decode};

/// Longest payload, bytes (Serf's limit for a user event).
pub const BROADCAST_LIMIT: usize = 512;
/// Broadcasts that wait for being sent often enough; more are refused or not forwarded.
pub const BROADCAST_BACKLOG: usize = 1024;

/// Why a broadcast is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BroadcastError {
    /// Longer than [`BROADCAST_LIMIT`]; send it by RPC.
    #[error("longer than {BROADCAST_LIMIT} bytes")]
    TooLong,
    /// [`BROADCAST_BACKLOG`] are on their way; sync repairs what is not sent.
    #[error("{BROADCAST_BACKLOG} broadcasts are on their way already")]
    Full,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The origin is about to stop.
    Leaving,
    /// Of the brain.
    Data(Vec<u8>),
}

/// One broadcast on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) origin: MemberId,
    pub(crate) boot: BootGeneration,
    /// Counts the broadcasts of this life from 1.
    pub(crate) number: u64,
    pub(crate) message: Message,
}

/// Identifies a broadcast; a newer one never replaces an older.
#[derive(PartialEq, Eq)]
pub(crate) struct ItemKey(MemberId, BootGeneration, u64);

impl foca::Invalidates for ItemKey {
    fn invalidates(&self, other: &Self) -> bool {
        self == other
    }
}

#[derive(Default)]
struct Inbox {
    seen: BTreeMap<MemberId, (BootGeneration, Window)>,
    arrived: Vec<Item>,
    /// Backlog of the detector before the current packet.
    backlog: usize,
    dropped: u64,
}

impl Inbox {
    fn is_new(&mut self, item: &Item) -> bool {
        if !self.seen.contains_key(&item.origin) && self.seen.len() >= MAX_MEMBERS {
            self.dropped += 1;
            return false;
        }
        let (boot, window) = self.seen.entry(item.origin).or_default();
        if item.boot < *boot {
            return false;
        }
        if item.boot > *boot {
            (*boot, *window) = (item.boot, Window::default());
        }
        window.accept(item.number)
    }
}

/// Takes broadcasts out of packets. The detector owns one handle and shows it to nobody, so the
/// machine shares the inbox through a second one; there is one thread, the lock never waits.
#[derive(Clone, Default)]
pub(crate) struct Broadcasts(Arc<Mutex<Inbox>>);

impl Broadcasts {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be told before each packet, so that the backlog stays bounded.
    pub(crate) fn note_backlog(&self, backlog: usize) {
        self.inbox().backlog = backlog;
    }

    /// What came since the last call, and how many were dropped since then.
    pub(crate) fn take(&self) -> (Vec<Item>, u64) {
        let mut inbox = self.inbox();
        (std::mem::take(&mut inbox.arrived), std::mem::take(&mut inbox.dropped))
    }

    /// Forgets origins that are not `kept`.
    pub(crate) fn retain(&self, kept: impl Fn(&MemberId) -> bool) {
        self.inbox().seen.retain(|origin, _| kept(origin));
    }
}

impl foca::BroadcastHandler<Identity> for Broadcasts {
    type Key = ItemKey;
    type Error = Infallible;

    fn receive_item(
        &mut self,
        data: &[u8],
        sender: Option<&Identity>,
    ) -> Result<Option<ItemKey>, Infallible> {
        let mut inbox = self.inbox();
        let Ok(item) = decode::<Item>(data) else {
            inbox.dropped += 1;
            return Ok(None);
        };
        if !inbox.is_new(&item) {
            return Ok(None);
        }
        let key = ItemKey(item.origin, item.boot, item.number);
        let is_ours = sender.is_none();
        if !is_ours {
            inbox.arrived.push(item);
            inbox.backlog += 1;
            if inbox.backlog > BROADCAST_BACKLOG {
                inbox.dropped += 1;
                return Ok(None);
            }
        }
        Ok(Some(key))
    }
}
