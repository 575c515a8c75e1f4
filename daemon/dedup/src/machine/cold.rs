//! Cold events: a task whose windows have not filled may raise what a warm one would not. The member
//! whose turn it is asks those that run the task warm, for at most one delay; the first answer counts.
//!
//! That a warm one would not raise it does not make the event done: another warm member may have raised it, of
//! whom nobody here has heard, since it alone got some point. So cold holders drop it, each for itself, and
//! the offer of one who raised it warm brings it back.

use model::MemberId;

use super::Dedup;
use super::entry::State;
use crate::key::{Key, KeyHash};
use crate::message::Message;
use crate::port::Output;
use crate::record::Record;

/// Warm members asked for one event.
const ASK_AT_MOST: usize = 8;

impl Dedup {
    pub(super) fn ask_warm(&mut self, hash: KeyHash) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let until = self.core.now + self.core.config.delay_per_member;
        entry.state = State::Asking { until, asked: Vec::new() };
        self.core.set_timer(entry, Some(until));
        self.asking.insert(hash);
        self.core.outputs.push_back(Output::FindWarm { event: entry.event.clone() });
    }

    /// Asks all of them at once: one that cannot tell, or that just died, must not use up the wait.
    pub(super) fn warm_members(&mut self, hash: KeyHash, members: Vec<MemberId>) {
        let me = self.core.me();
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Asking { asked, .. } = &mut entry.state else { return };
        if members.is_empty() {
            self.warm_unanswered(hash);
            return;
        }
        *asked = members.into_iter().take(ASK_AT_MOST).collect();
        for to in asked.clone() {
            let key = entry.event.key.clone();
            if to == me {
                self.core.outputs.push_back(Output::WarmQuery { from: me, key });
            } else {
                self.core.send(to, Message::WarmAsk { key });
            }
        }
    }

    /// An asked member, which may be this one, gives no answer; none left: the event is handled.
    pub(super) fn cannot_tell(&mut self, hash: KeyHash, member: MemberId) {
        let Some(entry) = self.entries.get_mut(&hash) else { return };
        let State::Asking { asked, .. } = &mut entry.state else { return };
        let before = asked.len();
        asked.retain(|id| *id != member);
        if asked.is_empty() && before > 0 {
            self.warm_unanswered(hash);
        }
    }

    /// No warm member, or no answer within one delay: nothing may be lost, so it counts as warm.
    pub(super) fn warm_unanswered(&mut self, hash: KeyHash) {
        self.core.counters.cold_unanswered += 1;
        self.warmth_known(hash);
    }

    fn warmth_known(&mut self, hash: KeyHash) {
        self.asking.remove(&hash);
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.warmth_known = true;
            self.due(hash);
        }
    }

    /// What the own task says of an event; `None`: it cannot tell.
    pub(super) fn warm_reply(&mut self, to: MemberId, hash: KeyHash, raised: Option<bool>) {
        match (to == self.core.me(), raised) {
            (true, Some(raised)) => self.warm_answered(to, hash, raised),
            (true, None) => self.cannot_tell(hash, to),
            (false, Some(raised)) => self.core.send(to, Message::WarmAnswer { hash, raised }),
            (false, None) => {}
        }
    }

    pub(super) fn warm_answered(&mut self, from: MemberId, hash: KeyHash, raised: bool) {
        let Some(entry) = self.entries.get(&hash) else {
            // Its offer may still be on the way, for it waits for a write and this does not.
            if !raised {
                self.note_unfounded(hash);
            }
            return;
        };
        let asked = matches!(&entry.state, State::Asking { asked, .. } if asked.contains(&from));
        if raised && asked {
            self.warmth_known(hash);
        } else if !raised && entry.awaits_warmth() {
            self.drop_cold(hash, asked);
        }
    }

    /// Forgets an event that a warm member would not raise; whoever asked tells the others.
    fn drop_cold(&mut self, hash: KeyHash, asked: bool) {
        let Some(mut entry) = self.entries.remove(&hash) else { return };
        self.forget(&mut entry, false);
        self.core.persist(Record::Released { hash });
        self.core.counters.cold_dropped += 1;
        self.note_unfounded(hash);
        for other in entry.others.iter().filter(|_| asked) {
            self.core.send(other.id, Message::WarmAnswer { hash, raised: false });
        }
        self.core.outputs.push_back(Output::Done { hash, here: false });
        let handlers = entry.judged.as_deref().unwrap_or(&[]);
        self.wake_line(&entry.event.key, hash, handlers);
    }

    fn note_unfounded(&mut self, hash: KeyHash) {
        let limits = &self.core.config.limits;
        self.notes.note(hash, limits, &mut self.core.counters).unfounded = true;
    }

    pub(super) fn warm_asked(&mut self, from: MemberId, key: Key) {
        let hash = key.hash();
        match self.entries.get(&hash) {
            Some(entry) if entry.raised => {
                // Raised while cold it says nothing, for or against: the asker's wait ends by itself.
                if !entry.cold {
                    self.core.send(from, Message::WarmAnswer { hash, raised: true });
                }
            }
            _ if self.core.topics.is_done(&key.topic, hash) => {
                self.core.send(from, Message::Done { hash, topic: key.topic });
            }
            _ => self.core.outputs.push_back(Output::WarmQuery { from, key }),
        }
    }
}
