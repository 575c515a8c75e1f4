//! `stateDuration` and `stateCount`: for how long, or how many points in a row, a condition holds.
//!
//! In the state, the field counts from 0 (duration, in units) or 1 (count); outside it is -1. An
//! error in the condition drops the point and leaves the state. State is per group and starts anew
//! with each batch.

use model::{Batch, BatchPoint, Duration, Group, Point, Str, Time, Value};
use tick::{ArgType, Lambda, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;
use crate::lambda::{Condition, State};

/// `|stateDuration(lambda)`
pub(crate) static DURATION: Kind = Kind {
    signature: Signature::method("stateDuration", &[ArgType::Lambda]),
    label: "state_duration",
    go_type: "StateDurationNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[Signature::field("as", ArgType::String), Signature::field("unit", ArgType::Duration)],
        QUIET,
    ],
    define: |args, _| define(args, "state_duration", Some(Duration::from_secs(1))),
};

/// `|stateCount(lambda)`
pub(crate) static COUNT: Kind = Kind {
    signature: Signature::method("stateCount", &[ArgType::Lambda]),
    label: "state_count",
    go_type: "StateCountNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[&[Signature::field("as", ArgType::String)], QUIET],
    define: |args, _| define(args, "state_count", None),
};

fn define(args: &Args<'_>, name: &str, unit: Option<Duration>) -> Result<Box<dyn Define>, String> {
    let lambda = args.lambda(0).ok_or("must provide an expression")?;
    Ok(Box::new(Tracking { lambda, name: name.into(), unit }))
}

#[derive(Clone, Debug)]
struct Tracking {
    lambda: Lambda,
    name: Str,
    /// The unit of a duration; `None` counts points.
    unit: Option<Duration>,
}

impl Define for Tracking {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.name = args.str(0),
            _ => self.unit = Some(args.duration(0)),
        }
        Ok(Returned::Same)
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let condition = Condition::compile(&self.lambda, start.settings)?;
        let measure = self.unit.map_or(Measure::Points, Measure::Time);
        Ok(Box::new(Tracker {
            condition,
            name: self.name.clone(),
            measure,
            groups: Groups::default(),
        }))
    }
}

/// What is measured.
#[derive(Clone, Copy)]
enum Measure {
    Time(Duration),
    Points,
}

/// How a group stands.
#[derive(Default)]
enum Standing {
    #[default]
    Outside,
    Inside {
        since: Time,
        points: i64,
    },
}

impl Standing {
    /// Takes the verdict on a point at `time`; gives the field's value.
    fn step(&mut self, inside: bool, time: Time, measure: Measure) -> Value {
        if !inside {
            *self = Self::Outside;
            return match measure {
                Measure::Time(_) => Value::Float(-1.0),
                Measure::Points => Value::Int(-1),
            };
        }
        let (since, points) = match self {
            Self::Outside => (time, 1),
            Self::Inside { since, points } => (*since, *points + 1),
        };
        *self = Self::Inside { since, points };
        match measure {
            Measure::Time(unit) => Value::Float(time.since(since).0 as f64 / unit.0 as f64),
            Measure::Points => Value::Int(points),
        }
    }
}

struct Tracker {
    condition: Condition,
    name: Str,
    measure: Measure,
    groups: Groups<(State, Standing)>,
}

impl Run for Tracker {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let (state, standing) =
            self.groups.entry(&point.group, || (State::default(), Standing::Outside));
        match self.condition.judge(&*point.point, out.now(), state) {
            Ok(inside) => {
                let value = standing.step(inside, point.point.time, self.measure);
                let fields = point.point.fields.with(self.name.clone(), value);
                out.point(&point.with(Point { fields, ..(*point.point).clone() }));
            }
            Err(error) => out.error(format_args!("error while evaluating expression: {error}")),
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let (state, standing) =
            self.groups.entry(&batch.group, || (State::default(), Standing::Outside));
        *standing = Standing::Outside;
        let mut points = Vec::with_capacity(batch.points.len());
        for point in &*batch.points {
            match self.condition.judge(point, out.now(), state) {
                Ok(inside) => {
                    let value = standing.step(inside, point.time, self.measure);
                    let fields = point.fields.with(self.name.clone(), value);
                    points.push(BatchPoint { fields, ..point.clone() });
                }
                Err(error) => {
                    out.error(format_args!("error while evaluating expression: {error}"));
                }
            }
        }
        out.batch(&Batch { points: points.into(), ..batch.clone() });
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
