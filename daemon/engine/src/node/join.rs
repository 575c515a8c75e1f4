//! `join`: puts data of several inputs at the same time side by side, one point of all their fields.
//!
//! Per group, messages of equal (rounded) time form *sets* with one place for each input. A set
//! leaves when it is complete, or as it is when every input has moved past its time: what is missing
//! is then filled, or the set dropped. So a silent input holds the others back, up to a limit. With
//! `on`, inputs grouped by more tags meet those grouped by exactly those tags.

mod matching;
mod weave;

use std::collections::{BTreeMap, VecDeque};

use model::{Batch, Duration, Group, Str, Time, Value};
use smallvec::SmallVec;
use tick::{ArgType, Signature, Value as Argument};

use self::matching::{Collected, Matching};
use self::weave::Weaver;
use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start, prefixes};
use crate::graph::{Grouped, Message, Out};
use crate::group::Groups;

/// Messages a join holds back for a silent input; beyond it the oldest sets of the group that grows
/// leave as they are, counted as an error.
const MAX_HELD: usize = 1_000_000;

/// `|join(node, …)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("join", &[], ArgType::Node),
    label: "join",
    go_type: "JoinNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::variadic("as", &[], ArgType::String),
            Signature::variadic("on", &[], ArgType::String),
            Signature::field("delimiter", ArgType::String),
            Signature::field("streamName", ArgType::String),
            Signature::field("tolerance", ArgType::Duration),
            Signature::field("fill", ArgType::Any),
            Signature::field("deleteAll", ArgType::Bool),
        ],
        QUIET,
    ],
    define: |args, _| {
        Ok(Box::new(Join {
            inputs: args.len() + 1,
            names: Vec::new(),
            on: Vec::new(),
            delimiter: ".".into(),
            stream_name: "".into(),
            tolerance: Duration::default(),
            fill: None,
            delete_all: false,
        }))
    },
};

#[derive(Clone, Debug)]
struct Join {
    inputs: usize,
    names: Vec<Str>,
    on: Vec<Str>,
    delimiter: Str,
    /// Name of the result; empty: that of the first input present.
    stream_name: Str,
    tolerance: Duration,
    fill: Option<Argument>,
    delete_all: bool,
}

impl Define for Join {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.names = args.strs(0),
            "on" => self.on = args.strs(0),
            "delimiter" => self.delimiter = args.str(0),
            "streamName" => self.stream_name = args.str(0),
            "tolerance" => self.tolerance = args.duration(0),
            "fill" => self.fill = args.all().first().cloned(),
            _ => self.delete_all = matches!(args.all(), [Argument::Bool(true)]),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        prefixes::check("join", &self.names, self.inputs, &self.delimiter)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let fill = match &self.fill {
            Some(Argument::String(word)) => match &**word {
                "none" => None,
                "null" => Some(Value::Nil),
                other => return Err(format!("unexpected fill option {other}")),
            },
            Some(Argument::Int(number)) => Some(Value::Int(*number)),
            Some(Argument::Float(number)) => Some(Value::Float(*number)),
            _ => None,
        };
        let prefixes = self.names.iter().map(|name| format!("{name}{}", self.delimiter)).collect();
        Ok(Box::new(Joiner {
            inputs: self.inputs,
            tolerance: self.tolerance,
            delete_all: self.delete_all,
            weaver: Weaver::new(prefixes, fill, self.stream_name.clone(), self.tolerance),
            matching: (!self.on.is_empty()).then(|| Matching::new(&self.on, self.inputs)),
            groups: Groups::default(),
            held: 0,
        }))
    }
}

/// Messages that belong together, by input.
pub(crate) struct Set {
    slots: SmallVec<[Option<Message>; 2]>,
    /// One of them is cold.
    cold: bool,
}

/// The sets of one time.
struct Moment {
    sets: VecDeque<Set>,
    /// By input: how many sets, from the front, have its message.
    filled: SmallVec<[usize; 2]>,
}

/// The sets of one group.
struct Pending {
    moments: BTreeMap<Time, Moment>,
    /// By input: the newest time.
    heads: SmallVec<[Option<Time>; 2]>,
}

impl Pending {
    fn new(inputs: usize) -> Self {
        Self { moments: BTreeMap::new(), heads: SmallVec::from_elem(None, inputs) }
    }

    fn insert(&mut self, time: Time, input: usize, message: Message, cold: bool) {
        let inputs = self.heads.len();
        let moment = self.moments.entry(time).or_insert_with(|| Moment {
            sets: VecDeque::new(),
            filled: SmallVec::from_elem(0, inputs),
        });
        let at = moment.filled[input];
        moment.filled[input] += 1;
        if at == moment.sets.len() {
            let slots = (0..inputs).map(|_| None).collect();
            moment.sets.push_back(Set { slots, cold: false });
        }
        let set = &mut moment.sets[at];
        set.slots[input] = Some(message);
        set.cold |= cold;
        self.advance(input, time);
    }

