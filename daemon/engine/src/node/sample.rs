//! `sample`: keeps every so many points of a group, from the first on, or the points whose time is a
//! multiple of a duration. Counting starts anew with each batch.

use model::{Batch, Duration, Group, Time};
use tick::{ArgType, Signature, Value};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// `|sample(3)`, `|sample(10s)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("sample", &[ArgType::Any]),
    label: "sample",
    go_type: "SampleNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |args, _| match args.all() {
        [Value::Int(every)] => Ok(Box::new(Rate::Points(*every))),
        [Value::Duration(unit)] => Ok(Box::new(Rate::Times(*unit))),
        _ => Err("must pass int64 or duration to new sample node".to_owned()),
    },
};

#[derive(Clone, Copy, Debug)]
enum Rate {
    /// One of so many points.
    Points(i64),
    /// Points on the multiples of this.
    Times(Duration),
}

impl Define for Rate {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        if matches!(self, Self::Points(..=0) | Self::Times(Duration(..=0))) {
            return Err("invalid sample rate: must be positive integer or duration".to_owned());
        }
        Ok(Box::new(Sampler { rate: *self, groups: Groups::default() }))
    }
}

impl Rate {
    /// Whether a point stays that came after `before` others.
    fn keeps(self, before: &mut i64, time: Time) -> bool {
        match self {
            Self::Points(every) => {
                let keeps = *before == 0;
                *before = (*before + 1) % every;
                keeps
            }
            Self::Times(unit) => time.truncate(unit) == time,
        }
    }
}

struct Sampler {
    rate: Rate,
    /// Points of each group since the last that stayed.
    groups: Groups<i64>,
}

impl Run for Sampler {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let before = self.groups.entry(&point.group, || 0);
        if self.rate.keeps(before, point.point.time) {
            out.point(point);
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut before = 0;
        let kept = batch.points.iter().filter(|p| self.rate.keeps(&mut before, p.time));
        out.batch(&Batch { points: kept.cloned().collect(), ..batch.clone() });
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}
