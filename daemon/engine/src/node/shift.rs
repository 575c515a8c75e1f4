//! `shift`: moves the times of points, and of batches, by a duration. Barriers are not moved.

use model::{Batch, BatchPoint, Duration, Point};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};

/// `|shift(5m)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("shift", &[ArgType::Duration]),
    label: "shift",
    go_type: "ShiftNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |args, _| Ok(Box::new(Shift { by: args.duration(0) })),
};

#[derive(Clone, Copy, Debug)]
struct Shift {
    by: Duration,
}

impl Define for Shift {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        if self.by.0 == 0 {
            return Err("invalid shift value: must be non zero duration".to_owned());
        }
        Ok(Box::new(*self))
    }
}

impl Run for Shift {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let time = point.point.time.plus(self.by);
        out.point(&point.with(Point { time, ..(*point.point).clone() }));
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let moved = |p: &BatchPoint| BatchPoint { time: p.time.plus(self.by), ..p.clone() };
        let points = batch.points.iter().map(moved).collect();
        out.batch(&Batch { tmax: batch.tmax.plus(self.by), points, ..batch.clone() });
    }
}
