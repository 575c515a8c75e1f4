//! `min`: the point with the smallest number; of equal ones the earliest.

use std::cmp::Ordering;

use model::Kind as ValueKind;

use super::{Function, Kind, Outcome, Reduce, Sample, Selected, order};

/// `|min('f')`
pub(crate) static KIND: Kind = super::kind("min", |args, _| Ok(super::define(&MIN, args)));

static MIN: Function = Function {
    name: "min",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Min(None))),
        _ => None,
    },
    empty: None,
};

struct Min(Option<Selected>);

impl Reduce for Min {
    fn take(&mut self, sample: Sample<'_>) {
        let better =
            self.0.as_ref().is_none_or(|champion| match order(sample.value, &champion.value) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => sample.time < champion.time,
                _ => false,
            });
        if better {
            self.0 = Some(sample.select());
        }
    }

    fn result(&self) -> Option<Outcome> {
        self.0.clone().map(Outcome::Selected)
    }
}
