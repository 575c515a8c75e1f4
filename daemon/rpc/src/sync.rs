//! Full sync of topic states, and what members tell of the tasks they run.
//!
//! Done marks and pending events are synced by dedup's own messages, which travel in frames.

use alert::Level;
use model::{BootGeneration, Duration, Str, Time};
use serde::{Deserialize, Serialize};

use crate::spec::Stamp;

/// One number per replicated thing; equal numbers mean equal content. Also the blob that gossip's
/// push/pull carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Boot generation of the sender.
    pub boot: BootGeneration,
    /// Handler specs and topic deletions.
    pub specs: u64,
    /// Event states of all topics.
    pub events: u64,
    /// Done marks and pending events.
    pub done: u64,
    /// The tasks the sender runs.
    pub tasks: u64,
    /// The sender has synced since its start, or gave up waiting for it.
    pub ready: bool,
}

/// Identifies an event state: hash over length-prefixed topic and event id.
pub type StateKey = u64;

/// The last state of an event id in a topic, as all members keep it. Of two states of one id the
/// greater holds: later deletion seen, later time, higher level, then the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicState {
    /// Topic.
    pub topic: Str,
    /// Event id.
    pub id: Str,
    /// The deletion of the topic that this state was born after; with a newer deletion it is void.
    pub born: Option<Stamp>,
    /// Event time.
    pub time: Time,
    /// Level.
    pub level: Level,
    /// Rendered message.
    pub message: Str,
    /// Rendered details.
    pub details: Str,
    /// Time since the alert began.
    pub duration: Duration,
}

/// What tells two states of one event id apart: the greater one holds. Of an OK state only the time counts.
/// Details do not: the default ones name the member that raised the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateMark {
    /// Event time.
    pub time: Time,
    /// Level.
    pub level: Level,
    /// Time since the alert began: who has known it for longer knows more.
    pub duration: Duration,
    /// Hash of the message.
    pub message: u64,
}

/// Keys of event states with the hash of what is stored under each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventKeys {
    /// Each state that is not OK, in order of key.
    pub keys: Vec<(StateKey, StateMark)>,
    /// The answerer's bucket digests, on the first page: what the caller has in those that still differ
    /// once it has merged, it pushes.
    pub buckets: Vec<u64>,
    /// The page was full: ask again for keys after this one.
    pub next: Option<StateKey>,
}

/// A task as its member tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Task {
    /// Id of the task.
    pub id: Str,
    /// Its windows have filled since it started.
    pub warm: bool,
    /// Topics of the handlers written in its script.
    pub inline_topics: Vec<Str>,
}
