//! Topics: the last state of every event id, per topic.
//!
//! A machine without time: [`Topics::collect`] per event, everything else on demand. What must be
//! stored comes back as a value ([`Collected`]). Lists are sorted by id.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Duration, Str, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{Event, Glob, Level};

/// Most event ids whose state is OK that a topic remembers; beyond it the older half is forgotten.
pub const MAX_OK_STATES: usize = 10_000;

/// Most event ids that a topic remembers at all. Events of further ids are handled, but not
/// remembered, and counted by [`Topics::overflowed`].
pub const MAX_STATES: usize = 1_000_000;

/// The last state of an event id, as shown and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Rendered message.
    pub message: Str,
    /// Rendered details.
    pub details: Str,
    /// Event time.
    pub time: Time,
    /// How long it is or was not OK.
    pub duration: Duration,
    /// Level.
    pub level: Level,
}

/// What to do with the stored record of an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Write the new state.
    Put,
    /// Delete it: the event is OK.
    Delete,
}

/// What collecting an event came to.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The event with its previous level, for the topic's handlers.
    pub event: Arc<Event>,
    /// What becomes of the stored record.
    pub record: Record,
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStatus {
    /// Topic id.
    pub id: Str,
    /// Highest level of its events.
    pub level: Level,
    /// Events since the start of the daemon.
    pub collected: u64,
}

/// All topics of a member.
#[derive(Debug)]
pub struct Topics {
    persist: bool,
    open: BTreeMap<Str, Topic>,
    /// States of closed topics (tasks that were stopped), as they stand on disk.
    closed: BTreeMap<Str, Topic>,
    overflowed: u64,
}

#[derive(Debug, Default)]
struct Topic {
    collected: u64,
    states: FxHashMap<Str, Entry>,
    /// How many states there are of each level.
    levels: [usize; 4],
}

#[derive(Clone, Debug)]
enum Entry {
    Event(Arc<Event>),
    Restored(State),
}

impl Entry {
    fn level(&self) -> Level {
        match self {
            Self::Event(event) => event.body.level,
            Self::Restored(state) => state.level,
        }
    }

    fn time(&self) -> Time {
        match self {
            Self::Event(event) => event.body.time,
            Self::Restored(state) => state.time,
        }
    }

    fn state(&self) -> State {
        match self {
            Self::Event(event) => event.body.state(),
            Self::Restored(state) => state.clone(),
        }
    }
}

impl Topics {
    /// No topics. `persist` is `[alert] persist-topics`: whether a closed topic keeps its states.
    pub fn new(persist: bool) -> Self {
        Self { persist, open: BTreeMap::new(), closed: BTreeMap::new(), overflowed: 0 }
    }

    /// Takes an event in: notes its previous level, remembers its state, counts it.
    pub fn collect(&mut self, mut event: Event) -> Collected {
        self.reopen(&event.topic);
        let record = if event.body.level == Level::Ok { Record::Delete } else { Record::Put };
        if !self.open.contains_key(&event.topic) {
            self.open.insert(event.topic.clone(), Topic::default());
        }
        let topic = self.open.get_mut(&event.topic).expect("just made sure");
        topic.collected += 1;
        event.previous = topic.level_of(&event.body.id).unwrap_or_default();
        let event = Arc::new(event);
        if !topic.put(event.body.id.clone(), Entry::Event(Arc::clone(&event))) {
            self.overflowed += 1;
        }
        Collected { event, record }
    }

    /// Puts a state back: read from disk, taken from another topic, or from another member. Not
    /// counted as collected.
    pub fn restore(&mut self, topic: &Str, id: Str, state: State) {
        self.reopen(topic);
        if !self.open.entry(topic.clone()).or_default().put(id, Entry::Restored(state)) {
            self.overflowed += 1;
        }
    }

    /// Makes sure that the topic exists, as a handler or a task does.
    pub fn touch(&mut self, topic: &Str) {
        self.reopen(topic);
        self.open.entry(topic.clone()).or_default();
    }

    /// Takes a topic out of the lists; its states come back when it is touched again (they are
    /// forgotten when topics are not persisted). False for an unknown topic.
    pub fn close(&mut self, topic: &str) -> bool {
        let Some((id, mut topic)) = self.open.remove_entry(topic) else { return false };
        topic.forget_ok(0);
        if self.persist && !topic.states.is_empty() {
            topic.collected = 0;
            self.closed.insert(id, topic);
        }
        true
    }

