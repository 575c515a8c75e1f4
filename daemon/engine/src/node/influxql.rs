//! Functions of InfluxQL as nodes: aggregates and selectors over a batch, or over the points of a
//! stream that share a time.
//!
//! The kind of the first point's field decides the reducer; points with another kind or without the
//! field are errors and skipped. Each function is one file below and implements [`Reduce`]; when and
//! how results leave is decided here. Functions that give a value per point are in `running.rs`.

pub(crate) mod bottom;
pub(crate) mod count;
pub(crate) mod cumulative_sum;
pub(crate) mod difference;
pub(crate) mod distinct;
pub(crate) mod elapsed;
pub(crate) mod first;
pub(crate) mod holt_winters;
pub(crate) mod last;
pub(crate) mod max;
pub(crate) mod mean;
pub(crate) mod median;
pub(crate) mod min;
pub(crate) mod mode;
pub(crate) mod moving_average;
pub(crate) mod percentile;
mod running;
mod simplex;
pub(crate) mod spread;
pub(crate) mod stddev;
pub(crate) mod sum;
pub(crate) mod top;

use std::fmt;

use model::{
    Batch, BatchPoint, Duration, Fields, Group, Kind as ValueKind, Point, Str, Tags, Time, Value,
};
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
    /// Several points, which leave as a batch.
    Many {
        /// The result field, named as the node says, and the tags of each.
        points: Vec<Picked>,
        /// They have times of their own, whatever `usePointTimes` says.
        own_times: bool,
    },
}

/// One of several results.
pub(crate) struct Picked {
    /// The value.
    pub(crate) value: Value,
    /// Time of the point it is from, or is for.
    pub(crate) time: Time,
    /// All tags of the point it is from; `None`: the group's.
    pub(crate) tags: Option<Tags>,
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
    pub(crate) reducer: fn(ValueKind, &Numbers) -> Option<Box<dyn Reduce>>,
    /// What an empty batch gives.
    pub(crate) empty: Option<Value>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The numbers a call names beside the field: `3` of `top(3, 'v')`, `99.0` of `percentile`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    /// `top`, `bottom`, the horizon of `holtWinters`, the length of `movingAverage`.
    pub(crate) count: usize,
    /// Points of a season of `holtWinters`.
    pub(crate) season: usize,
    /// The share of `percentile`, 0 to 100.
    pub(crate) percent: f64,
    /// The unit of `elapsed`, the interval of `holtWinters`.
    pub(crate) unit: Duration,
}

/// The properties of all these functions.
pub(crate) const PROPERTIES: &[&[Signature]] =
    &[&[Signature::field("as", ArgType::String), Signature::method("usePointTimes", &[])], QUIET];

/// The kind of an aggregate or selector with one argument, the field.
pub(crate) const fn kind(name: &'static str, define: Definer) -> Kind {
    kind_of(Signature::method(name, &[ArgType::String]), Gives::Always(Edge::Stream), define)
}

/// The kind of a function.
pub(crate) const fn kind_of(signature: Signature, gives: Gives, define: Definer) -> Kind {
    Kind {
        signature,
        label: signature.name,
        go_type: "InfluxQLNode",
        place: Place::Anywhere,
        wants: None,
        gives,
        properties: PROPERTIES,
        define,
    }
}

/// The definition of a function on the field that the call names.
pub(crate) fn define(function: &'static Function, args: &Args<'_>) -> Box<dyn Define> {
    define_with(function, args.str(0), Numbers::default())
}

/// The definition of a function on `field` with numbers.
pub(crate) fn define_with(
    function: &'static Function,
    field: Str,
    numbers: Numbers,
) -> Box<dyn Define> {
    Box::new(Aggregate { function, field, numbers, name: function.name.into(), point_times: false })
}

#[derive(Clone, Debug)]
struct Aggregate {
    function: &'static Function,
    field: Str,
    numbers: Numbers,
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
                let Some(reducer) = (self.function.reducer)(kind, &self.numbers) else {
                    let name = self.function.name;
                    return Err(format!("cannot apply {name} to {kind} field"));
                };
                reducing.insert(Reducing { kind, reducer })
            }
        };
        reducing.reducer.take(Sample { value, time, fields, tags });
        Ok(())
    }

    /// Sends what a result becomes: a point, or a batch of points.
    fn emit(
        &self,
        outcome: Outcome,
        (name, group, time): (&Str, &Group, Time),
        nothing: &Str,
        out: &mut Out<'_, '_>,
    ) {
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
            Outcome::Many { points, own_times } => {
                let own_times = own_times || self.point_times;
                return out.batch(&self.batch(points, own_times, (name, group, time)));
            }
        };
        let point = Point {
            database: nothing.clone(),
            retention_policy: nothing.clone(),
            name: name.clone(),
            tags,
            fields,
            time,
        };
        out.point(&Grouped { point: point.into(), group: group.clone() });
    }

    fn batch(
        &self,
        points: Vec<Picked>,
        own_times: bool,
        (name, group, time): (&Str, &Group, Time),
    ) -> Batch {
        let points: Vec<BatchPoint> = points
            .into_iter()
            .map(|picked| BatchPoint {
                fields: Fields::from_unsorted(vec![(self.name.clone(), picked.value)]),
                tags: picked.tags.unwrap_or_else(|| group.tags().clone()),
                time: if own_times { picked.time } else { time },
            })
            .collect();
        let tmax = points.iter().map(|p| p.time).fold(time, Time::max);
        Batch { name: name.clone(), group: group.clone(), tmax, points: points.into() }
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
                self.rule.emit(outcome, place, &self.nothing, out);
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
            self.rule.emit(outcome, place, &self.nothing, out);
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

/// A total order of numbers of one kind, NaN last.
pub(crate) fn total_order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) if a == b => std::cmp::Ordering::Equal,
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        _ => order(a, b).unwrap_or(std::cmp::Ordering::Equal),
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
