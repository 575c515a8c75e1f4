//! `sum`: of floats, or of ints with wrap-around. An empty batch sums up to the float 0.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample};

/// `|sum('f')`
pub(crate) static KIND: Kind = super::kind("sum", |args, _| Ok(super::define(&SUM, args)));

static SUM: Function = Function {
    name: "sum",
    reducer: |kind, _| match kind {
        ValueKind::Float => Some(Box::new(Sum(Value::Float(0.0)))),
        ValueKind::Int => Some(Box::new(Sum(Value::Int(0)))),
        _ => None,
    },
    empty: Some(Value::Float(0.0)),
};

struct Sum(Value);

impl Reduce for Sum {
    fn take(&mut self, sample: Sample<'_>) {
        match (&mut self.0, sample.value) {
            (Value::Float(sum), Value::Float(more)) => *sum += more,
            (Value::Int(sum), Value::Int(more)) => *sum = sum.wrapping_add(*more),
            _ => {}
        }
    }

    fn result(&self) -> Option<Outcome> {
        Some(Outcome::Whole { value: self.0.clone(), epoch: true })
    }
}
