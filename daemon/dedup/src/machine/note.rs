//! Notes about events that were claimed or partly finished before their offer came. Bounded, in memory.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId};

use crate::config::{Counters, Limits};
use crate::event::HandlerId;
use crate::key::KeyHash;

#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    number: u64,
    /// Who claims it, with which boot, until when.
    pub(super) claim: Option<(MemberId, BootGeneration, Duration)>,
    pub(super) judged: Option<Arc<[HandlerId]>>,
    pub(super) finished: Vec<HandlerId>,
    pub(super) heard: Vec<MemberId>,
    /// It was held as cold, and a warm member would not raise it.
    pub(super) unfounded: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    by_key: BTreeMap<KeyHash, Note>,
    oldest: BTreeMap<u64, KeyHash>,
    next: u64,
}

impl Notes {
    pub(super) fn remove(&mut self, hash: KeyHash) -> Option<Note> {
        let note = self.by_key.remove(&hash)?;
        self.oldest.remove(&note.number);
        Some(note)
    }

    pub(super) fn is_unfounded(&self, hash: KeyHash) -> bool {
        self.by_key.get(&hash).is_some_and(|note| note.unfounded)
    }

    pub(super) fn note(
        &mut self,
        hash: KeyHash,
        limits: &Limits,
        counters: &mut Counters,
    ) -> &mut Note {
        if !self.by_key.contains_key(&hash) {
            if self.by_key.len() >= limits.notes.max(1)
                && let Some((_, old)) = self.oldest.pop_first()
            {
                self.by_key.remove(&old);
                counters.notes_overflow += 1;
            }
            let number = self.next;
            self.next += 1;
            self.oldest.insert(number, hash);
            self.by_key.insert(hash, Note { number, ..Note::default() });
        }
        self.by_key.get_mut(&hash).expect("inserted above")
    }

    pub(super) fn finished(
        &mut self,
        hash: KeyHash,
        handler: HandlerId,
        limits: &Limits,
        counters: &mut Counters,
    ) {
        let note = self.note(hash, limits, counters);
        if note.finished.len() >= limits.handlers {
            counters.oversized += 1;
        } else if !note.finished.contains(&handler) {
            note.finished.push(handler);
        }
    }

    /// Ends the claims of `member` that `void` names.
    pub(super) fn void(&mut self, member: MemberId, void: impl Fn(BootGeneration) -> bool) {
        for note in self.by_key.values_mut() {
            if note.claim.is_some_and(|(by, boot, _)| by == member && void(boot)) {
                note.claim = None;
            }
        }
    }

    /// Ends the claim of `member` on one event.
    pub(super) fn void_of(&mut self, hash: KeyHash, member: MemberId) {
        if let Some(note) = self.by_key.get_mut(&hash)
            && note.claim.is_some_and(|(by, _, _)| by == member)
        {
            note.claim = None;
        }
    }

    pub(super) fn fingerprint<H: Hasher>(&self, now: Duration, hasher: &mut H) {
        for (hash, note) in &self.by_key {
            hash.hash(hasher);
            let claim = note.claim.map(|(m, b, until)| (m, b, until.saturating_sub(now)));
            (claim, &note.judged, &note.finished, &note.heard, note.unfounded).hash(hasher);
        }
    }
}
