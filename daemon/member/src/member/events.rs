//! The way of an event: raised or offered, collected, judged, published on, delivered.

use std::sync::Arc;

use alert::Level;
use dedup::{HandlerId, Key, NO_LEVEL};
use model::Str;

use super::Member;
use super::handlers::Topic;
use super::leave::Life;
use super::states;
use crate::input::Raise;
use crate::output::Severity;
use crate::persist::{Record, Write, encode};

/// Events that wait while a member syncs or hands over; further ones are dropped and counted.
const MAX_DEFERRED: usize = 100_000;

impl Member {
    /// Sets the state of an event id in a topic, as a restarted alert node asks for.
    pub(super) fn restore_state(&mut self, topic: &Str, id: Str, state: alert::State) {
        self.states.put(topic, &id, states::mark_of(&state));
        if self.config.persist_topics {
            let record = Record::State(self.topic_state(topic, &id, state.clone()));
            self.persist(Write::Journal(encode(&record)));
        }
        self.topics.restore(topic, id, state);
    }

    /// An event of a task here, or of a `publish` or `aggregate` here.
    pub(super) fn raise(&mut self, raise: Raise) {
        if self.is_leaving() || matches!(self.life, Life::Syncing { .. }) {
            // Leaving: what it held is being handed over; this is raised when it is a cluster of its own,
            // or goes on. Syncing: the others may have handled it already; it waits for their done marks.
            if self.deferred.len() < MAX_DEFERRED {
                self.deferred.push(raise);
            } else {
                self.counters.deferred_dropped += 1;
            }
            return;
        }
        self.counters.raised += 1;
        let Raise { event, cold } = raise;
        let handled = self.handlers.topic(&event.topic).is_some();
        if !handled {
            self.counters.unhandled += 1;
            self.collect_unhandled(event);
            return;
        }
        let key = key_of(&event);
        if self.is_alone() {
            let event = self.collect(event);
            let raised = dedup_event(key, &event);
            self.events.insert(raised.hash, Arc::clone(&event));
            self.give_to_dedup(raised, cold);
            self.run_internal(&event);
            return;
        }
        let hash = key.hash();
        if self.dedup.is_done(&key.topic, hash) || self.events.contains_key(&hash) {
            // Another member's offer came first: state, publish and aggregate have seen it.
            self.counters.known += 1;
            let raised = dedup_event(key, &event);
            self.give_to_dedup(raised, cold);
            return;
        }
        let event = self.collect(event);
        let raised = dedup_event(key, &event);
        self.events.insert(raised.hash, Arc::clone(&event));
        self.give_to_dedup(raised, cold);
        if self.owns(&event.topic) {
            self.run_internal(&event);
        }
    }

    fn give_to_dedup(&mut self, event: Arc<dedup::Event>, cold: bool) {
        let raisers = self.raisers(&event.key);
        let raise = dedup::Raise { event, cold, raisers };
        self.dedup.handle(self.now.elapsed, dedup::Input::Raise(raise));
    }

    /// A peer's offer was accepted: its event counts here as if raised.
    pub(super) fn offered(&mut self, key: &Key, body: &dedup::Body) {
        let hash = key.hash();
        if self.events.contains_key(&hash) {
            return;
        }
        let Some(event) = alert::Event::from_wire(body) else {
            self.counters.damaged_events += 1;
            return;
        };
        self.counters.offered += 1;
        let event = self.collect(event);
        self.events.insert(hash, Arc::clone(&event));
        if self.owns(&event.topic) {
            self.run_internal(&event);
        }
    }

    /// Takes an event into its topic's state.
    fn collect(&mut self, mut event: alert::Event) -> Arc<alert::Event> {
        let mark = states::mark_of_event(&event.body);
        if !self.is_alone()
            && let Some((level, _)) = self.topics.level_of(&event.topic, &event.body.id)
            && let Some(own) = self.states.get(states::key_of(&event.topic, &event.body.id))
            && own.mark > mark
        {
            // Members get events in different orders; all must end with the same state.
            event.previous = level;
            return Arc::new(event);
        }
        let collected = self.topics.collect(event).event;
        self.states.put(&collected.topic, &collected.body.id, mark);
        collected
    }

    /// Nobody handles the topic: only its state is kept, here and with the others.
    fn collect_unhandled(&mut self, event: alert::Event) {
        let event = self.collect(event);
        if self.config.persist_topics {
            let bytes = encode(&Record::Event(Arc::unwrap_or_clone(Arc::clone(&event))));
            self.persist(Write::Journal(bytes));
        }
        if !self.is_alone() {
            self.spread_state(&event);
        }
    }

