//! The keys of calls as both ends of this member use them: the door that others come in by, and the
//! sessions that were opened with others. With mutual TLS neither is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use gossip::{Key, KeyRing};
use rpc::{Door, Session};

/// Content type of sealed calls, their answers, and openings.
pub(crate) const SEALED_TYPE: &str = "application/vnd.kapacitor.rpc-sealed";

/// Header that names a signal.
pub(crate) const REFUSED_HEADER: &str = "x-kapacitor-refused";

/// Addresses with a session; beyond, all are forgotten and opened anew.
const ADDRESSES: usize = 4096;

/// The session with one address; whoever opens it holds the lock.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Option<Arc<Session>>>>;

/// Keys, door and sessions.
pub(crate) struct Sealing {
    ring: RwLock<KeyRing>,
    door: Mutex<Door>,
    slots: Mutex<BTreeMap<String, Slot>>,
}

impl Sealing {
    pub(crate) fn new(ring: KeyRing) -> Self {
        let door = Mutex::new(Door::new(ring.clone()));
        Self { ring: RwLock::new(ring), door, slots: Mutex::default() }
    }

    /// The keys have changed.
    pub(crate) fn set_keys(&self, ring: KeyRing) {
        self.door().set_keys(ring.clone());
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// What seals our calls; none: they are plain.
    pub(crate) fn outgoing(&self) -> Option<Key> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).outgoing().cloned()
    }

    pub(crate) fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the session with an address.
    pub(crate) fn slot(&self, to: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(to) {
            return slot.clone();
        }
        if slots.len() >= ADDRESSES {
            slots.clear();
        }
        slots.entry(to.to_owned()).or_default().clone()
    }
}

/// Secret random bytes of the system.
pub(crate) fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gives random bytes while it runs");
}
