//! `stddev`: the standard deviation of a sample; of one point 0.
//!
//! The original's 1.8 gives NaN for one point, which no receiver can be told; its 1.5 gave 0.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample};

/// `|stddev('f')`
pub(crate) static KIND: Kind = super::kind("stddev", |args, _| Ok(super::define(&STDDEV, args)));

static STDDEV: Function = Function {
    name: "stddev",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Deviation::default())),
        _ => None,
    },
    empty: None,
};

/// Running mean and sum of squared distances from it (Welford).
#[derive(Default)]
struct Deviation {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Reduce for Deviation {
    fn take(&mut self, sample: Sample<'_>) {
        let Some(value) = sample.value.as_float() else { return };
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    fn result(&self) -> Option<Outcome> {
        let value = match self.count {
            0 => return None,
            1 => 0.0,
            n => (self.squares / (n - 1) as f64).sqrt(),
        };
        Some(Outcome::Whole { value: Value::Float(value), epoch: false })
    }
}
