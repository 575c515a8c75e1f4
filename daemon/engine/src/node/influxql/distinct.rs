//! `distinct`: one point per value, in the order of the times at which the values came first.

use model::{Kind as ValueKind, Str, Value};
use rustc_hash::FxHashSet;
use tick::{ArgType, Signature};

use super::{Edge, Function, Gives, Kind, Outcome, Picked, Reduce, Sample, total_order};

/// `|distinct('f')`
pub(crate) static KIND: Kind = super::kind_of(
    Signature::method("distinct", &[ArgType::String]),
    Gives::Always(Edge::Batch),
    |args, _| Ok(super::define(&DISTINCT, args)),
);

static DISTINCT: Function = Function {
    name: "distinct",
    reducer: |kind, _| match kind {
        ValueKind::Nil => None,
        _ => Some(Box::new(Distinct::default())),
    },
    empty: None,
};

/// A value as a key of a set.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Number(u64),
    Text(Str),
}

impl Key {
    fn of(value: &Value) -> Self {
        match value {
            // Both zeros are one value.
            Value::Float(f) => Self::Number((f + 0.0).to_bits()),
            Value::Int(i) => Self::Number(*i as u64),
            Value::Bool(b) => Self::Number(u64::from(*b)),
            Value::Str(text) => Self::Text(text.clone()),
            Value::Nil => Self::Number(0),
        }
    }
}

#[derive(Default)]
struct Distinct {
    seen: FxHashSet<Key>,
    points: Vec<(Value, model::Time)>,
}

impl Reduce for Distinct {
    fn take(&mut self, sample: Sample<'_>) {
        if self.seen.insert(Key::of(sample.value)) {
            self.points.push((sample.value.clone(), sample.time));
        }
    }

    fn result(&self) -> Option<Outcome> {
        let mut points = self.points.clone();
        points.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| total_order(&a.0, &b.0)));
        let picked = |(value, time)| Picked { value, time, tags: None };
        Some(Outcome::Many { points: points.into_iter().map(picked).collect(), own_times: false })
    }
}
