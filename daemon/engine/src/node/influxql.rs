//! Functions of InfluxQL as nodes: aggregates and selectors over a batch, or over the points of a
//! stream that share a time.
//!
//! The kind of the first point's field decides the reducer; points with another kind or without the
//! field are errors and skipped. Each function is one file below and implements [`Reduce`]; when and
//! how results leave is decided here.

pub(crate) mod count;
pub(crate) mod first;
pub(crate) mod last;
pub(crate) mod max;
pub(crate) mod mean;
pub(crate) mod min;
pub(crate) mod sum;

use std::fmt;

use model::{Batch, BatchPoint, Fields, Group, Kind as ValueKind, Point, Str, Tags, Time, Value};
use tick::{ArgType, Signature};

use super::{Args, Define, Definer, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// One value with what it came from.
#[derive(Clone, Copy)]
pub(crate) struct Sample<'a> {
    /// The field's value, of the reducer's kind.
    pub(crate) value: &'a Value,
    /// Time of its point.
    pub(crate) time: Time,
    /// All fields of its point.
    pub(crate) fields: &'a Fields,
    /// All tags of its point.
    pub(crate) tags: &'a Tags,
}

/// What a reducer found.
pub(crate) enum Outcome {
    /// A value of the whole; it has no time of its own. `epoch` tells what `usePointTimes` shows.
    Whole {
        /// The value.
        value: Value,
        /// With `usePointTimes`: 1970 instead of the batch's time, as recorded.
        epoch: bool,
    },
    /// One of the points.
    Selected(Selected),
}

/// A point that a selector chose.
#[derive(Clone)]
pub(crate) struct Selected {
    /// The field's value.
    pub(crate) value: Value,
    /// Time of the point.
    pub(crate) time: Time,
    /// All its fields.
    pub(crate) fields: Fields,
    /// All its tags.
    pub(crate) tags: Tags,
}

impl Sample<'_> {
    /// Keeps the sample.
    pub(crate) fn select(&self) -> Selected {
        Selected {
            value: self.value.clone(),
            time: self.time,
            fields: self.fields.clone(),
            tags: self.tags.clone(),
        }
    }
}

/// A function at work on one batch, or on the points of one time.
pub(crate) trait Reduce: Send {
    /// Takes a value; all values of one run are of one kind that the function supports.
    fn take(&mut self, sample: Sample<'_>);

    /// The result; `None` when there is none.
    fn result(&self) -> Option<Outcome>;
}

/// A function: for which kinds of values it exists.
pub(crate) struct Function {
    /// As written, `mean`; also the default name of the result.
    pub(crate) name: &'static str,
    /// A reducer for values of this kind, if it supports them.
    pub(crate) reducer: fn(ValueKind) -> Option<Box<dyn Reduce>>,
    /// What an empty batch gives.
    pub(crate) empty: Option<Value>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const PROPERTIES: &[&[Signature]] =
    &[&[Signature::field("as", ArgType::String), Signature::method("usePointTimes", &[])], QUIET];

/// The kind of an aggregate or selector with one argument, the field.
pub(crate) const fn kind(name: &'static str, define: Definer) -> Kind {
    Kind {
        signature: Signature::method(name, &[ArgType::String]),
        label: name,
        go_type: "InfluxQLNode",
        place: Place::Anywhere,
        wants: None,
        gives: Gives::Always(Edge::Stream),
        properties: PROPERTIES,
        define,
    }
}

/// The definition of a function on the field that the call names.
pub(crate) fn define(function: &'static Function, args: &Args<'_>) -> Box<dyn Define> {
    Box::new(Aggregate {
        function,
        field: args.str(0),
        name: function.name.into(),
        point_times: false,
    })
}

#[derive(Clone, Debug)]
struct Aggregate {
    function: &'static Function,
    field: Str,
    name: Str,
    point_times: bool,
}

impl Define for Aggregate {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.name = args.str(0),
            _ => self.point_times = true,
        }
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Aggregator {
            rule: self.clone(),
            nothing: "".into(),
            groups: Groups::default(),
        }))
    }
}

