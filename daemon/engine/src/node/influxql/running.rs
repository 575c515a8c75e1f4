//! Functions that give a value for each point: one output per input, with the point's own time.
//!
//! State is per group and starts anew with each batch, whose begin and end are always handed on.

use std::fmt;

use model::{Batch, BatchPoint, Fields, Group, Kind as ValueKind, Point, Str, Time, Value};
use tick::Signature;

use super::{Args, Define, Definer, Gives, Kind, Numbers, Returned, Run};
use crate::graph::{Grouped, Out};
use crate::group::Groups;
use crate::node::Start;

/// A function at work on the points of one group, or of one batch.
pub(super) trait Step: Send {
    /// Takes a value; gives the result that belongs to it, if there is one. All values are of the
    /// kind that the step was made for.
    fn step(&mut self, value: &Value, time: Time) -> Option<Value>;
}

/// A function of this sort.
pub(super) struct Running {
    /// As written, `difference`; also the default name of the result.
    pub(super) name: &'static str,
    /// A fresh step for values of this kind, if it supports them.
    pub(super) begin: fn(ValueKind, &Numbers) -> Option<Box<dyn Step>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The kind of such a function.
pub(super) const fn kind(signature: Signature, define: Definer) -> Kind {
    super::kind_of(signature, Gives::Same, define)
}

/// The definition of a function on the field that the call names first.
pub(super) fn define(
    function: &'static Running,
    args: &Args<'_>,
    numbers: Numbers,
) -> Box<dyn Define> {
    Box::new(Rule { function, field: args.str(0), numbers, name: function.name.into() })
}

#[derive(Clone, Debug)]
struct Rule {
    function: &'static Running,
    field: Str,
    numbers: Numbers,
    name: Str,
}

impl Define for Rule {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        // Times are those of the points with and without `usePointTimes`.
        if name == "as" {
            self.name = args.str(0);
        }
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Runner { rule: self.clone(), groups: Groups::default() }))
    }
}

type State = Option<(ValueKind, Box<dyn Step>)>;

impl Rule {
    fn step(
        &self,
        state: &mut State,
        fields: &Fields,
        time: Time,
    ) -> Result<Option<Fields>, String> {
        let field = &self.field;
        let Some(value) = fields.get(field) else {
            return Err(format!("field {field} missing from point cannot aggregate"));
        };
        let kind = value.kind();
        let step = match state {
            Some((known, step)) if *known == kind => step,
            Some((known, _)) => {
                return Err(format!("field {field} has wrong type: got {kind} exp {known}"));
            }
            None => {
                let Some(step) = (self.function.begin)(kind, &self.numbers) else {
                    let name = self.function.name;
                    return Err(format!("cannot apply {name} to {kind} field"));
                };
                &mut state.insert((kind, step)).1
            }
        };
        let result = step.step(value, time);
        Ok(result.map(|value| Fields::from_unsorted(vec![(self.name.clone(), value)])))
    }
}

struct Runner {
    rule: Rule,
    groups: Groups<State>,
}

impl Run for Runner {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let state = self.groups.entry(&point.group, || None);
        let Point { database, retention_policy, name, fields, time, .. } = &*point.point;
        match self.rule.step(state, fields, *time) {
            Ok(Some(fields)) => out.point(&point.with(Point {
                database: database.clone(),
                retention_policy: retention_policy.clone(),
                name: name.clone(),
                tags: point.group.tags().clone(),
                fields,
                time: *time,
            })),
            Ok(None) => {}
            Err(error) => out.error(error),
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut state = None;
        let mut points = Vec::with_capacity(batch.points.len());
        let mut tmax = batch.tmax;
        for point in &*batch.points {
            match self.rule.step(&mut state, &point.fields, point.time) {
                Ok(Some(fields)) => {
                    tmax = tmax.max(point.time);
                    let tags = batch.group.tags().clone();
                    points.push(BatchPoint { fields, tags, time: point.time });
                }
                Ok(None) => {}
                Err(error) => out.error(error),
            }
        }
        out.batch(&Batch { tmax, points: points.into(), ..batch.clone() });
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        self.groups.remove(group);
        out.delete_group(group);
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}
