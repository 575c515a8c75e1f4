//! `union`: one stream of several, merged by time.
//!
//! A message leaves when every input has brought something and none can bring anything older: its
//! time is at most the time of the next message of each input, or of the last one seen where none
//! waits. So a silent input holds the others back, up to a limit. Of equal times the arguments of the
//! call come first, then the node before the `|`. Late points leave at once.

use std::collections::VecDeque;

use model::{Batch, Dimensions, Group, Point, Str, Time};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Message, Out};

/// Messages a union holds back for a silent input; beyond it the oldest leaves, counted as an error.
const MAX_HELD: usize = 1_000_000;

/// `|union(node, …)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("union", &[], ArgType::Node),
    label: "union",
    go_type: "UnionNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[&[Signature::field("rename", ArgType::String)], QUIET],
    define: |args, _| Ok(Box::new(Union { inputs: args.len() + 1, rename: "".into() })),
};

#[derive(Clone, Debug)]
struct Union {
    inputs: usize,
    /// New name of all data; empty keeps the names.
    rename: Str,
}

impl Define for Union {
    fn set(&mut self, _: Option<usize>, _: &str, args: &Args<'_>) -> Result<Returned, String> {
        self.rename = args.str(0);
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let inputs = (0..self.inputs).map(|_| Input::default()).collect();
        Ok(Box::new(Merger { rename: self.rename.clone(), inputs, held: 0 }))
    }
}

/// What an input has brought.
#[derive(Default)]
struct Input {
    /// Messages that wait, with their times and whether they are cold.
    waiting: VecDeque<(Time, Message, bool)>,
    /// Time of the next message, or of the last one that was the next.
    mark: Option<Time>,
}

struct Merger {
    rename: Str,
    inputs: Vec<Input>,
    held: usize,
}

impl Merger {
    fn take(&mut self, time: Time, message: Message, out: &mut Out<'_, '_>) {
        let cold = out.is_cold();
        let Some(input) = self.inputs.get_mut(out.input()) else { return };
        input.waiting.push_back((time, message, cold));
        self.held += 1;
        while let Some(mark) = self.mark(false) {
            if self.emit(mark, out) == 0 || self.held == 0 {
                break;
            }
        }
        if self.held > MAX_HELD
            && let Some(mark) = self.mark(true)
        {
            out.error(format_args!("an input is silent: held back {MAX_HELD} messages of others"));
            self.emit(mark, out);
        }
    }

    /// Up to which time messages may leave. `anyway`: inputs where none waits do not count.
    fn mark(&mut self, anyway: bool) -> Option<Time> {
        let mut least: Option<Time> = None;
        for input in &mut self.inputs {
            match input.waiting.front() {
                Some((time, ..)) => input.mark = Some(*time),
                None if anyway => continue,
                None => {}
            }
            let mark = input.mark?;
            least = Some(least.map_or(mark, |least| least.min(mark)));
        }
        least
    }

    /// Lets go what is not after `mark`; gives how many messages that was.
    fn emit(&mut self, mark: Time, out: &mut Out<'_, '_>) -> usize {
        let before = self.held;
        let order = (1..self.inputs.len()).chain([0]);
        for at in order {
            while let Some((time, ..)) = self.inputs[at].waiting.front()
                && *time <= mark
                && let Some((_, message, cold)) = self.inputs[at].waiting.pop_front()
            {
                self.held -= 1;
                out.held(&message, cold);
            }
        }
        before - self.held
    }

    /// The group of renamed data.
    fn group(&self, group: &Group) -> Group {
        if group.name().is_none() || self.rename.is_empty() {
            return group.clone();
        }
        let Dimensions { by_name, tags } = group.dimensions().clone();
        Group::of(&Dimensions { by_name, tags }, &self.rename, group.tags())
    }
}

impl Run for Merger {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let time = point.point.time;
        let point = if self.rename.is_empty() {
            point.clone()
        } else {
            let renamed = Point { name: self.rename.clone(), ..(*point.point).clone() };
            Grouped { point: renamed.into(), group: self.group(&point.group) }
        };
        self.take(time, Message::Point(point), out);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut batch = batch.clone();
        if !self.rename.is_empty() {
            batch.group = self.group(&batch.group);
            batch.name = self.rename.clone();
        }
        self.take(batch.tmax, Message::Batch(batch), out);
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        let group = self.group(group);
        self.take(time, Message::Barrier(group, time), out);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        let group = self.group(group);
        out.delete_group(&group);
    }

    fn finish(&mut self, out: &mut Out<'_, '_>) {
        while let Some(mark) = self.mark(true) {
            self.emit(mark, out);
        }
    }
}
