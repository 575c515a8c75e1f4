//! `percentile`: the point whose value has the rank `floor(n·p/100 + 0.5)`; nothing when no point
//! has that rank.

use model::Kind as ValueKind;
use tick::{ArgType, Signature};

use super::{Edge, Function, Gives, Kind, Numbers, Outcome, Reduce, Sample, Selected, total_order};

/// `|percentile('f', 99.0)`
pub(crate) static KIND: Kind = super::kind_of(
    Signature::method("percentile", &[ArgType::String, ArgType::Float]),
    Gives::Always(Edge::Stream),
    |args, _| {
        let numbers = Numbers { percent: args.float(1), ..Numbers::default() };
        Ok(super::define_with(&PERCENTILE, args.str(0), numbers))
    },
);

static PERCENTILE: Function = Function {
    name: "percentile",
    reducer: |kind, numbers| match kind {
        ValueKind::Float | ValueKind::Int => {
            Some(Box::new(Percentile { percent: numbers.percent, points: Vec::new() }))
        }
        _ => None,
    },
    empty: None,
};

struct Percentile {
    percent: f64,
    points: Vec<Selected>,
}

impl Reduce for Percentile {
    fn take(&mut self, sample: Sample<'_>) {
        self.points.push(sample.select());
    }

    fn result(&self) -> Option<Outcome> {
        let rank = (self.points.len() as f64 * self.percent / 100.0 + 0.5).floor();
        if !(rank >= 1.0 && rank <= self.points.len() as f64) {
            return None;
        }
        let mut sorted: Vec<&Selected> = self.points.iter().collect();
        sorted.sort_by(|a, b| total_order(&a.value, &b.value));
        sorted.get(rank as usize - 1).map(|point| Outcome::Selected((*point).clone()))
    }
}
