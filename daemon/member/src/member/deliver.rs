//! Between dedup, which says who acts, and delivery, which says when to try.

use std::sync::Arc;

use alert::HandlerName;
use dedup::{HandlerId, KeyHash};

use super::Member;

impl Member {
    /// Gives an event to its handler's queue; when that is full it waits here, bounded by dedup's own
    /// limit of pending events.
    pub(super) fn offer(&mut self, name: HandlerName, hash: KeyHash, event: Arc<alert::Event>) {
        let waits = self.overflow.contains_key(&name);
        if !waits
            && self.delivery.offer(self.now.elapsed, &name, hash.0, Arc::clone(&event)).is_ok()
        {
            return;
        }
        self.counters.delivery_full += 1;
        self.overflow.entry(name).or_default().push_back((hash, event));
    }

    /// The handler's queue has room again: what waited goes in, in order.
    pub(super) fn refill(&mut self, name: &HandlerName) {
        let Some(waiting) = self.overflow.get_mut(name) else { return };
        while self.delivery.has_room(name)
            && let Some((hash, event)) = waiting.front()
        {
            let (hash, event) = (*hash, Arc::clone(event));
            if self.delivery.offer(self.now.elapsed, name, hash.0, event).is_err() {
                return;
            }
            waiting.pop_front();
        }
        if waiting.is_empty() {
            self.overflow.remove(name);
        }
    }

    /// Dedup wants no further attempt. With `answer` it waits for the outcome.
    pub(super) fn stop_delivery(&mut self, hash: KeyHash, handler: &HandlerId, answer: bool) {
        let Some(topic) = self.topic_of(hash) else {
            if answer {
                self.outcome(hash, handler, dedup::Outcome::Stopped);
            }
            return;
        };
        let name = HandlerName { topic, handler: handler.clone() };
        let pending = self.delivery.cancel(&name, hash.0);
        if let Some(waiting) = self.overflow.get_mut(&name) {
            waiting.retain(|(h, _)| *h != hash);
            if waiting.is_empty() {
                self.overflow.remove(&name);
            }
        }
        self.gate.forget_start(hash, handler);
        if answer && !pending {
            self.outcome(hash, handler, dedup::Outcome::Stopped);
        }
    }

    fn topic_of(&self, hash: KeyHash) -> Option<model::Str> {
        if let Some(event) = self.events.get(&hash) {
            return Some(event.topic.clone());
        }
        self.dedup.status(hash).map(|status| status.event.key.topic.clone())
    }

    /// The handler is gone: what was pending for it ends as given up, so that dedup ends, too.
    pub(super) fn forget_handler(&mut self, name: &HandlerName) {
        self.delivery.remove_handler(name);
        let gone = self.overflow.remove(name).unwrap_or_default();
        for (hash, _) in gone {
            self.outcome(hash, &name.handler, dedup::Outcome::GivenUp);
        }
    }
}
