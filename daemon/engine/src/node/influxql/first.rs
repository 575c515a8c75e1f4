//! `first`: the earliest point; at equal time the one with the greater value.

use std::cmp::Ordering;

use model::Kind as ValueKind;

use super::{Function, Kind, Outcome, Reduce, Sample, Selected, order};

/// `|first('f')`
pub(crate) static KIND: Kind = super::kind("first", |args, _| Ok(super::define(&FIRST, args)));

static FIRST: Function = Function {
    name: "first",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int | ValueKind::Str | ValueKind::Bool => {
            Some(Box::new(First(None)))
        }
        ValueKind::Nil => None,
    },
    empty: None,
};

struct First(Option<Selected>);

impl Reduce for First {
    fn take(&mut self, sample: Sample<'_>) {
        let better = self.0.as_ref().is_none_or(|champion| {
            let greater = order(sample.value, &champion.value) == Some(Ordering::Greater);
            sample.time < champion.time || (sample.time == champion.time && greater)
        });
        if better {
            self.0 = Some(sample.select());
        }
    }

    fn result(&self) -> Option<Outcome> {
        self.0.clone().map(Outcome::Selected)
    }
}
