//! What a set of a join becomes: one point, or one batch of points.

use std::collections::HashMap;

use model::{Batch, BatchPoint, Duration, Fields, Group, Point, Str, Time, Value};
use rustc_hash::FxHashMap;

use super::Set;
use crate::graph::{Grouped, Message};

/// Field names of one input whose new names are remembered; beyond it they are forgotten and made
/// anew.
const MAX_NAMES: usize = 10_000;

/// Names and fills.
pub(super) struct Weaver {
    /// By input: what stands before its field names.
    prefixes: Vec<String>,
    /// By input: new names of fields.
    names: Vec<FxHashMap<Str, Str>>,
    /// What stands for fields of a missing message; `None` drops what is not complete.
    fill: Option<Value>,
    stream_name: Str,
    tolerance: Duration,
}

type Parts = Vec<(Str, Value)>;

impl Weaver {
    pub(super) fn new(
        prefixes: Vec<String>,
        fill: Option<Value>,
        stream_name: Str,
        tolerance: Duration,
    ) -> Self {
        let names = prefixes.iter().map(|_| HashMap::default()).collect();
        Self { prefixes, names, fill, stream_name, tolerance }
    }

    /// The message of a set; `None` when something is missing and not filled.
    pub(super) fn weave(&mut self, set: &Set, time: Time, group: &Group) -> Option<Message> {
        match set.slots.iter().flatten().next()? {
            Message::Point(first) => self.point(set, first, time, group).map(Message::Point),
            Message::Batch(first) => Some(Message::Batch(self.batch(set, first, time, group))),
            Message::Barrier(..) | Message::DeleteGroup(_) => None,
        }
    }

    fn name(&self, first: &Str) -> Str {
        if self.stream_name.is_empty() { first.clone() } else { self.stream_name.clone() }
    }

    /// Adds the fields of one input.
    fn add(&mut self, input: usize, fields: &Fields, parts: &mut Parts) {
        for (name, value) in fields {
            let name = self.renamed(input, name);
            parts.push((name, value.clone()));
        }
    }

    /// Adds what stands for a missing input; false when that is nothing.
    fn fill(&mut self, input: usize, like: &Fields, parts: &mut Parts) -> bool {
        let Some(value) = self.fill.clone() else { return false };
        for (name, _) in like {
            let name = self.renamed(input, name);
            parts.push((name, value.clone()));
        }
        true
    }

    fn renamed(&mut self, input: usize, name: &Str) -> Str {
        let names = &mut self.names[input];
        if let Some(known) = names.get(name) {
            return known.clone();
        }
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        let new: Str = format!("{}{name}", self.prefixes[input]).into();
        names.insert(name.clone(), new.clone());
        new
    }

    fn point(&mut self, set: &Set, first: &Grouped, time: Time, group: &Group) -> Option<Grouped> {
        let mut parts = Parts::new();
        for (input, slot) in set.slots.iter().enumerate() {
            match slot {
                Some(Message::Point(point)) => self.add(input, &point.point.fields, &mut parts),
                _ if self.fill(input, &first.point.fields, &mut parts) => {}
                _ => return None,
            }
        }
        let point = Point {
            database: first.point.database.clone(),
            retention_policy: first.point.retention_policy.clone(),
            name: self.name(&first.point.name),
            tags: group.tags().clone(),
            fields: Fields::from_unsorted(parts),
            time,
        };
        Some(Grouped { point: point.into(), group: group.clone() })
    }

    /// Walks all batches in order of (rounded) time and joins the points of equal times.
    fn batch(&mut self, set: &Set, first: &Batch, tmax: Time, group: &Group) -> Batch {
        let points_of = |slot: &Option<Message>| match slot {
            Some(Message::Batch(batch)) => batch.points.clone(),
            _ => [].into(),
        };
        let inputs: Vec<_> = set.slots.iter().map(points_of).collect();
        let like = inputs.iter().find_map(|points| points.first()).map(|p| p.fields.clone());
        let like = like.unwrap_or_default();
        let mut at = vec![0; inputs.len()];
        let mut points = Vec::new();
        loop {
            let next = |input: usize| {
                let point: Option<&BatchPoint> = inputs[input].get(at[input]);
                point.map(|point| (point.time.round(self.tolerance), point))
            };
            let nexts: Vec<_> = (0..inputs.len()).map(next).collect();
            let Some(time) = nexts.iter().flatten().map(|(time, _)| *time).min() else { break };
            let mut parts = Parts::new();
            let mut complete = true;
            for (input, next) in nexts.iter().enumerate() {
                match next {
                    Some((its, point)) if *its == time => {
                        at[input] += 1;
                        self.add(input, &point.fields, &mut parts);
                    }
                    _ => complete &= self.fill(input, &like, &mut parts),
                }
            }
            if complete {
                let fields = Fields::from_unsorted(parts);
                points.push(BatchPoint { fields, tags: group.tags().clone(), time });
            }
        }
        Batch { name: self.name(&first.name), group: group.clone(), tmax, points: points.into() }
    }
}
