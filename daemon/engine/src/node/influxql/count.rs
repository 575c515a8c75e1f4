//! `count`: how many points have the field, of any kind. An empty batch counts 0.

use model::{Kind as ValueKind, Value};

use super::{Function, Kind, Outcome, Reduce, Sample};

/// `|count('f')`
pub(crate) static KIND: Kind = super::kind("count", |args, _| Ok(super::define(&COUNT, args)));

static COUNT: Function = Function {
    name: "count",
    reducer: |_: ValueKind, _| Some(Box::new(Count(0))),
    empty: Some(Value::Int(0)),
};

struct Count(i64);

impl Reduce for Count {
    fn take(&mut self, _: Sample<'_>) {
        self.0 += 1;
    }

    fn result(&self) -> Option<Outcome> {
        Some(Outcome::Whole { value: Value::Int(self.0), epoch: true })
    }
}