    fn advance(&mut self, input: usize, time: Time) {
        self.heads[input] = self.heads[input].max(Some(time));
    }

    /// The next set that may leave: of the oldest time a complete one, or any when every input has
    /// moved past that time. The second says whether a later time may follow.
    fn next(&mut self, anyway: bool) -> Option<(Time, Set, bool)> {
        let mut oldest = self.moments.first_entry()?;
        let time = *oldest.key();
        let passed = anyway || self.heads.iter().all(|head| *head > Some(time));
        let moment = oldest.get_mut();
        let is_complete = |set: &Set| set.slots.iter().all(Option::is_some);
        if !passed && !moment.sets.front().is_some_and(is_complete) {
            return None;
        }
        let set = moment.sets.pop_front()?;
        for filled in &mut moment.filled {
            *filled = filled.saturating_sub(1);
        }
        let goes_on = passed || !moment.sets.is_empty();
        if moment.sets.is_empty() {
            oldest.remove();
        }
        Some((time, set, goes_on))
    }
}

struct Joiner {
    inputs: usize,
    tolerance: Duration,
    delete_all: bool,
    weaver: Weaver,
    matching: Option<Matching>,
    groups: Groups<Pending>,
    held: usize,
}

/// Messages in a set.
fn weight(set: &Set) -> usize {
    set.slots.iter().flatten().count()
}

impl Joiner {
    fn take(&mut self, group: &Group, time: Time, message: Message, out: &mut Out<'_, '_>) {
        let (input, cold) = (out.input(), out.is_cold());
        let time = time.round(self.tolerance);
        let collected = Collected { time, input, group: group.clone(), message, cold };
        match &mut self.matching {
            None => self.collect(collected, out),
            Some(matching) => {
                for collected in matching.take(collected) {
                    self.collect(collected, out);
                }
            }
        }
    }

    fn collect(&mut self, collected: Collected, out: &mut Out<'_, '_>) {
        let Collected { time, input, group, message, cold } = collected;
        let inputs = self.inputs;
        if input >= inputs {
            return;
        }
        self.groups.entry(&group, || Pending::new(inputs)).insert(time, input, message, cold);
        self.held += 1;
        self.release(&group, out);
    }

    /// Lets go what may leave of a group.
    fn release(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        let Some(pending) = self.groups.get_mut(group) else { return };
        let anyway = self.held > MAX_HELD;
        if anyway {
            out.error(format_args!("an input is silent: held back {MAX_HELD} messages of others"));
        }
        while let Some((time, set, goes_on)) = pending.next(anyway) {
            self.held -= weight(&set);
            if let Some(message) = self.weaver.weave(&set, time, group) {
                out.held(&message, set.cold);
            }
            if !goes_on {
                break;
            }
        }
    }
}

impl Run for Joiner {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        self.take(&point.group, point.point.time, Message::Point(point.clone()), out);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        self.take(&batch.group, batch.tmax, Message::Batch(batch.clone()), out);
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        let input = out.input();
        let key = time.round(self.tolerance);
        if let Some(matching) = &mut self.matching {
            for collected in matching.advance(group, input, key) {
                self.collect(collected, out);
            }
        }
        let inputs = self.inputs;
        if input < inputs {
            self.groups.entry(group, || Pending::new(inputs)).advance(input, key);
            self.release(group, out);
        }
        out.barrier(group, time);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if let Some(pending) = self.groups.remove(group) {
            let sets = pending.moments.values().flat_map(|moment| &moment.sets);
            self.held -= sets.map(weight).sum::<usize>();
        }
        if let Some(matching) = &mut self.matching {
            matching.delete(group, self.delete_all);
        }
        out.delete_group(group);
    }

    fn finish(&mut self, out: &mut Out<'_, '_>) {
        for collected in self.matching.as_mut().map(Matching::finish).unwrap_or_default() {
            self.collect(collected, out);
        }
        let mut rest = Vec::new();
        for (group, mut pending) in self.groups.take() {
            while let Some((time, set, _)) = pending.next(true) {
                rest.push((time, group.clone(), set));
            }
        }
        rest.sort_by_key(|(time, ..)| *time);
        for (time, group, set) in rest {
            if let Some(message) = self.weaver.weave(&set, time, &group) {
                out.held(&message, set.cold);
            }
        }
        self.held = 0;
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}
