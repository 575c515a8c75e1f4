//! `spread`: the greatest number minus the smallest.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample};

/// `|spread('f')`
pub(crate) static KIND: Kind = super::kind("spread", |args, _| Ok(super::define(&SPREAD, args)));

static SPREAD: Function = Function {
    name: "spread",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Spread(None))),
        _ => None,
    },
    empty: None,
};

/// The smallest and the greatest.
struct Spread(Option<(Value, Value)>);

impl Reduce for Spread {
    fn take(&mut self, sample: Sample<'_>) {
        let (low, high) =
            self.0.get_or_insert_with(|| (sample.value.clone(), sample.value.clone()));
        match (low, high, sample.value) {
            (Value::Float(low), Value::Float(high), Value::Float(value)) => {
                *low = low.min(*value);
                *high = high.max(*value);
            }
            (Value::Int(low), Value::Int(high), Value::Int(value)) => {
                *low = (*low).min(*value);
                *high = (*high).max(*value);
            }
            _ => {}
        }
    }

    fn result(&self) -> Option<Outcome> {
        let value = match self.0.as_ref()? {
            (Value::Float(low), Value::Float(high)) => Value::Float(high - low),
            (Value::Int(low), Value::Int(high)) => Value::Int(high.wrapping_sub(*low)),
            _ => return None,
        };
        Some(Outcome::Whole { value, epoch: false })
    }
}
