//! `mean`: the arithmetic mean as a float. Ints are summed as ints, with wrap-around.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample};

/// `|mean('f')`
pub(crate) static KIND: Kind = super::kind("mean", |args, _| Ok(super::define(&MEAN, args)));

static MEAN: Function = Function {
    name: "mean",
    reducer: |kind, _| match kind {
        ValueKind::Float => Some(Box::new(Mean { sum: Value::Float(0.0), count: 0 })),
        ValueKind::Int => Some(Box::new(Mean { sum: Value::Int(0), count: 0 })),
        _ => None,
    },
    empty: None,
};

struct Mean {
    sum: Value,
    count: u64,
}

impl Reduce for Mean {
    fn take(&mut self, sample: Sample<'_>) {
        self.count += 1;
        match (&mut self.sum, sample.value) {
            (Value::Float(sum), Value::Float(more)) => *sum += more,
            (Value::Int(sum), Value::Int(more)) => *sum = sum.wrapping_add(*more),
            _ => {}
        }
    }

    fn result(&self) -> Option<Outcome> {
        let sum = self.sum.as_float().filter(|_| self.count > 0)?;
        Some(Outcome::Whole { value: Value::Float(sum / self.count as f64), epoch: false })
    }
}
