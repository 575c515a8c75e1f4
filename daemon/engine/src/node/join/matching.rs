//! `join.on`: data grouped by more tags (*specific*) meets data grouped by exactly the `on` tags
//! (*matched*).
//!
//! Specific data waits until matched data of the same time comes, or all inputs have moved past that
//! time (the *low mark*). Matched data stays until the low mark has passed and serves every specific
//! group. What met goes through the normal join of the specific group.

use std::collections::BTreeMap;

use model::{Batch, Group, Str, Time};

use super::MAX_HELD;
use crate::graph::{Grouped, Message};
use crate::group::{By, Grouper, Groups};

/// A message for the join of a group.
#[derive(Clone)]
pub(super) struct Collected {
    /// Its time, rounded.
    pub(super) time: Time,
    pub(super) input: usize,
    pub(super) group: Group,
    pub(super) message: Message,
    pub(super) cold: bool,
}

/// Groups by the `on` tags.
pub(super) struct Matching {
    grouper: Grouper,
    tags: usize,
    inputs: usize,
    nothing: Str,
    groups: Groups<Meeting>,
    held: usize,
}

/// What waits in one group of the `on` tags.
struct Meeting {
    /// By input: the newest time.
    marks: Vec<Option<Time>>,
    specific: BTreeMap<Time, Vec<Waiting>>,
    matched: BTreeMap<Time, Vec<Collected>>,
}

/// Specific data, and whether it has already gone to its join.
struct Waiting {
    collected: Collected,
    is_sent: bool,
}

impl Meeting {
    /// The smallest newest time, once every input has one.
    fn low_mark(&self) -> Option<Time> {
        self.marks.iter().copied().min().flatten()
    }

    /// Forgets what is older than `mark`; what met nothing goes alone. Gives how much was forgotten.
    fn pass(&mut self, mark: Time, out: &mut Vec<Collected>) -> usize {
        let later = self.specific.split_off(&mark);
        let mut count = 0;
        for waiting in std::mem::replace(&mut self.specific, later).into_values().flatten() {
            count += 1;
            if !waiting.is_sent {
                out.push(waiting.collected);
            }
        }
        let later = self.matched.split_off(&mark);
        let passed = std::mem::replace(&mut self.matched, later);
        count + passed.values().map(Vec::len).sum::<usize>()
    }
}

/// The message in another group.
fn moved(collected: &Collected, group: &Group) -> Collected {
    let message = match &collected.message {
        Message::Point(point) => {
            Message::Point(Grouped { point: point.point.clone(), group: group.clone() })
        }
        Message::Batch(batch) => Message::Batch(Batch { group: group.clone(), ..batch.clone() }),
        other => other.clone(),
    };
    Collected { group: group.clone(), message, ..collected.clone() }
}

impl Matching {
    pub(super) fn new(on: &[Str], inputs: usize) -> Self {
        let mut names = on.to_vec();
        names.sort();
        names.dedup();
        let tags = names.len();
        let grouper = Grouper::new(By::Tags(names));
        Self { grouper, tags, inputs, nothing: "".into(), groups: Groups::default(), held: 0 }
    }

    fn on(&mut self, group: &Group) -> Group {
        self.grouper.group_of(false, &self.nothing, group.tags())
    }

    fn meeting<'g>(groups: &'g mut Groups<Meeting>, on: &Group, inputs: usize) -> &'g mut Meeting {
        groups.entry(on, || Meeting {
            marks: vec![None; inputs],
            specific: BTreeMap::new(),
            matched: BTreeMap::new(),
        })
    }

    /// Takes a message; gives what goes to the joins of groups, in order.
    pub(super) fn take(&mut self, collected: Collected) -> Vec<Collected> {
        let Collected { time, input, ref group, .. } = collected;
        let is_specific = group.dimensions().tags.len() > self.tags;
        let mut out = self.advance(group, input, time);
        let on = self.on(group);
        let inputs = self.inputs;
        let meeting = Self::meeting(&mut self.groups, &on, inputs);
        let passed = meeting.low_mark().is_some_and(|mark| time < mark);
        if is_specific {
            let group = group.clone();
            let mut is_sent = false;
            for matched in meeting.matched.get(&time).into_iter().flatten() {
                if !std::mem::replace(&mut is_sent, true) {
                    out.push(collected.clone());
                }
                out.push(moved(matched, &group));
            }
            if passed && !is_sent {
                out.push(collected);
            } else if !passed && (!is_sent || inputs > 2) {
                meeting.specific.entry(time).or_default().push(Waiting { collected, is_sent });
                self.held += 1;
            }
            return out;
        }
        let waiting = meeting.specific.get_mut(&time);
        for waiting in waiting.into_iter().flatten() {
            if !std::mem::replace(&mut waiting.is_sent, true) {
                out.push(waiting.collected.clone());
            }
            out.push(moved(&collected, &waiting.collected.group));
        }
        if inputs == 2
            && let Some(met) = meeting.specific.remove(&time)
        {
            self.held -= met.len();
        }
        if !passed {
            meeting.matched.entry(time).or_default().push(collected);
            self.held += 1;
        }
        out
    }

    /// An input of a group has moved to `time`; gives what need not wait any more.
    pub(super) fn advance(&mut self, group: &Group, input: usize, time: Time) -> Vec<Collected> {
        let on = self.on(group);
        let full = self.held > MAX_HELD;
        let meeting = Self::meeting(&mut self.groups, &on, self.inputs);
        if let Some(mark) = meeting.marks.get_mut(input) {
            *mark = (*mark).max(Some(time));
        }
        let mut out = Vec::new();
        let mark = if full { Some(Time(i64::MAX)) } else { meeting.low_mark() };
        if let Some(mark) = mark {
            self.held -= meeting.pass(mark, &mut out);
        }
        out
    }

    /// Forgets a group; `all`: also how far the inputs of all groups are.
    pub(super) fn delete(&mut self, group: &Group, all: bool) {
        let on = self.on(group);
        if on == *group {
            if let Some(mut meeting) = self.groups.remove(&on) {
                self.held -= meeting.pass(Time(i64::MAX), &mut Vec::new());
            }
        } else if let Some(meeting) = self.groups.get_mut(&on) {
            for waiting in meeting.specific.values_mut() {
                let before = waiting.len();
                waiting.retain(|w| w.collected.group != *group);
                self.held -= before - waiting.len();
            }
            meeting.specific.retain(|_, waiting| !waiting.is_empty());
        }
        if all {
            for (_, meeting) in self.groups.iter_mut() {
                meeting.marks.fill(None);
            }
        }
    }

    /// Gives everything that met nothing.
    pub(super) fn finish(&mut self) -> Vec<Collected> {
        let mut out = Vec::new();
        for (_, mut meeting) in self.groups.take() {
            meeting.pass(Time(i64::MAX), &mut out);
        }
        self.held = 0;
        out
    }
}