/// A reducer with the kind of value that chose it.
struct Reducing {
    kind: ValueKind,
    reducer: Box<dyn Reduce>,
}

/// Points of one time on a stream.
struct Moment {
    name: Str,
    time: Time,
    reducing: Option<Reducing>,
}

struct Aggregator {
    rule: Aggregate,
    nothing: Str,
    groups: Groups<Moment>,
}

impl Aggregate {
    /// Feeds a point to the reducer, which its first value creates.
    fn take(
        &self,
        reducing: &mut Option<Reducing>,
        (fields, tags, time): (&Fields, &Tags, Time),
    ) -> Result<(), String> {
        let field = &self.field;
        let Some(value) = fields.get(field) else {
            return Err(format!("field {field} missing from point cannot aggregate"));
        };
        let kind = value.kind();
        let reducing = match reducing {
            Some(reducing) if reducing.kind == kind => reducing,
            Some(reducing) => {
                let expected = reducing.kind;
                return Err(format!("field {field} has wrong type: got {kind} exp {expected}"));
            }
            None => {
                let Some(reducer) = (self.function.reducer)(kind) else {
                    let name = self.function.name;
                    return Err(format!("cannot apply {name} to {kind} field"));
                };
                reducing.insert(Reducing { kind, reducer })
            }
        };
        reducing.reducer.take(Sample { value, time, fields, tags });
        Ok(())
    }

    /// The point that a result becomes.
    fn point(
        &self,
        outcome: Outcome,
        (name, group, time): (&Str, &Group, Time),
        nothing: &Str,
    ) -> Point {
        let (fields, tags, time) = match outcome {
            Outcome::Whole { value, epoch } => {
                let time = if self.point_times && epoch { Time(0) } else { time };
                let fields = Fields::from_unsorted(vec![(self.name.clone(), value)]);
                (fields, group.tags().clone(), time)
            }
            Outcome::Selected(selected) => {
                let fields =
                    selected.fields.without(&self.field).with(self.name.clone(), selected.value);
                let time = if self.point_times { selected.time } else { time };
                (fields, selected.tags, time)
            }
        };
        Point {
            database: nothing.clone(),
            retention_policy: nothing.clone(),
            name: name.clone(),
            tags,
            fields,
            time,
        }
    }
}

impl Run for Aggregator {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let Point { name, fields, tags, time, .. } = &*point.point;
        let run = self.groups.entry(&point.group, || Moment {
            name: name.clone(),
            time: *time,
            reducing: None,
        });
        if run.time != *time {
            let outcome = run.reducing.take().and_then(|r| r.reducer.result());
            let before = std::mem::replace(&mut run.time, *time);
            let before_name = std::mem::replace(&mut run.name, name.clone());
            if let Some(outcome) = outcome {
                let place = (&before_name, &point.group, before);
                let result = self.rule.point(outcome, place, &self.nothing);
                out.point(&point.with(result));
            }
        }
        if let Err(error) = self.rule.take(&mut run.reducing, (fields, tags, *time)) {
            out.error(error);
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut reducing = None;
        for BatchPoint { fields, tags, time } in &*batch.points {
            if let Err(error) = self.rule.take(&mut reducing, (fields, tags, *time)) {
                out.error(error);
            }
        }
        let outcome = match reducing {
            Some(reducing) => reducing.reducer.result(),
            None => {
                let empty = self.rule.function.empty.clone();
                empty.map(|value| Outcome::Whole { value, epoch: true })
            }
        };
        if let Some(outcome) = outcome {
            let place = (&batch.name, &batch.group, batch.tmax);
            let point = self.rule.point(outcome, place, &self.nothing);
            out.point(&Grouped { point: point.into(), group: batch.group.clone() });
        }
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        self.groups.remove(group);
        out.delete_group(group);
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}

/// The order of two values of one kind; `None` for NaN and for different kinds.
pub(crate) fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
