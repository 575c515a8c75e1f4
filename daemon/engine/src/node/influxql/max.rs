//! `max`: the point with the greatest number; of equal ones the earliest.

use std::cmp::Ordering;

use model::Kind as ValueKind;

use super::{Function, Kind, Outcome, Reduce, Sample, Selected, order};

/// `|max('f')`
pub(crate) static KIND: Kind = super::kind("max", |args, _| Ok(super::define(&MAX, args)));

static MAX: Function = Function {
    name: "max",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Max(None))),
        _ => None,
    },
    empty: None,
};

struct Max(Option<Selected>);

impl Reduce for Max {
    fn take(&mut self, sample: Sample<'_>) {
        let better =
            self.0.as_ref().is_none_or(|champion| match order(sample.value, &champion.value) {
                Some(Ordering::Greater) => true,
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
