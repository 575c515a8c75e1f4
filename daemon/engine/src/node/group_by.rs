//! `groupBy`: groups data anew, by tags, by all tags (`*`, but those in `exclude`), or not at all.
//!
//! Points of a stream are only relabelled. Batches are taken apart: their points wait, per new
//! group, until a batch of another time or a barrier arrives; then each group leaves as one batch,
//! points in order of time, groups in order of their ids. What waits at the end of the task stays.

use std::collections::BTreeMap;

use model::{Batch, BatchPoint, Group, Str, Time};
use tick::{ArgType, Signature};

use super::dimensions::GroupBy;
use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Grouper;

/// `|groupBy(tag…)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("groupBy", &[], ArgType::Any),
    label: "groupby",
    go_type: "GroupByNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::method("byMeasurement", &[]),
            Signature::variadic("exclude", &[], ArgType::String),
        ],
        QUIET,
    ],
    define: |args, _| {
        let by = GroupBy(args.all().to_vec());
        Ok(Box::new(Regroup { by, by_name: false, except: Vec::new() }))
    },
};

#[derive(Clone, Debug)]
struct Regroup {
    by: GroupBy,
    by_name: bool,
    except: Vec<Str>,
}

impl Define for Regroup {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "byMeasurement" => self.by_name = true,
            _ => self.except.extend(args.strs(0)),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        self.by.validate()?;
        if !self.except.is_empty() && !self.by.is_star() {
            return Err("exclude requires '*'".to_owned());
        }
        Ok(())
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Regrouper {
            by_name: self.by_name,
            grouper: Grouper::new(self.by.by(&self.except)),
            tmax: None,
            waiting: BTreeMap::new(),
        }))
    }
}

struct Regrouper {
    by_name: bool,
    grouper: Grouper,
    tmax: Option<Time>,
    waiting: BTreeMap<Group, (Str, Vec<BatchPoint>)>,
}

impl Regrouper {
    fn flush(&mut self, out: &mut Out<'_, '_>) {
        let Some(tmax) = self.tmax.take() else { return };
        for (group, (name, mut points)) in std::mem::take(&mut self.waiting) {
            points.sort_by_key(|p| p.time);
            out.batch(&Batch { name, group, tmax, points: points.into() });
        }
    }
}

impl Run for Regrouper {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let by_name = self.by_name || point.group.dimensions().by_name;
        let group = self.grouper.group(by_name, &point.point);
        out.point(&Grouped { point: point.point.clone(), group });
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        if self.tmax != Some(batch.tmax) {
            self.flush(out);
        }
        self.tmax = Some(batch.tmax);
        let by_name = self.by_name || batch.group.dimensions().by_name;
        for point in &*batch.points {
            let group = self.grouper.group_of(by_name, &batch.name, &point.tags);
            let (_, points) =
                self.waiting.entry(group).or_insert_with(|| (batch.name.clone(), Vec::new()));
            points.push(point.clone());
        }
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        self.flush(out);
        out.barrier(group, time);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        self.waiting.remove(group);
        out.delete_group(group);
    }

    fn cardinality(&self) -> usize {
        self.waiting.len()
    }
}
