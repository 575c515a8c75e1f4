//! `from`: picks points of the stream by database, retention policy, measurement and condition,
//! groups them, and moves their times onto a grid.
//!
//! Several `.where` calls are joined with AND; the condition has one state for all groups, since it
//! is judged before grouping. `truncate` comes before `round`.

use model::{Batch, Duration, Point, Str};
use tick::{ArgType, Lambda, Signature};

use super::dimensions::GroupBy;
use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start, Wanted};
use crate::graph::{Grouped, Out};
use crate::group::Grouper;
use crate::lambda::{Condition, State, conjunction};

/// `stream|from()`, `from|from()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("from", &[]),
    label: "from",
    go_type: "FromNode",
    place: Place::On(&["StreamNode", "FromNode"]),
    wants: Some(Edge::Stream),
    gives: Gives::Always(Edge::Stream),
    properties: &[
        &[
            Signature::field("database", ArgType::String),
            Signature::field("retentionPolicy", ArgType::String),
            Signature::field("measurement", ArgType::String),
            Signature::field("truncate", ArgType::Duration),
            Signature::field("round", ArgType::Duration),
            Signature::method("where", &[ArgType::Lambda]),
            Signature::variadic("groupBy", &[], ArgType::Any),
            Signature::method("groupByMeasurement", &[]),
        ],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(From::default())),
};

#[derive(Clone, Debug, Default)]
struct From {
    wanted: Wanted,
    condition: Option<Lambda>,
    group_by: GroupBy,
    by_name: bool,
    truncate: Duration,
    round: Duration,
}

impl Define for From {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "database" => self.wanted.database = args.str(0),
            "retentionPolicy" => self.wanted.retention_policy = args.str(0),
            "measurement" => self.wanted.measurement = args.str(0),
            "truncate" => self.truncate = args.duration(0),
            "round" => self.round = args.duration(0),
            "where" => {
                self.condition = match (self.condition.take(), args.lambda(0)) {
                    (Some(before), Some(more)) => Some(conjunction(&before, &more)),
                    (before, more) => more.or(before),
                }
            }
            "groupBy" => self.group_by = GroupBy(args.all().to_vec()),
            _ => self.by_name = true,
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        self.group_by.validate()
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let condition = self.condition.as_ref().map(|c| Condition::compile(c, start.settings));
        let condition =
            condition.transpose().map_err(|e| format!("Failed to compile from expression: {e}"))?;
        Ok(Box::new(Picker {
            wanted: self.wanted.clone(),
            condition: condition.map(|c| (c, State::default())),
            by_name: self.by_name,
            grouper: Grouper::new(self.group_by.by(&[])),
            truncate: self.truncate,
            round: self.round,
        }))
    }

    fn wanted(&self) -> Option<Wanted> {
        Some(self.wanted.clone())
    }
}

struct Picker {
    wanted: Wanted,
    condition: Option<(Condition, State)>,
    by_name: bool,
    grouper: Grouper,
    truncate: Duration,
    round: Duration,
}

/// Whether `wanted` (empty: any) is this text.
fn takes(wanted: &Str, text: &Str) -> bool {
    wanted.is_empty() || wanted == text
}

impl Run for Picker {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let Point { database, retention_policy, name, .. } = &*point.point;
        if !takes(&self.wanted.measurement, name)
            || !takes(&self.wanted.database, database)
            || !takes(&self.wanted.retention_policy, retention_policy)
        {
            return;
        }
        if let Some((condition, state)) = &mut self.condition {
            match condition.judge(&*point.point, out.now(), state) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    return out
                        .error(format_args!("error while evaluating WHERE expression: {error}"));
                }
            }
        }
        let group = self.grouper.group(self.by_name, &point.point);
        let time = point.point.time.truncate(self.truncate).round(self.round);
        if time == point.point.time {
            out.point(&Grouped { point: point.point.clone(), group });
        } else {
            let moved = Point { time, ..(*point.point).clone() };
            out.point(&Grouped { point: moved.into(), group });
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        out.batch(batch);
    }
}
