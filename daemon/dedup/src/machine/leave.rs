//! Leaving: sends end first, then what is still held is offered to survivors and kept until one acked.

use model::MemberId;

use super::Dedup;
use super::entry::State;
use crate::key::KeyHash;
use crate::port::Output;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leaving {
    /// The done set is up to date: what is still pending here is pending.
    synced: bool,
    /// No send is in flight any more; the offers have gone out.
    pub(super) hands_over: bool,
    /// Others take what is handed over, and nothing else.
    removed: bool,
    ended: bool,
}

impl Dedup {
    pub(super) fn leave(&mut self, removed: bool) {
        match &mut self.leaving {
            Some(leaving) => leaving.removed |= removed,
            None => {
                let (synced, hands_over, ended) = (!removed, false, false);
                self.leaving = Some(Leaving { synced, hands_over, removed, ended });
                let hashes: Vec<KeyHash> = self.entries.keys().copied().collect();
                for hash in hashes {
                    self.drain(hash);
                }
            }
        }
    }

    /// Nothing new starts; what runs is stopped.
    fn drain(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        match entry.state {
            State::Acting { stopping: false, .. } => self.stop(hash),
            State::Acting { .. } | State::Yielding { .. } => {}
            State::Gathering { .. } => {
                self.asking.remove(&hash);
                entry.state = State::Acting { since: self.core.now, stopping: true };
                self.stop(hash);
            }
            State::Paused | State::Waiting { .. } | State::Blocked | State::Asking { .. } => {
                if entry.state == State::Paused {
                    self.paused = self.paused.saturating_sub(1);
                }
                self.asking.remove(&hash);
                entry.state = State::Blocked;
                self.core.set_timer(entry, None);
            }
        }
    }

    /// A sync has ended while leaving: the done set is known now.
    pub(super) fn leaving_synced(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.synced = true;
        }
    }

    /// Goes on with the hand-over as far as possible.
    pub(super) fn check_handed_over(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        if leaving.ended || !leaving.synced {
            return;
        }
        let removed = leaving.removed;
        if !leaving.hands_over {
            if self.entries.values().any(|e| matches!(e.state, State::Acting { .. })) {
                return;
            }
            leaving.hands_over = true;
            self.hand_over();
        }
        let told = removed
            || self
                .core
                .outboxes
                .iter()
                .all(|(member, outbox)| outbox.is_empty() || !self.core.is_alive(*member));
        if self.entries.is_empty() && told {
            if let Some(leaving) = &mut self.leaving {
                leaving.ended = true;
            }
            self.core.outputs.push_back(Output::HandedOver);
        }
    }

    /// Offers everything that is held to the owners among the survivors.
    pub(super) fn hand_over(&mut self) {
        let hashes: Vec<KeyHash> = self.entries.keys().copied().collect();
        for hash in hashes {
            self.check_release(hash);
            let Some(entry) = self.entries.get_mut(&hash) else { continue };
            for id in survivors(&mut self.core, &entry.event.key.topic) {
                self.core.offer_to(entry, id, true);
            }
        }
    }
}

/// The owners but this member; where there is none, everyone alive.
fn survivors(core: &mut super::Core, topic: &std::sync::Arc<str>) -> Vec<MemberId> {
    let me = core.me();
    let owners = core.owners(topic);
    let mut list: Vec<MemberId> = owners.iter().copied().filter(|id| *id != me).collect();
    if list.is_empty() {
        let alive = core.members.roster.iter().filter(|(id, peer)| **id != me && peer.alive);
        list.extend(alive.map(|(id, _)| *id));
    }
    list
}
