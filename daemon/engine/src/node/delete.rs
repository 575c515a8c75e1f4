//! `delete`: removes fields and tags. A tag that is a dimension is one no more: points move to the
//! group without it. A point may end up without fields.

use model::{Batch, BatchPoint, Dimensions, Fields, Group, Point, Str, Tags, Time};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// `|delete()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("delete", &[]),
    label: "delete",
    go_type: "DeleteNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::method("field", &[ArgType::String]),
            Signature::method("tag", &[ArgType::String]),
        ],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(Delete::default())),
};

#[derive(Clone, Debug, Default)]
struct Delete {
    fields: Vec<Str>,
    tags: Vec<Str>,
}

impl Define for Delete {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        let names = if name == "field" { &mut self.fields } else { &mut self.tags };
        names.push(args.str(0));
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Deleter {
            fields: self.fields.clone(),
            tags: self.tags.clone(),
            groups: Groups::default(),
            fields_deleted: 0,
            tags_deleted: 0,
        }))
    }
}

struct Deleter {
    fields: Vec<Str>,
    tags: Vec<Str>,
    /// What each group becomes, where dimensions are deleted.
    groups: Groups<Group>,
    fields_deleted: i64,
    tags_deleted: i64,
}

impl Deleter {
    fn group(&mut self, group: &Group) -> Group {
        let dimensions = group.dimensions();
        if !dimensions.tags.iter().any(|tag| self.tags.contains(tag)) {
            return group.clone();
        }
        let left = |tag: &&Str| !self.tags.contains(tag);
        let without = || {
            let tags = dimensions.tags.iter().filter(left).cloned().collect();
            let name = group.name().cloned().unwrap_or_else(|| "".into());
            let dimensions = Dimensions { by_name: dimensions.by_name, tags };
            Group::of(&dimensions, &name, group.tags())
        };
        self.groups.entry(group, without).clone()
    }

    fn fields(&mut self, fields: &Fields) -> Fields {
        let left = self.fields.iter().fold(fields.clone(), |left, name| left.without(name));
        self.fields_deleted += (fields.len() - left.len()) as i64;
        left
    }

    fn tags(&mut self, tags: &Tags) -> Tags {
        let left = self.tags.iter().fold(tags.clone(), |left, name| left.without(name));
        self.tags_deleted += (tags.len() - left.len()) as i64;
        left
    }
}

impl Run for Deleter {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let fields = self.fields(&point.point.fields);
        let tags = self.tags(&point.point.tags);
        if fields.is_same(&point.point.fields) && tags.is_same(&point.point.tags) {
            return out.point(point);
        }
        let group = self.group(&point.group);
        let point = Point { fields, tags, ..(*point.point).clone() };
        out.point(&Grouped { point: point.into(), group });
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let group = self.group(&batch.group);
        let left = |point: &BatchPoint| BatchPoint {
            fields: self.fields(&point.fields),
            tags: self.tags(&point.tags),
            time: point.time,
        };
        let points = batch.points.iter().map(left).collect();
        out.batch(&Batch { group, points, ..batch.clone() });
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        let group = self.group(group);
        out.barrier(&group, time);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        let left = self.group(group);
        self.groups.remove(group);
        out.delete_group(&left);
    }

    fn counters(&self) -> Vec<(&'static str, i64)> {
        vec![("fields_deleted", self.fields_deleted), ("tags_deleted", self.tags_deleted)]
    }
}
