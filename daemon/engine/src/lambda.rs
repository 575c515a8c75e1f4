//! Lambdas of scripts at work on points: what a name means, and what a verdict is.
//!
//! The expression engine is `tick::lambda`; this file ties it to points, batches and groups.

use std::collections::BTreeSet;
use std::fmt;

use model::{BatchPoint, Fields, Point, Str, Tags, Time, Value};
use tick::Lambda;
use tick::ast::{BinaryOp, Expr, ExprKind};

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
pub(crate) struct Failure(String);

impl Failure {
    /// With these words.
    pub(crate) fn text(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// State of the stateful functions of one expression in one group.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// An expression of an `eval`: gives a value.
#[derive(Debug)]
pub(crate) struct Expression;

impl Expression {
    /// Compiles; the error is the static check's.
    pub(crate) fn compile(_: &Lambda, _: &Settings) -> Result<Self, String> {
        Err("lambda expressions are not built yet".to_owned())
    }

    /// State of a new group.
    pub(crate) fn new_state(&self) -> State {
        State
    }

    /// The value on a point; `results` are those of earlier expressions.
    pub(crate) fn evaluate(
        &self,
        _: &impl Source,
        _: &[(Str, Value)],
        _: Time,
        _: &mut State,
    ) -> Result<Value, Failure> {
        Err(Failure::text(String::new()))
    }
}

/// An expression that judges: gives true or false.
#[derive(Debug)]
pub(crate) struct Condition;

impl Condition {
    /// Compiles; the error is the static check's.
    pub(crate) fn compile(_: &Lambda, _: &Settings) -> Result<Self, String> {
        Err("lambda expressions are not built yet".to_owned())
    }

    /// State of a new group.
    pub(crate) fn new_state(&self) -> State {
        State
    }

    /// The verdict on a point.
    pub(crate) fn judge(&self, _: &impl Source, _: Time, _: &mut State) -> Result<bool, Failure> {
        Err(Failure::text(String::new()))
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

/// Names that a lambda refers to, sorted.
pub(crate) fn references(lambda: &Lambda) -> BTreeSet<Str> {
    fn walk(expr: &Expr, names: &mut BTreeSet<Str>) {
        match &expr.kind {
            ExprKind::Reference(name) => {
                names.insert(name.clone());
            }
            ExprKind::Unary { operand, .. } => walk(operand, names),
            ExprKind::Binary { left, right, .. } => {
                walk(left, names);
                walk(right, names);
            }
            ExprKind::Call(call) => call.args.iter().for_each(|arg| walk(arg, names)),
            ExprKind::Lambda(inner) => walk(inner, names),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    walk(&lambda.expr, &mut names);
    names
}
