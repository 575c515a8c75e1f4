//! `mode`: the most frequent number.
//!
//! The values are walked in their order. A value takes over when its run so far is longer than the
//! champion's, or as long and begun no later than the champion's run ended.

use model::{Kind as ValueKind, Time, Value};

use super::{Function, Kind, Outcome, Reduce, Sample, total_order};

/// `|mode('f')`
pub(crate) static KIND: Kind = super::kind("mode", |args, _| Ok(super::define(&MODE, args)));

static MODE: Function = Function {
    name: "mode",
    reducer: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Mode(Vec::new()))),
        _ => None,
    },
    empty: None,
};

struct Mode(Vec<(Value, Time)>);

impl Reduce for Mode {
    fn take(&mut self, sample: Sample<'_>) {
        self.0.push((sample.value.clone(), sample.time));
    }

    fn result(&self) -> Option<Outcome> {
        let mut sorted: Vec<&(Value, Time)> = self.0.iter().collect();
        sorted.sort_by(|a, b| total_order(&a.0, &b.0));
        let (first, time) = *sorted.first()?;
        let (mut champion, mut best, mut ended) = (first, 0, *time);
        let (mut current, mut run, mut begun) = (first, 0, *time);
        for (value, time) in sorted {
            if value != current {
                (current, run, begun) = (value, 1, *time);
                continue;
            }
            run += 1;
            if run > best || (run == best && begun <= ended) {
                (champion, best, ended) = (value, run, *time);
            }
        }
        Some(Outcome::Whole { value: champion.clone(), epoch: false })
    }
}