    fn owns(&mut self, topic: &Str) -> bool {
        self.is_alone() || self.dedup.owners(topic).contains(&self.id)
    }

    /// Runs `publish` and `aggregate`.
    fn run_internal(&mut self, event: &Arc<alert::Event>) {
        let wall = self.now.wall;
        let Some(topic) = self.handlers.topic_mut(&event.topic) else { return };
        if topic.internal.is_empty() {
            return;
        }
        let mut raised = Vec::new();
        for internal in &mut topic.internal {
            match internal.handler.wants(event) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) => {
                    self.counters.match_errors += 1;
                    continue;
                }
            }
            if let Some(aggregate) = &mut internal.aggregate {
                raised.extend(aggregate.collect(wall, event));
            }
            for target in &internal.targets {
                match event.published_to(target.clone()) {
                    Some(event) => raised.push(event),
                    None => self.counters.too_many_hops += 1,
                }
            }
        }
        self.raised.extend(raised.into_iter().map(|event| Raise { event, cold: false }));
    }

    /// When a window of an aggregate closes, on the monotonic clock.
    pub(super) fn aggregate_timeout(&self) -> Option<std::time::Duration> {
        let at = self.handlers.next_window()?;
        Some(self.now.elapsed + at.since(self.now.wall).to_std())
    }

    pub(super) fn aggregate_tick(&mut self) {
        if self.handlers.next_window().is_some_and(|at| at <= self.now.wall) {
            let closed = self.handlers.close_windows(self.now.wall);
            self.raised.extend(closed.into_iter().map(|event| Raise { event, cold: false }));
        }
    }

    /// Tells dedup which handlers match.
    pub(super) fn judge(&mut self, event: &Arc<dedup::Event>) {
        let handlers = self.body(event).map(|body| self.matching(&body));
        let input = dedup::Input::Judged { hash: event.hash, handlers };
        self.dedup.handle(self.now.elapsed, input);
    }

    fn matching(&mut self, event: &alert::Event) -> Arc<[HandlerId]> {
        let Some(topic) = self.handlers.topic(&event.topic) else { return Arc::new([]) };
        let mut errors = Vec::new();
        let matching = judge_all(topic, event, &mut errors);
        self.counters.match_errors += errors.len() as u64;
        for (handler, why) in errors {
            let fields = vec![
                ("topic", event.topic.to_string()),
                ("handler", handler),
                ("event", event.body.id.to_string()),
                ("reason", why),
            ];
            self.log(Severity::Error, "failed to evaluate the match of a handler", fields);
        }
        matching
    }

    /// The event's content: as collected here, or read from dedup's bytes.
    pub(super) fn body(&mut self, event: &Arc<dedup::Event>) -> Option<Arc<alert::Event>> {
        if let Some(known) = self.events.get(&event.hash) {
            return Some(Arc::clone(known));
        }
        match alert::Event::from_wire(&event.body) {
            Some(read) => {
                let read = Arc::new(read);
                self.events.insert(event.hash, Arc::clone(&read));
                Some(read)
            }
            None => {
                self.counters.damaged_events += 1;
                None
            }
        }
    }
}

fn judge_all(
    topic: &Topic,
    event: &alert::Event,
    errors: &mut Vec<(String, String)>,
) -> Arc<[HandlerId]> {
    topic
        .external
        .iter()
        .filter(|handler| match handler.wants(event) {
            Ok(wants) => wants,
            Err(why) => {
                errors.push((handler.spec().id.clone(), why));
                false
            }
        })
        .map(|handler| handler.spec().id.as_str().into())
        .collect()
}

/// The key under which members know an event.
fn key_of(event: &alert::Event) -> Key {
    let key = event.key();
    Key {
        topic: event.topic.clone(),
        id: event.body.id.clone(),
        time: key.time,
        level: key.level.map_or(NO_LEVEL, Level::number),
        source: event.body.source.0.clone(),
        occurrence: key.occurrence,
    }
}

/// The event as dedup carries it.
fn dedup_event(key: Key, event: &alert::Event) -> Arc<dedup::Event> {
    let mut bytes = Vec::with_capacity(event.weight().min(4096));
    bytes = postcard::to_extend(event, bytes).expect("an event is plain data");
    dedup::Event::new(key, bytes)
}
