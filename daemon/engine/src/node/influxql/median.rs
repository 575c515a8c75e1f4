//! `median`: the middle value as a float, or the mean of the two middle ones.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample, total_order};

/// `|median('f')`
pub(crate) static KIND: Kind = super::kind("median", |args, _| Ok(super::define(&MEDIAN, args)));

static MEDIAN: Function = Function {
    name: "median",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Median(Vec::new()))),
        _ => None,
    },
    empty: None,
};

struct Median(Vec<Value>);

impl Reduce for Median {
    fn take(&mut self, sample: Sample<'_>) {
        self.0.push(sample.value.clone());
    }

    fn result(&self) -> Option<Outcome> {
        let mut values = self.0.clone();
        let is_even = values.len().is_multiple_of(2);
        let at = values.len().checked_sub(1)? / 2;
        let (_, low, above) = values.select_nth_unstable_by(at, total_order);
        let value = match (&*low, above.iter().min_by(|a, b| total_order(a, b))) {
            (Value::Float(low), Some(Value::Float(high))) if is_even => low + (high - low) / 2.0,
            (Value::Int(low), Some(Value::Int(high))) if is_even => {
                *low as f64 + high.wrapping_sub(*low) as f64 / 2.0
            }
            (low, _) => low.as_float()?,
        };
        Some(Outcome::Whole { value: Value::Float(value), epoch: false })
    }
}
