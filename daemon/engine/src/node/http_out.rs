//! `httpOut`: serves the last point or batch of each group under `GET …/tasks/ID/NAME`, and passes
//! data on.
//!
//! Groups stand in order of appearance; before any data the series are `null`.

use std::sync::Arc;

use alert::json::Document;
use model::{Batch, Group, Point, Str};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// `|httpOut('name')`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("httpOut", &[ArgType::String]),
    label: "http_out",
    go_type: "HTTPOutNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |args, _| Ok(Box::new(HttpOut { name: args.str(0) })),
};

#[derive(Clone, Debug)]
struct HttpOut {
    name: Str,
}

impl Define for HttpOut {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Server { name: self.name.clone(), groups: Groups::default() }))
    }

    fn serves(&self) -> Option<&Str> {
        Some(&self.name)
    }
}

enum Latest {
    None,
    Point(Arc<Point>),
    Batch(Batch),
}

struct Server {
    name: Str,
    groups: Groups<Latest>,
}

impl Run for Server {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        *self.groups.entry(&point.group, || Latest::None) = Latest::Point(point.point.clone());
        out.point(point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        *self.groups.entry(&batch.group, || Latest::None) = Latest::Batch(batch.clone());
        out.batch(batch);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }

    fn served(&self, name: &str) -> Option<String> {
        if *self.name != *name {
            return None;
        }
        if self.groups.len() == 0 {
            return Some("{\"series\":null}".to_owned());
        }
        let mut text = "{\"series\":[".to_owned();
        for (i, (_, latest)) in self.groups.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            match latest {
                Latest::None => text.push_str("{}"),
                Latest::Point(point) => point.write_json(&mut text),
                Latest::Batch(batch) => batch.write_json(&mut text),
            }
        }
        text.push_str("]}");
        Some(text)
    }
}
