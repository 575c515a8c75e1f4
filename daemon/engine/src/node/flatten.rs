//! `flatten`: makes one point of the points of a group that share a time: their fields side by side,
//! named by the values of tags.
//!
//! A point at another (rounded) time lets the collected one go; so does a later barrier. Of equal
//! names the later value wins. In batches the collected point stays in the batch.

use std::collections::BTreeMap;

use model::{Batch, BatchPoint, Duration, Fields, Group, Point, Str, Tags, Time, Value};
use tick::{ArgType, Signature, Value as Argument};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// Fields one collected point may have; further ones are dropped and counted as errors.
const MAX_FIELDS: usize = 100_000;

/// `|flatten()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("flatten", &[]),
    label: "flatten",
    go_type: "FlattenNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::variadic("on", &[], ArgType::String),
            Signature::field("delimiter", ArgType::String),
            Signature::field("tolerance", ArgType::Duration),
            Signature::variadic("dropOriginalFieldName", &[], ArgType::Bool),
        ],
        QUIET,
    ],
    define: |_, _| {
        Ok(Box::new(Flatten {
            on: Vec::new(),
            delimiter: ".".into(),
            tolerance: Duration::default(),
            drop_name: false,
        }))
    },
};

#[derive(Clone, Debug)]
struct Flatten {
    on: Vec<Str>,
    delimiter: Str,
    tolerance: Duration,
    drop_name: bool,
}

impl Define for Flatten {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "on" => self.on = args.strs(0),
            "delimiter" => self.delimiter = args.str(0),
            "tolerance" => self.tolerance = args.duration(0),
            _ => self.drop_name = !matches!(args.all(), [Argument::Bool(false), ..]),
        }
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Flattener { rule: self.clone(), groups: Groups::default() }))
    }
}

/// What was collected of one time.
struct Collected {
    time: Time,
    fields: BTreeMap<Str, Value>,
}

impl Flatten {
    fn collect(
        &self,
        (fields, tags): (&Fields, &Tags),
        into: &mut BTreeMap<Str, Value>,
    ) -> Result<(), String> {
        let mut prefix = String::new();
        for (i, tag) in self.on.iter().enumerate() {
            let text = tags.get(tag).ok_or_else(|| format!("tag {tag} is missing from point"))?;
            if i > 0 {
                prefix.push_str(&self.delimiter);
            }
            prefix.push_str(text);
        }
        for (name, value) in fields {
            let mut full = prefix.clone();
            if !self.drop_name {
                if !prefix.is_empty() {
                    full.push_str(&self.delimiter);
                }
                full.push_str(name);
            }
            if into.len() >= MAX_FIELDS && !into.contains_key(&*full) {
                return Err(format!("more than {MAX_FIELDS} fields in one point"));
            }
            into.insert(full.into(), value.clone());
        }
        Ok(())
    }
}

struct Flattener {
    rule: Flatten,
    groups: Groups<(Collected, Point)>,
}

/// The point that was collected; nothing when all its parts were errors.
fn release(collected: &mut Collected) -> Option<(Fields, Time)> {
    let fields = std::mem::take(&mut collected.fields);
    (!fields.is_empty()).then(|| (fields.into_iter().collect(), collected.time))
}

impl Flattener {
    /// Lets the collected point of a group go.
    fn let_go(state: &mut (Collected, Point), group: &Group, out: &mut Out<'_, '_>) {
        let (collected, first) = state;
        if let Some((fields, time)) = release(collected) {
            let tags = group.tags().clone();
            let point = Point { fields, time, tags, ..first.clone() };
            out.point(&Grouped { point: point.into(), group: group.clone() });
        }
    }
}

impl Run for Flattener {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let time = point.point.time.round(self.rule.tolerance);
        let state = self.groups.entry(&point.group, || {
            (Collected { time, fields: BTreeMap::new() }, (*point.point).clone())
        });
        if state.0.time != time {
            Self::let_go(state, &point.group, out);
            state.0.time = time;
            state.1 = (*point.point).clone();
        }
        let parts = (&point.point.fields, &point.point.tags);
        if let Err(error) = self.rule.collect(parts, &mut state.0.fields) {
            out.error(error);
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut points = Vec::new();
        let tags = batch.group.tags();
        let mut let_go = |collected: &mut Collected| {
            let flat = release(collected);
            points.extend(flat.map(|(fields, time)| BatchPoint {
                fields,
                tags: tags.clone(),
                time,
            }));
        };
        let mut collected = Collected { time: batch.tmax, fields: BTreeMap::new() };
        for point in &*batch.points {
            let time = point.time.round(self.rule.tolerance);
            if collected.time != time {
                let_go(&mut collected);
                collected.time = time;
            }
            let parts = (&point.fields, &point.tags);
            if let Err(error) = self.rule.collect(parts, &mut collected.fields) {
                out.error(error);
            }
        }
        let_go(&mut collected);
        out.batch(&Batch { points: points.into(), ..batch.clone() });
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        if let Some(state) = self.groups.get_mut(group)
            && time > state.0.time
        {
            Self::let_go(state, group, out);
        }
        out.barrier(group, time);
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