    /// Forgets a topic and its states. False for an unknown topic.
    pub fn delete(&mut self, topic: &str) -> bool {
        let open = self.open.remove(topic).is_some();
        self.closed.remove(topic).is_some() || open
    }

    /// Level and time of an event id, as an alert node needs it for a group it sees first. Closed
    /// topics answer too.
    pub fn level_of(&self, topic: &str, id: &str) -> Option<(Level, Time)> {
        let topic = self.open.get(topic).or_else(|| self.closed.get(topic))?;
        topic.states.get(id).map(|entry| (entry.level(), entry.time()))
    }

    /// The state of an event id; closed topics answer too.
    pub fn stored(&self, topic: &str, id: &str) -> Option<State> {
        let topic = self.open.get(topic).or_else(|| self.closed.get(topic))?;
        topic.states.get(id).map(Entry::state)
    }

    /// A topic that is in the lists.
    pub fn topic(&self, id: &str) -> Option<TopicStatus> {
        self.open.get_key_value(id).map(|(id, topic)| topic.status(id))
    }

    /// Topics that are in the lists, by id.
    pub fn names(&self) -> impl Iterator<Item = &Str> {
        self.open.keys()
    }

    /// Topics whose id matches and whose level is at least `min`.
    pub fn list<'a>(
        &'a self,
        pattern: &'a Glob,
        min: Level,
    ) -> impl Iterator<Item = TopicStatus> + 'a {
        self.open
            .iter()
            .filter(move |(id, topic)| topic.level() >= min && pattern.matches(id))
            .map(|(id, topic)| topic.status(id))
    }

    /// States of a topic with at least level `min`; `None` for an unknown topic.
    pub fn events(&self, topic: &str, min: Level) -> Option<Vec<(Str, State)>> {
        let topic = self.open.get(topic)?;
        let mut states: Vec<_> = topic
            .states
            .iter()
            .filter(|(_, entry)| entry.level() >= min)
            .map(|(id, entry)| (id.clone(), entry.state()))
            .collect();
        states.sort_by(|a, b| a.0.cmp(&b.0));
        Some(states)
    }

    /// The state of an event id in a topic that is in the lists.
    pub fn event(&self, topic: &str, id: &str) -> Option<State> {
        self.open.get(topic)?.states.get(id).map(Entry::state)
    }

    /// Every state that is to be stored: of open and closed topics, OK left out, in order of topic
    /// and id. For checkpoints and for full sync.
    pub fn records(&self) -> impl Iterator<Item = (Str, Str, State)> + '_ {
        let mut ids: Vec<(&Str, &Topic)> = self.open.iter().chain(&self.closed).collect();
        ids.sort_by_key(|(id, _)| *id);
        ids.into_iter().flat_map(|(id, topic)| {
            let mut states: Vec<_> =
                topic.states.iter().filter(|(_, entry)| entry.level() > Level::Ok).collect();
            states.sort_by_key(|(id, _)| *id);
            states.into_iter().map(|(event, entry)| (id.clone(), event.clone(), entry.state()))
        })
    }

    /// How many events were not remembered because their topic was full.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    fn reopen(&mut self, topic: &str) {
        if !self.closed.is_empty()
            && let Some((id, topic)) = self.closed.remove_entry(topic)
        {
            self.open.entry(id).or_insert(topic);
        }
    }
}

impl Topic {
    fn level(&self) -> Level {
        let highest = self.levels.iter().rposition(|count| *count > 0).unwrap_or(0);
        Level::from_number(highest as u8).expect("one of four")
    }

    fn level_of(&self, id: &str) -> Option<Level> {
        self.states.get(id).map(Entry::level)
    }

    fn status(&self, id: &Str) -> TopicStatus {
        TopicStatus { id: id.clone(), level: self.level(), collected: self.collected }
    }

    /// False when the topic is full.
    fn put(&mut self, id: Str, entry: Entry) -> bool {
        let level = entry.level();
        if let Some(known) = self.states.get_mut(&id) {
            self.levels[known.level() as usize] -= 1;
            *known = entry;
        } else {
            if self.states.len() >= MAX_STATES {
                return false;
            }
            self.states.insert(id, entry);
        }
        self.levels[level as usize] += 1;
        if self.levels[0] > MAX_OK_STATES {
            self.forget_ok(MAX_OK_STATES / 2);
        }
        true
    }

