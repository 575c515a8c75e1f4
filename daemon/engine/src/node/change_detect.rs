//! `changeDetect`: keeps a point when a named field differs, in value or type, from the last point
//! kept of its group (or of its batch). A missing field is an error and no change.

use model::{Batch, Fields, Group, Str};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// `|changeDetect('f', …)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("changeDetect", &[], ArgType::String),
    label: "changeDetect",
    go_type: "ChangeDetectNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |args, _| Ok(Box::new(ChangeDetect { fields: args.strs(0) })),
};

#[derive(Clone, Debug)]
struct ChangeDetect {
    fields: Vec<Str>,
}

impl Define for ChangeDetect {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Detector { rule: self.clone(), groups: Groups::default() }))
    }
}

impl ChangeDetect {
    /// Whether `fields` differ from those of the last point kept, and become them.
    fn differs(&self, last: &mut Option<Fields>, fields: &Fields, out: &mut Out<'_, '_>) -> bool {
        let mut differs = false;
        for name in &self.fields {
            match fields.get(name) {
                None => out.error(format_args!("expected field {name} not found")),
                Some(value) => {
                    differs |= last.as_ref().and_then(|last| last.get(name)) != Some(value);
                }
            }
        }
        if differs {
            *last = Some(fields.clone());
        }
        differs
    }
}

struct Detector {
    rule: ChangeDetect,
    groups: Groups<Option<Fields>>,
}

impl Run for Detector {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let last = self.groups.entry(&point.group, || None);
        if self.rule.differs(last, &point.point.fields, out) {
            out.point(point);
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut last = None;
        let points = batch.points.iter();
        let kept = points.filter(|p| self.rule.differs(&mut last, &p.fields, out)).cloned();
        let points = kept.collect();
        out.batch(&Batch { points, ..batch.clone() });
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
