//! `noop`: hands on what it gets. A script cannot write it; `stats` puts one under a childless node
//! so that there is an edge to count on.

use model::Batch;
use tick::Signature;

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};

/// Chained on nothing.
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("noop", &[]),
    label: "noop",
    go_type: "NoOpNode",
    place: Place::On(&[]),
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |_, _| Ok(Box::new(NoOp)),
};

#[derive(Clone, Copy, Debug)]
struct NoOp;

impl Define for NoOp {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(*self))
    }
}

impl Run for NoOp {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        out.point(point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        out.batch(batch);
    }
}
