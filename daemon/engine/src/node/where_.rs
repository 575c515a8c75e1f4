//! `where`: keeps the points whose condition is true.
//!
//! An error in the condition drops the point and is counted. State of the condition is per group. A
//! batch keeps its begin and end even when all its points are gone.

use model::{Batch, Group};
use tick::{ArgType, Lambda, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;
use crate::lambda::{Condition, State};

/// `|where(lambda)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("where", &[ArgType::Lambda]),
    label: "where",
    go_type: "WhereNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[QUIET],
    define: |args, _| {
        let lambda = args.lambda(0).ok_or("must provide an expression")?;
        Ok(Box::new(Where { lambda }))
    },
};

#[derive(Clone, Debug)]
struct Where {
    lambda: Lambda,
}

impl Define for Where {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let condition = Condition::compile(&self.lambda, start.settings)
            .map_err(|e| format!("Failed to compile expression in where clause: {e}"))?;
        Ok(Box::new(Sieve { condition, groups: Groups::default() }))
    }
}

struct Sieve {
    condition: Condition,
    groups: Groups<State>,
}

impl Run for Sieve {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let state = self.groups.entry(&point.group, State::default);
        match self.condition.judge(&*point.point, out.now(), state) {
            Ok(true) => out.point(point),
            Ok(false) => {}
            Err(error) => {
                out.error(format_args!("error while evaluating expression: {error}"));
            }
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let state = self.groups.entry(&batch.group, State::default);
        let mut kept = Vec::with_capacity(batch.points.len());
        for point in &*batch.points {
            match self.condition.judge(point, out.now(), state) {
                Ok(true) => kept.push(point.clone()),
                Ok(false) => {}
                Err(error) => {
                    out.error(format_args!("error while evaluating expression: {error}"));
                }
            }
        }
        if kept.len() == batch.points.len() {
            out.batch(batch);
        } else {
            out.batch(&Batch { points: kept.into(), ..batch.clone() });
        }
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
