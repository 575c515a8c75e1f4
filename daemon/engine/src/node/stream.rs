//! `stream`: the root of a stream task. Hands every point of the task to its `from` nodes.

use model::Batch;
use tick::Signature;

use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};

/// `stream`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("stream", &[]),
    label: "stream",
    go_type: "StreamNode",
    place: Place::Root(Edge::Stream),
    wants: None,
    gives: Gives::Always(Edge::Stream),
    properties: &[QUIET],
    define: |_, _| Ok(Box::new(Stream)),
};

#[derive(Clone, Copy, Debug)]
struct Stream;

impl Define for Stream {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(*self))
    }
}

impl Run for Stream {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        out.point(point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        out.batch(batch);
    }
}
