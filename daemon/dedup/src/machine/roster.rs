//! Changes of the view: who joined, became ready, was reborn, failed or was removed.

use std::sync::Arc;

use model::MemberId;

use super::Dedup;
use super::entry::State;
use crate::key::KeyHash;
use crate::members::{Members, Removal};

impl Dedup {
    pub(super) fn set_members(&mut self, members: Members) {
        if members == self.core.members {
            return;
        }
        let old = std::mem::replace(&mut self.core.members, members);
        self.core.view += 1;
        self.core.topics.drop_idle();
        let me = self.core.me();
        let new = self.core.members.clone();
        for (id, peer) in new.roster.iter().filter(|(id, _)| **id != me) {
            if peer.boot > self.core.known_boot(*id) {
                self.new_boot(*id, peer.boot);
            }
            if peer.alive && !old.roster.get(id).is_some_and(|before| before.alive) {
                self.core.hurry(*id);
            }
        }
        let gone: Vec<MemberId> =
            self.core.outboxes.keys().filter(|id| !new.roster.contains_key(id)).copied().collect();
        for id in gone {
            self.core.drop_outbox(id);
            self.session_lost(id);
        }
        for (id, removal) in &new.removed {
            if *removal == Removal::Drained && old.removed.get(id) != Some(removal) {
                let id = *id;
                self.notes.void(id, |_| true);
                self.free_where(|to, _| to == id);
            }
        }
        if self.core.is_alone() && new.roster.contains_key(&me) {
            self.resume();
        }
        self.owners_changed(None);
    }

    pub(super) fn set_runners(&mut self, topic: &Arc<str>, members: Option<Vec<MemberId>>) {
        let entry = self.core.topics.topic_mut(topic);
        if entry.runners == members {
            return;
        }
        entry.runners = members;
        entry.owners = None;
        self.owners_changed(Some(topic));
    }

    /// Offers pending events to owners that are new, and looks at grants that are waited for.
    fn owners_changed(&mut self, topic: Option<&Arc<str>>) {
        let (me, now, delay) = (self.core.me(), self.core.now, self.core.config.delay_per_member);
        let hashes: Vec<KeyHash> = self
            .entries
            .values()
            .filter(|entry| topic.is_none_or(|topic| entry.event.key.topic == *topic))
            .map(|entry| entry.event.hash)
            .collect();
        for hash in hashes {
            let Some(entry) = self.entries.get_mut(&hash) else { continue };
            let owners = self.core.owners(&entry.event.key.topic);
            for i in 0..entry.others.len() {
                let id = entry.others[i].id;
                if !owners.contains(&id) && self.leaving.is_none() {
                    self.core.drop_offer(hash, id);
                }
            }
            let place = owners.iter().position(|id| *id == me);
            if let Some(place) = place
                && !entry.owned
            {
                entry.owned = true;
                entry.rank = place as u32;
                let sooner = now + delay.saturating_mul(entry.rank.saturating_add(1));
                if matches!(entry.state, State::Waiting { due } if due > sooner) {
                    entry.state = State::Waiting { due: sooner };
                    self.core.set_timer(entry, Some(sooner));
                }
            }
            self.offer_new(hash, &owners);
            self.ask_new(hash);
            self.check_grants(hash);
            self.check_release(hash);
        }
        if self.leaving.as_ref().is_some_and(|leaving| leaving.hands_over) {
            self.hand_over();
        }
    }

    /// Offers one event to the owners that neither hold it nor were offered it.
    fn offer_new(&mut self, hash: KeyHash, owners: &[MemberId]) {
        let me = self.core.me();
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        if self.leaving.is_some() {
            return;
        }
        for id in owners.iter().filter(|id| **id != me) {
            entry.other(*id).listed = true;
            if !entry.holds(*id) && !self.core.is_offering(*id, hash) {
                self.core.offer_to(entry, *id, false);
            }
        }
    }
}
