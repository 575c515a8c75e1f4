//! What was seen from outside: events raised, arrivals at the receiver, faults. Checkers read it.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Str;

/// An event as users see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName {
    /// Topic.
    pub topic: Str,
    /// Event id.
    pub id: Str,
    /// Event time, ns.
    pub at: i64,
    /// Which of the events that are alike in all else, counted from 0.
    pub occurrence: u32,
}

impl std::fmt::Display for EventName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.id, self.at)?;
        match self.occurrence {
            0 => Ok(()),
            occurrence => write!(f, "#{occurrence}"),
        }
    }
}

/// What became of an event.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// When and where it was raised first.
    pub raised: Option<(Duration, usize)>,
    /// When it was durable at a member of the cluster first: from then on it must not get lost.
    pub accepted: Option<(Duration, usize)>,
    /// Topic handlers that the accepting member had.
    pub handlers: Vec<Str>,
    /// Arrivals by handler: when, from which member.
    pub arrivals: BTreeMap<Str, Vec<(Duration, usize)>>,
    /// Refusals of the receiver by handler, after which it is not sent again: when, to which member.
    pub refusals: BTreeMap<Str, Vec<(Duration, usize)>>,
    /// The only disk that held it was lost.
    pub excused: bool,
    /// No task whose windows were full raised it, nor would: a false alert of one that was filling.
    pub is_false: bool,
}

impl Story {
    /// Whether it came to the receiver for a handler, taken or refused.
    pub fn is_settled(&self, handler: &Str) -> bool {
        [&self.arrivals, &self.refusals]
            .iter()
            .any(|map| map.get(handler).is_some_and(|came| !came.is_empty()))
    }

    /// For each handler when it came to the receiver, taken or refused, first first.
    pub fn settled(&self) -> BTreeMap<&Str, Vec<(Duration, usize)>> {
        let mut all: BTreeMap<&Str, Vec<(Duration, usize)>> = BTreeMap::new();
        for (handler, came) in self.arrivals.iter().chain(&self.refusals) {
            all.entry(handler).or_default().extend(came);
        }
        for came in all.values_mut() {
            came.sort_unstable();
        }
        all
    }
}

/// A fault, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: &'static str,
    /// When it began.
    pub from: Duration,
    /// When it was over; a kill is over when the member is up again.
    pub to: Option<Duration>,
    /// How many copies it excuses at most: sides of a partition less one, a crash, a timeout.
    pub copies: usize,
}

/// Everything seen.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Events.
    pub events: BTreeMap<EventName, Story>,
    /// Faults, in order of their beginning.
    pub faults: Vec<Fault>,
}

impl Ledger {
    /// The event's story, begun if need be.
    pub fn story(&mut self, name: &EventName) -> &mut Story {
        if !self.events.contains_key(name) {
            self.events.insert(name.clone(), Story::default());
        }
        self.events.get_mut(name).expect("inserted above")
    }

    /// A fault begins; its number.
    pub fn begin(&mut self, kind: &'static str, from: Duration, copies: usize) -> usize {
        self.faults.push(Fault { kind, from, to: None, copies });
        self.faults.len() - 1
    }

    /// A fault is over.
    pub fn end(&mut self, fault: usize, at: Duration) {
        if let Some(fault) = self.faults.get_mut(fault) {
            fault.to = Some(at);
        }
    }

    /// Copies that faults between two moments excuse.
    pub fn excused_copies(&self, from: Duration, to: Duration, grace: Duration) -> usize {
        self.faults
            .iter()
            .filter(|f| f.from <= to && f.to.is_none_or(|end| end + grace >= from))
            .map(|f| f.copies)
            .sum()
    }

    /// All copies of all events.
    pub fn copies(&self) -> usize {
        self.events.values().flat_map(|s| s.arrivals.values()).map(Vec::len).sum()
    }
}
