//! Lambdas of scripts at work on points: what a name means, and what a verdict is.
//!
//! The expression engine is `tick::lambda`; this file ties it to points, batches and groups.

use std::fmt;

use jiff::tz::TimeZone;
use model::{BatchPoint, Fields, Point, Str, Tags, Time};
use tick::Lambda;
use tick::ast::{BinaryOp, Expr, ExprKind};
use tick::lambda::{self, Env, EvalError, Expected, Found, PointScope, Scope};
pub(crate) use tick::lambda::{LValue, State};

use crate::task::Settings;

/// Something with fields, tags and a time.
pub(crate) trait Source {
    /// Field values.
    fn fields(&self) -> &Fields;
    /// All tags.
    fn tags(&self) -> &Tags;
    /// Event time.
    fn time(&self) -> Time;
}

impl Source for Point {
    fn fields(&self) -> &Fields {
        &self.fields
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn time(&self) -> Time {
        self.time
    }
}

impl Source for BatchPoint {
    fn fields(&self) -> &Fields {
        &self.fields
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn time(&self) -> Time {
        self.time
    }
}

/// Why an expression failed on a point.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The engine's words.
    Evaluation(EvalError),
    /// A node's words about a result.
    Result(String),
}

impl Failure {
    /// With these words.
    pub(crate) fn text(text: String) -> Self {
        Self::Result(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluation(error) => error.fmt(f),
            Self::Result(text) => f.write_str(text),
        }
    }
}

/// A compiled lambda with what its evaluation needs of the task.
#[derive(Clone, Debug)]
struct Compiled {
    code: lambda::Compiled,
    zone: TimeZone,
    seed: u64,
}

impl Compiled {
    fn new(lambda: &Lambda, expected: Expected, settings: &Settings) -> Result<Self, String> {
        let code = lambda::Compiled::new(lambda, expected).map_err(|e| e.to_string())?;
        Ok(Self { code, zone: settings.zone.clone(), seed: settings.seed })
    }

    fn env(&self, now: Time) -> Env<'_> {
        Env { now, zone: &self.zone, seed: self.seed }
    }
}

fn scope(source: &impl Source) -> PointScope<'_> {
    PointScope { fields: source.fields(), tags: source.tags(), time: source.time() }
}

/// A point and the results of earlier expressions, which win over missing names only.
struct WithResults<'a> {
    point: PointScope<'a>,
    results: &'a [(Str, LValue)],
}

impl Scope for WithResults<'_> {
    fn lookup(&self, name: &str) -> Found<'_> {
        match self.point.lookup(name) {
            Found::Missing => {
                let result = self.results.iter().rev().find(|(known, _)| **known == *name);
                result.map_or(Found::Missing, |(_, value)| Found::Computed(value))
            }
            found => found,
        }
    }

    fn time(&self) -> Option<Time> {
        self.point.time()
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.point.names();
        names.extend(self.results.iter().map(|(name, _)| name.to_string()));
        names.sort();
        names.dedup();
        names
    }
}

/// An expression of an `eval`: gives a value.
#[derive(Clone, Debug)]
pub(crate) struct Expression(Compiled);

impl Expression {
    /// Compiles; the error is the static check's.
    pub(crate) fn compile(lambda: &Lambda, settings: &Settings) -> Result<Self, String> {
        Compiled::new(lambda, Expected::Any, settings).map(Self)
    }

    /// Names it refers to, sorted.
    pub(crate) fn references(&self) -> &[Str] {
        self.0.code.references()
    }

    /// The value on a point; `results` are those of earlier expressions.
    pub(crate) fn evaluate(
        &self,
        source: &impl Source,
        results: &[(Str, LValue)],
        now: Time,
        state: &mut State,
    ) -> Result<LValue, Failure> {
        let scope = WithResults { point: scope(source), results };
        self.0.code.eval(state, &scope, &self.0.env(now)).map_err(Failure::Evaluation)
    }
}

/// An expression that judges: gives true or false.
#[derive(Clone, Debug)]
pub(crate) struct Condition(Compiled);

impl Condition {
    /// Compiles; the error is the static check's.
    pub(crate) fn compile(lambda: &Lambda, settings: &Settings) -> Result<Self, String> {
        Compiled::new(lambda, Expected::Bool, settings).map(Self)
    }

    /// The verdict on a point.
    pub(crate) fn judge(
        &self,
        source: &impl Source,
        now: Time,
        state: &mut State,
    ) -> Result<bool, Failure> {
        self.0.code.test(state, &scope(source), &self.0.env(now)).map_err(Failure::Evaluation)
    }
}

/// `(a) AND (b)`
pub(crate) fn conjunction(a: &Lambda, b: &Lambda) -> Lambda {
    let (left, right) = (&*a.expr, &*b.expr);
    let expr = Expr {
        pos: right.pos,
        depth: left.depth.max(right.depth) + 1,
        comment: None,
        kind: ExprKind::Binary {
            op: BinaryOp::And,
            left: Box::new(left.clone()),
            right: Box::new(right.clone()),
            parens: false,
            multi_line: false,
        },
    };
    Lambda { expr: expr.into() }
}