    /// Forgets OK states but for the `keep` newest.
    fn forget_ok(&mut self, keep: usize) {
        let mut ok: Vec<(Time, Str)> = self
            .states
            .iter()
            .filter(|(_, entry)| entry.level() == Level::Ok)
            .map(|(id, entry)| (entry.time(), id.clone()))
            .collect();
        ok.sort_unstable();
        ok.truncate(ok.len().saturating_sub(keep));
        self.levels[0] -= ok.len();
        for (_, id) in ok {
            self.states.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::event;

    fn collect(
        topics: &mut Topics,
        topic: &str,
        id: &str,
        level: Level,
        at: i64,
    ) -> (Level, Record) {
        let collected = topics.collect(event(topic, id, level, at));
        (collected.event.previous, collected.record)
    }

    #[test]
    fn a_topic_remembers_the_last_state_of_each_event() {
        let mut topics = Topics::new(true);
        let topics = &mut topics;
        assert_eq!(collect(topics, "t", "a", Level::Critical, 1), (Level::Ok, Record::Put));
        assert_eq!(collect(topics, "t", "b", Level::Info, 1), (Level::Ok, Record::Put));
        assert_eq!(collect(topics, "t", "a", Level::Ok, 2), (Level::Critical, Record::Delete));
        assert_eq!(collect(topics, "t", "a", Level::Ok, 3), (Level::Ok, Record::Delete));
        let status = topics.topic("t").expect("known");
        assert_eq!((status.level, status.collected), (Level::Info, 4));
        let ids = |min| {
            let events = topics.events("t", min).expect("known");
            events.into_iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ids(Level::Ok), ["a", "b"]);
        assert_eq!(ids(Level::Info), ["b"]);
        assert!(topics.events("none", Level::Ok).is_none());
        assert_eq!(topics.records().map(|(_, id, _)| id.to_string()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn lists_follow_pattern_and_level() {
        let mut topics = Topics::new(true);
        collect(&mut topics, "vent:north", "x", Level::Warning, 1);
        collect(&mut topics, "furnace", "x", Level::Ok, 1);
        topics.touch(&"empty".into());
        for (pattern, min, ids) in [
            ("", Level::Ok, vec!["empty", "furnace", "vent:north"]),
            ("f*", Level::Ok, vec!["furnace"]),
            ("*", Level::Info, vec!["vent:north"]),
        ] {
            let glob = Glob::parse(pattern).expect("valid");
            let found: Vec<_> = topics.list(&glob, min).map(|t| t.id.to_string()).collect();
            assert_eq!(found, ids);
        }
    }

    #[test]
    fn a_closed_topic_comes_back_with_its_states_and_no_count() {
        for persist in [true, false] {
            let mut topics = Topics::new(persist);
            collect(&mut topics, "main:al:alert2", "a", Level::Critical, 1);
            collect(&mut topics, "main:al:alert2", "b", Level::Ok, 1);
            assert!(topics.close("main:al:alert2"));
            assert!(!topics.close("main:al:alert2"));
            assert!(topics.topic("main:al:alert2").is_none());
            let level = topics.level_of("main:al:alert2", "a").map(|(level, _)| level);
            assert_eq!(level, persist.then_some(Level::Critical));
            let (previous, _) = collect(&mut topics, "main:al:alert2", "b", Level::Info, 2);
            assert_eq!(previous, Level::Ok);
            let status = topics.topic("main:al:alert2").expect("reopened");
            assert_eq!(status.collected, 1);
            assert_eq!(status.level, if persist { Level::Critical } else { Level::Info });
            assert!(topics.delete("main:al:alert2"));
            assert!(topics.level_of("main:al:alert2", "a").is_none());
        }
    }

    #[test]
    fn ok_states_are_bounded_and_the_newest_stay() {
        let mut topics = Topics::new(true);
        collect(&mut topics, "t", "bad", Level::Critical, 0);
        for n in 0..=MAX_OK_STATES {
            collect(&mut topics, "t", &format!("id{n}"), Level::Ok, n as i64);
        }
        let events = topics.events("t", Level::Ok).expect("known");
        assert_eq!(events.len(), 1 + MAX_OK_STATES / 2);
        assert!(topics.event("t", "bad").is_some());
        assert!(topics.event("t", "id0").is_none());
        assert!(topics.event("t", &format!("id{MAX_OK_STATES}")).is_some());
    }
}
