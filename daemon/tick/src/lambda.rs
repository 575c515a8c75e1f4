//! Lambda expressions: type check and evaluation.
//!
//! A [`Lambda`] is compiled once into a [`Compiled`], and evaluated per point against a [`Scope`]
//! with the [`State`] of the point's group. Types are dynamic: a field may change its type between
//! points, and what does not fit is an [`EvalError`] of that point alone, in Kapacitor's words.
//!
//! One function family, one file: `convert`, `math`, `text`, `clock`, `stateful`, `choose`.

mod choose;
mod clock;
mod compile;
mod condition;
mod convert;
mod evaluate;
mod function;
mod math;
mod operator;
mod render;
mod scope;
mod stateful;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::sync::Arc;

pub use function::function_names;
pub use scope::{Empty, Found, PointScope, Scope};
pub use stateful::State;
pub use value::{LKind, LValue};

use crate::Lambda;
use model::Time;

/// Most arguments a function call may have.
pub const MAX_ARGS: usize = 4;

/// What the place of a lambda needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A condition.
    Bool,
    /// A whole number (replicas of an autoscale node).
    Int,
    /// A field value: int, float, string, boolean or duration (`eval`).
    Any,
    /// Whatever comes out, times and regexes included (computing vars of a script).
    Raw,
}

/// Names that only some places know, such as `match` of a topic handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    /// Functions without arguments and their results; [`Scope::call`] answers them.
    pub functions: &'static [(&'static str, LKind)],
    /// Identifiers that stand for ints.
    pub constants: &'static [(&'static str, i64)],
}

/// What evaluation needs of the world.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// Answer of `now()`.
    pub now: Time,
    /// Zone of `hour()`, `day()` and their like.
    pub zone: &'a jiff::tz::TimeZone,
    /// Seed of `rand()`; used when a [`State`] draws for the first time.
    pub seed: u64,
}

/// Why a lambda cannot be compiled. Nodes prefix it (`Failed to compile expression in where
/// clause: `).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(pub String);

/// Why a point has no result; the point is dropped, the text is logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(Box<str>);

impl From<String> for EvalError {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// A lambda ready to be evaluated. Cloning shares the code and the state of inlined lambdas.
#[derive(Clone, Debug)]
pub struct Compiled {
    root: Arc<compile::Node>,
    expected: Expected,
    /// The result is a boolean for every point.
    is_condition: bool,
    /// Results depend on earlier evaluations.
    is_stateful: bool,
    references: Arc<[Arc<str>]>,
}

impl Compiled {
    /// Compiles `lambda` and checks the types of what is written in it.
    pub fn new(lambda: &Lambda, expected: Expected) -> Result<Self, CompileError> {
        Self::with_extra(lambda, expected, Extra::default())
    }

    /// Like [`Self::new`], with names that only this place knows.
    pub fn with_extra(
        lambda: &Lambda,
        expected: Expected,
        extra: Extra,
    ) -> Result<Self, CompileError> {
        let (root, references) = compile::compile(&lambda.expr, extra)?;
        let is_condition = root.kind() == Some(LKind::Bool);
        let is_stateful = root.is_stateful();
        let (root, references) = (Arc::new(root), references.into());
        Ok(Self { root, expected, is_condition, is_stateful, references })
    }

    /// Names of all references, each once, sorted. `time` is one of them where it is used.
    pub fn references(&self) -> &[Arc<str>] {
        &self.references
    }

    /// Whether results depend on earlier evaluations; without, any [`State`] will do.
    pub fn is_stateful(&self) -> bool {
        self.is_stateful
    }

    /// The result for `scope`, of the kind that is expected.
    pub fn eval(
        &self,
        state: &mut State,
        scope: &impl Scope,
        env: &Env<'_>,
    ) -> Result<LValue, EvalError> {
        if self.is_stateful {
            evaluate::type_all(&self.root, scope)?;
        }
        let value = evaluate::eval(&self.root, state, scope, env)?;
        let kind = value.kind();
        let fits = match self.expected {
            Expected::Bool => kind == LKind::Bool,
            Expected::Int => kind == LKind::Int,
            Expected::Any => !matches!(kind, LKind::Time | LKind::Regex | LKind::Missing),
            Expected::Raw => kind != LKind::Missing,
        };
        if fits { Ok(value) } else { Err(self.unexpected(kind)) }
    }

    /// The result of a condition.
    pub fn test(
        &self,
        state: &mut State,
        scope: &impl Scope,
        env: &Env<'_>,
    ) -> Result<bool, EvalError> {
        if self.is_stateful {
            evaluate::type_all(&self.root, scope)?;
        }
        if self.is_condition {
            return condition::truth(&self.root, state, scope, env);
        }
        match evaluate::eval(&self.root, state, scope, env)? {
            LValue::Bool(value) => Ok(value),
            other => Err(self.unexpected(other.kind())),
        }
    }

    #[cold]
    fn unexpected(&self, kind: LKind) -> EvalError {
        if let (LKind::Missing, Some(name)) = (kind, self.root.reference()) {
            return format!("missing value: \"{name}\"").into();
        }
        match self.expected {
            Expected::Any | Expected::Raw => {
                format!("expression returned unexpected type {kind}").into()
            }
            Expected::Bool => type_guard(kind, LKind::Bool),
            Expected::Int => type_guard(kind, LKind::Int),
        }
    }
}

fn type_guard(kind: LKind, expected: LKind) -> EvalError {
    format!("TypeGuard: expression returned unexpected type {kind}, expected {expected}").into()
}
