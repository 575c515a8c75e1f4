//! `top`: the points with the greatest numbers, best first; of equal ones the earlier first. `top(0)`
//! gives empty batches.
//!
//! Names after the field are tags and fields to keep; all tags are kept anyway.

use std::cmp::Ordering;

use model::{Kind as ValueKind, Tags, Time, Value};
use tick::{ArgType, Signature};

use super::{
    Args, Define, Definer, Edge, Function, Gives, Kind, Numbers, Outcome, Picked, Reduce, Sample,
    total_order,
};

/// `|top(3, 'f', 'tag', …)`
pub(crate) static KIND: Kind = kind("top", |args, _| Ok(define(&TOP, args)));

static TOP: Function = Function {
    name: "top",
    reducer: |kind, numbers| reducer(kind, numbers, |a, b| total_order(b, a)),
    empty: None,
};

/// The kind of `top` and `bottom`.
pub(super) const fn kind(name: &'static str, define: Definer) -> Kind {
    let signature = Signature::variadic(name, &[ArgType::Int, ArgType::String], ArgType::String);
    super::kind_of(signature, Gives::Always(Edge::Batch), define)
}

/// The definition of `top` or `bottom`.
pub(super) fn define(function: &'static Function, args: &Args<'_>) -> Box<dyn Define> {
    let count = usize::try_from(args.int(0)).unwrap_or(0);
    super::define_with(function, args.str(1), Numbers { count, ..Numbers::default() })
}

/// The first few points by an order of values.
pub(super) fn reducer(
    kind: ValueKind,
    numbers: &Numbers,
    order: fn(&Value, &Value) -> Ordering,
) -> Option<Box<dyn Reduce>> {
    match kind {
        ValueKind::Float | ValueKind::Int => {
            Some(Box::new(Foremost { count: numbers.count, order, points: Vec::new() }))
        }
        _ => None,
    }
}

struct Foremost {
    count: usize,
    order: fn(&Value, &Value) -> Ordering,
    /// At most `count`, in order.
    points: Vec<(Value, Time, Tags)>,
}

impl Reduce for Foremost {
    fn take(&mut self, sample: Sample<'_>) {
        let Self { count, order, points } = self;
        let place = points.partition_point(|(value, time, _)| {
            order(value, sample.value).then(time.cmp(&sample.time)) != Ordering::Greater
        });
        if place >= *count {
            return;
        }
        points.truncate(*count - 1);
        points.insert(place, (sample.value.clone(), sample.time, sample.tags.clone()));
    }

    fn result(&self) -> Option<Outcome> {
        let picked = |(value, time, tags): &(Value, Time, Tags)| Picked {
            value: value.clone(),
            time: *time,
            tags: Some(tags.clone()),
        };
        let points = self.points.iter().map(picked).collect();
        Some(Outcome::Many { points, own_times: false })
    }
}
