//! `default`: sets fields and tags that a point lacks. A field of any type counts as present, a tag
//! only when it has a text. Groups do not change; a batch shows the tags too.

use std::collections::BTreeMap;

use model::{Batch, BatchPoint, Fields, Point, Str, Tags, Value};
use tick::{ArgType, Signature, Value as Argument};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};

/// `|default()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("default", &[]),
    label: "default",
    go_type: "DefaultNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::method("field", &[ArgType::String, ArgType::Any]),
            Signature::method("tag", &[ArgType::String, ArgType::String]),
        ],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(Defaults::default())),
};

#[derive(Clone, Debug, Default)]
struct Defaults {
    fields: BTreeMap<Str, Argument>,
    tags: BTreeMap<Str, Str>,
}

fn value(argument: &Argument) -> Option<Value> {
    match argument {
        Argument::Float(f) => Some(Value::Float(*f)),
        Argument::Int(i) => Some(Value::Int(*i)),
        Argument::String(s) => Some(Value::Str(s.clone())),
        Argument::Bool(b) => Some(Value::Bool(*b)),
        _ => None,
    }
}

impl Define for Defaults {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        if let ("field", Some(value)) = (name, args.all().get(1)) {
            self.fields.insert(args.str(0), value.clone());
        } else {
            self.tags.insert(args.str(0), args.str(1));
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        match self.fields.iter().find(|(_, argument)| value(argument).is_none()) {
            Some((name, argument)) => Err(format!(
                "unsupported type {} for field {name:?}, field default values must be float,int,string or bool",
                argument.go_type()
            )),
            None => Ok(()),
        }
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let fields = self.fields.iter();
        Ok(Box::new(Filler {
            fields: fields.filter_map(|(name, a)| Some((name.clone(), value(a)?))).collect(),
            tags: self.tags.iter().map(|(name, text)| (name.clone(), text.clone())).collect(),
            fields_defaulted: 0,
            tags_defaulted: 0,
        }))
    }
}

struct Filler {
    fields: Vec<(Str, Value)>,
    tags: Vec<(Str, Str)>,
    fields_defaulted: i64,
    tags_defaulted: i64,
}

impl Filler {
    fn fields(&mut self, fields: &Fields) -> Fields {
        let mut filled = fields.clone();
        for (name, value) in self.fields.iter().filter(|(name, _)| fields.get(name).is_none()) {
            filled = filled.with(name.clone(), value.clone());
            self.fields_defaulted += 1;
        }
        filled
    }

    fn tags(&mut self, tags: &Tags) -> Tags {
        let mut filled = tags.clone();
        let lacks = |name: &Str| tags.get(name).is_none_or(|text| text.is_empty());
        for (name, text) in self.tags.iter().filter(|(name, _)| lacks(name)) {
            filled = filled.with(name.clone(), text.clone());
            self.tags_defaulted += 1;
        }
        filled
    }
}

impl Run for Filler {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let fields = self.fields(&point.point.fields);
        let tags = self.tags(&point.point.tags);
        if fields.is_same(&point.point.fields) && tags.is_same(&point.point.tags) {
            return out.point(point);
        }
        out.point(&point.with(Point { fields, tags, ..(*point.point).clone() }));
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let tags = self.tags(batch.group.tags());
        let group = if tags.is_same(batch.group.tags()) {
            batch.group.clone()
        } else {
            batch.group.showing(tags)
        };
        let filled = |point: &BatchPoint| BatchPoint {
            fields: self.fields(&point.fields),
            tags: self.tags(&point.tags),
            time: point.time,
        };
        let points = batch.points.iter().map(filled).collect();
        out.batch(&Batch { group, points, ..batch.clone() });
    }

    fn counters(&self) -> Vec<(&'static str, i64)> {
        vec![("fields_defaulted", self.fields_defaulted), ("tags_defaulted", self.tags_defaulted)]
    }
}
