//! `trickle`: turns batches into their points, in order.

use model::{Batch, Point, Str};
use tick::Signature;

use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};

/// `|trickle()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("trickle", &[]),
    label: "trickle",
    go_type: "TrickleNode",
    place: Place::Anywhere,
    wants: Some(Edge::Batch),
    gives: Gives::Always(Edge::Stream),
    properties: &[QUIET],
    define: |_, _| Ok(Box::new(Trickle)),
};

#[derive(Clone, Copy, Debug)]
struct Trickle;

impl Define for Trickle {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Trickler { nothing: "".into() }))
    }
}

struct Trickler {
    nothing: Str,
}

impl Run for Trickler {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        out.point(point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        for point in &*batch.points {
            let point = Point {
                database: self.nothing.clone(),
                retention_policy: self.nothing.clone(),
                name: batch.name.clone(),
                tags: point.tags.clone(),
                fields: point.fields.clone(),
                time: point.time,
            };
            out.point(&Grouped { point: point.into(), group: batch.group.clone() });
        }
    }
}
