//! `eval`: computes new fields (or tags) from a point with lambdas, in order.
//!
//! Each expression sees the point's fields and tags, its time, and the results of earlier ones;
//! fields and tags win over results of the same name. An error drops the point. Without `keep` only
//! results remain; `keep()` keeps all old fields too, `keep(names…)` exactly the named values.
//! Tags change, groups do not.

use model::{Batch, BatchPoint, Fields, Group, Point, Str, Tags, Time, Value};
use tick::{ArgType, Lambda, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;
use crate::lambda::{Expression, Failure, LValue, Source, State};

/// `|eval(lambda…)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("eval", &[], ArgType::Lambda),
    label: "eval",
    go_type: "EvalNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::variadic("as", &[], ArgType::String),
            Signature::variadic("tags", &[], ArgType::String),
            Signature::variadic("keep", &[], ArgType::String),
        ],
        QUIET,
    ],
    define: |args, _| Ok(Box::new(Eval { lambdas: args.lambdas(), ..Eval::default() })),
};

#[derive(Clone, Debug, Default)]
struct Eval {
    lambdas: Vec<Lambda>,
    names: Vec<Str>,
    tags: Vec<Str>,
    keep: Option<Vec<Str>>,
}

impl Define for Eval {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.names = args.strs(0),
            "tags" => self.tags = args.strs(0),
            _ => self.keep = Some(args.strs(0)),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        let (names, lambdas) = (self.names.len(), self.lambdas.len());
        if names != lambdas {
            return Err(format!(
                "must specify same number of expressions and .as() names: got {names} as names, and {lambdas} expressions."
            ));
        }
        match self.tags.iter().find(|tag| !self.names.contains(tag)) {
            Some(tag) => {
                Err(format!("invalid tag name {tag:?}, name is not present is .as() names"))
            }
            None => Ok(()),
        }
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let mut steps: Vec<Step> = Vec::with_capacity(self.lambdas.len());
        for (i, (lambda, name)) in self.lambdas.iter().zip(&self.names).enumerate() {
            let expression = Expression::compile(lambda, start.settings)
                .map_err(|e| format!("Failed to compile {i} expression: {e}"))?;
            for earlier in &mut steps {
                earlier.read_later |= expression.references().contains(&earlier.name);
            }
            let is_tag = self.tags.contains(name);
            steps.push(Step { expression, name: name.clone(), is_tag, read_later: false });
        }
        let references = steps.iter().flat_map(|s| s.expression.references()).cloned().collect();
        let keep = match &self.keep {
            None => Keep::Results,
            Some(names) if names.is_empty() => Keep::All,
            Some(names) => Keep::Named { names: names.clone(), references },
        };
        Ok(Box::new(Evaluator { steps, keep, groups: Groups::default(), results: Vec::new() }))
    }
}

/// One expression and what becomes of its result.
struct Step {
    expression: Expression,
    name: Str,
    is_tag: bool,
    /// A later expression names it: the original then shows the point's own value of that name.
    read_later: bool,
}

enum Keep {
    Results,
    All,
    Named { names: Vec<Str>, references: Vec<Str> },
}

struct Evaluator {
    steps: Vec<Step>,
    keep: Keep,
    groups: Groups<Vec<State>>,
    results: Vec<(Str, LValue)>,
}

impl Evaluator {
    /// Fields and tags of the new point.
    fn evaluate(
        &mut self,
        source: &impl Source,
        group: &Group,
        now: Time,
    ) -> Result<(Fields, Tags), Failure> {
        let Self { steps, keep, groups, results } = self;
        let states = groups.entry(group, || vec![State::default(); steps.len()]);
        results.clear();
        for (step, state) in steps.iter().zip(states) {
            let value = step.expression.evaluate(source, results, now, state)?;
            results.push((step.name.clone(), value));
        }
        for (step, result) in steps.iter().zip(results.iter_mut()).filter(|(s, _)| s.read_later) {
            if let Some(old) = own_value(source, &step.name) {
                result.1 = LValue::from(&old);
            }
        }
        let tags = new_tags(steps, results, source.tags())?;
        Ok((new_fields(steps, results, keep, source)?, tags))
    }
}

/// A result as a field; the expression engine promises that it makes one.
fn field(value: &LValue) -> Value {
    value.clone().into_field().unwrap_or(Value::Nil)
}

/// The point's field or tag of that name.
fn own_value(source: &impl Source, name: &str) -> Option<Value> {
    let field = source.fields().get(name).cloned();
    field.or_else(|| source.tags().get(name).map(|tag| Value::Str(tag.clone())))
}

fn new_tags(steps: &[Step], results: &[(Str, LValue)], old: &Tags) -> Result<Tags, Failure> {
    let mut tags = old.clone();
    for (_, (name, value)) in steps.iter().zip(results).filter(|(step, _)| step.is_tag) {
        let LValue::Str(text) = value else {
            let kind = field(value).kind();
            return Err(Failure::text(format!(
                "result of a tag expression must be of type string, got {kind}"
            )));
        };
        tags = tags.with(name.clone(), text.clone());
    }
    Ok(tags)
}

fn new_fields(
    steps: &[Step],
    results: &[(Str, LValue)],
    keep: &Keep,
    source: &impl Source,
) -> Result<Fields, Failure> {
    match keep {
        Keep::Results => Ok(steps
            .iter()
            .zip(results)
            .filter(|(step, _)| !step.is_tag)
            .map(|(_, (name, value))| (name.clone(), field(value)))
            .collect()),
        Keep::All => {
            let results = results.iter().map(|(name, value)| (name.clone(), field(value)));
            Ok(source.fields().iter().cloned().chain(results).collect())
        }
        Keep::Named { names, references } => {
            let mut fields = Vec::with_capacity(names.len());
            for name in names {
                let result = results.iter().rev().find(|(n, _)| n == name).map(|(_, v)| field(v));
                let old = || source.fields().get(name).cloned();
                let tag = || source.tags().get(name).map(|tag| Value::Str(tag.clone()));
                let tag = || if references.contains(name) { tag() } else { None };
                let Some(value) = result.or_else(old).or_else(tag) else {
                    return Err(Failure::text(format!(
                        "cannot keep field {name:?}, field does not exist"
                    )));
                };
                fields.push((name.clone(), value));
            }
            Ok(Fields::from_unsorted(fields))
        }
    }
}

/// Quiet evals do not even count.
fn fail(out: &mut Out<'_, '_>, failure: &Failure) {
    if !out.is_quiet() {
        out.error(format_args!("error evaluating expression: {failure}"));
    }
}

impl Run for Evaluator {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        match self.evaluate(&*point.point, &point.group, out.now()) {
            Ok((fields, tags)) => {
                let Point { database, retention_policy, name, time, .. } = &*point.point;
                out.point(&point.with(Point {
                    database: database.clone(),
                    retention_policy: retention_policy.clone(),
                    name: name.clone(),
                    tags,
                    fields,
                    time: *time,
                }));
            }
            Err(failure) => fail(out, &failure),
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut points = Vec::with_capacity(batch.points.len());
        for point in &*batch.points {
            match self.evaluate(point, &batch.group, out.now()) {
                Ok((fields, tags)) => points.push(BatchPoint { fields, tags, time: point.time }),
                Err(failure) => fail(out, &failure),
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
