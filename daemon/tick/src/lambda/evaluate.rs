//! Evaluates a compiled expression for one point.

use std::sync::PoisonError;

use model::Value;
use smallvec::SmallVec;

use super::compile::Node;
use super::function::{Function, Run};
use super::{Env, EvalError, Found, LKind, LValue, MAX_ARGS, Scope, State, operator};
use crate::ast::{BinaryOp, UnaryOp};

type Args = SmallVec<[LValue; MAX_ARGS]>;

/// The value of `node`; [`LValue::Missing`] only for a reference that stands alone.
pub(super) fn eval<S: Scope>(
    node: &Node,
    state: &mut State,
    scope: &S,
    env: &Env<'_>,
) -> Result<LValue, EvalError> {
    match node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Reference(name) => reference(name, scope),
        Node::Time => Ok(scope.time().map_or(LValue::Missing, LValue::Time)),
        Node::Binary { op, stateful, left, right } => {
            if *stateful && op.is_comparison() {
                type_sides(*op, left, right, scope)?;
            }
            binary(*op, left, right, state, scope, env)
        }
        Node::Logic { and, checked, stateful, left, right } => {
            let op = if *and { BinaryOp::And } else { BinaryOp::Or };
            if *stateful {
                type_sides(op, left, right, scope)?;
            }
            let value = eval(left, state, scope, env)?;
            let LValue::Bool(first) = value else {
                let other = kind_of(right, scope)?;
                return Err(operands(op, (left, value.kind()), (right, Some(other))));
            };
            if first != *and {
                skip(op, (left, right), *checked, scope)?;
                return Ok(LValue::Bool(first));
            }
            match eval(right, state, scope, env)? {
                LValue::Bool(second) => Ok(LValue::Bool(second)),
                other => Err(operands(op, (left, LKind::Bool), (right, Some(other.kind())))),
            }
        }
        Node::Not(operand) => match eval(operand, state, scope, env)? {
            LValue::Bool(value) => Ok(LValue::Bool(!value)),
            other => Err(unary(UnaryOp::Not, operand, other.kind())),
        },
        Node::Minus(operand) => match eval(operand, state, scope, env)? {
            LValue::Int(value) => Ok(LValue::Int(value.wrapping_neg())),
            LValue::Float(value) => Ok(LValue::Float(-value)),
            LValue::Duration(value) => {
                Ok(LValue::Duration(model::Duration(value.0.wrapping_neg())))
            }
            other => Err(unary(UnaryOp::Minus, operand, other.kind())),
        },
        Node::Call { function, args, source } => call(function, (args, source), state, scope, env),
        Node::Extra { name, .. } => {
            scope.call(name).ok_or_else(|| format!("undefined function: \"{name}\"").into())
        }
        Node::Failing(text) => Err(text.to_string().into()),
        Node::Nested { root, state } => {
            // A panic elsewhere cannot leave numbers half written.
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            eval(root, &mut state, scope, env)
        }
    }
}

fn reference<S: Scope>(name: &str, scope: &S) -> Result<LValue, EvalError> {
    match scope.lookup(name) {
        Found::Value(value) => Ok(value.into()),
        Found::Tag(value) => Ok(LValue::Str(value.clone())),
        Found::Computed(value) => Ok(value.clone()),
        Found::Missing => Ok(LValue::Missing),
        Found::TagAndField => Err(ambiguous(name)),
    }
}

#[cold]
fn ambiguous(name: &str) -> EvalError {
    format!("cannot have field and tags with same name \"{name}\"").into()
}

/// A float operand that costs no more than a look: a literal or a field.
fn float<S: Scope>(node: &Node, scope: &S) -> Option<f64> {
    match node {
        Node::Literal(LValue::Float(value)) => Some(*value),
        Node::Reference(name) => match scope.lookup(name) {
            Found::Value(Value::Float(value)) => Some(*value),
            _ => None,
        },
        _ => None,
    }
}

fn binary<S: Scope>(
    op: BinaryOp,
    left: &Node,
    right: &Node,
    state: &mut State,
    scope: &S,
    env: &Env<'_>,
) -> Result<LValue, EvalError> {
    if let Some(b) = float(right, scope)
        && let Some(a) = float(left, scope)
    {
        match op {
            BinaryOp::Greater => return Ok(LValue::Bool(a > b)),
            BinaryOp::Less => return Ok(LValue::Bool(a < b)),
            BinaryOp::GreaterEqual => return Ok(LValue::Bool(a >= b)),
            BinaryOp::LessEqual => return Ok(LValue::Bool(a <= b)),
            _ => return Ok(operator::apply(op, &LValue::Float(a), &LValue::Float(b))?),
        }
    }
    let a = eval(left, state, scope, env)?;
    if matches!(a, LValue::Missing) {
        return Err(operands(op, (left, LKind::Missing), (right, None)));
    }
    let b = eval(right, state, scope, env)?;
    if matches!(b, LValue::Missing) {
        return Err(operands(op, (left, a.kind()), (right, Some(LKind::Missing))));
    }
    Ok(operator::apply(op, &a, &b)?)
}

/// Finds what is wrong with the right side of an `AND` or `OR` that the left side has decided: it is
/// typed, unless it is `checked`, but not evaluated.
pub(super) fn skip<S: Scope>(
    op: BinaryOp,
    (left, right): (&Node, &Node),
    checked: bool,
    scope: &S,
) -> Result<(), EvalError> {
    check_names(right, scope)?;
    if checked {
        return Ok(());
    }
    match kind_of(right, scope)? {
        LKind::Bool => Ok(()),
        other => Err(operands(op, (left, LKind::Bool), (right, Some(other)))),
    }
}

/// Types a whole expression before any of it is evaluated, so that an error leaves the state alone.
pub(super) fn type_all<S: Scope>(node: &Node, scope: &S) -> Result<(), EvalError> {
    check_names(node, scope)?;
    kind_of(node, scope).map(drop)
}

/// Refuses operands that `op` does not join.
fn type_sides<S: Scope>(
    op: BinaryOp,
    left: &Node,
    right: &Node,
    scope: &S,
) -> Result<(), EvalError> {
    let (l, r) = (kind_of(left, scope)?, kind_of(right, scope)?);
    match operator::result(op, l, r) {
        Some(_) => Ok(()),
        None => Err(operands(op, (left, l), (right, Some(r)))),
    }
}

/// A name of a field and of a tag fails the expression even where it is not evaluated.
fn check_names<S: Scope>(node: &Node, scope: &S) -> Result<(), EvalError> {
    match node {
        Node::Reference(name) => reference(name, scope).map(drop),
        Node::Not(operand) | Node::Minus(operand) => check_names(operand, scope),
        Node::Logic { left, right, .. } | Node::Binary { left, right, .. } => {
            check_names(left, scope)?;
            check_names(right, scope)
        }
        Node::Call { args, .. } => args.iter().try_for_each(|arg| check_names(arg, scope)),
        Node::Nested { root, .. } => check_names(root, scope),
        Node::Literal(_) | Node::Time | Node::Extra { .. } | Node::Failing(_) => Ok(()),
    }
}

/// The kind a node will have. What is a boolean for every point is not looked into.
fn kind_of<S: Scope>(node: &Node, scope: &S) -> Result<LKind, EvalError> {
    if let Some(kind) = node.kind() {
        return Ok(kind);
    }
    match node {
        Node::Reference(name) => Ok(reference(name, scope)?.kind()),
        Node::Time => Ok(if scope.time().is_some() { LKind::Time } else { LKind::Missing }),
        Node::Minus(operand) | Node::Not(operand) => kind_of(operand, scope),
        Node::Nested { root, .. } => kind_of(root, scope),
        Node::Binary { op, left, right, .. } => {
            let (l, r) = (kind_of(left, scope)?, kind_of(right, scope)?);
            operator::result(*op, l, r).ok_or_else(|| operands(*op, (left, l), (right, Some(r))))
        }
        Node::Call { function, args, source } => {
            let mut kinds = SmallVec::<[LKind; MAX_ARGS]>::new();
            for (i, arg) in args.iter().enumerate() {
                kinds.push(kind_of(arg, scope).map_err(|e| within_argument(i, &e))?);
            }
            function.result(&kinds).ok_or_else(|| refused(function, &kinds, source, scope))
        }
        Node::Failing(text) => Err(text.to_string().into()),
        Node::Literal(_) | Node::Logic { .. } | Node::Extra { .. } => Ok(LKind::Bool),
    }
}

#[cold]
fn within_argument(i: usize, error: &EvalError) -> EvalError {
    format!("Failed to handle {} argument: {error}", i + 1).into()
}

/// Why operands of these kinds cannot be joined. An unknown right kind counts as a match.
#[cold]
fn operands(op: BinaryOp, left: (&Node, LKind), right: (&Node, Option<LKind>)) -> EvalError {
    for (side, node, kind) in [("left", left.0, Some(left.1)), ("right", right.0, right.1)] {
        if let (Some(LKind::Missing), Some(name)) = (kind, node.reference()) {
            return format!("{side} reference value \"{name}\" is missing value").into();
        }
    }
    operator::mismatch(op, left.1, right.1.unwrap_or(left.1)).into()
}

#[cold]
fn unary(op: UnaryOp, operand: &Node, kind: LKind) -> EvalError {
    match (kind, operand.reference()) {
        (LKind::Missing, Some(name)) => format!("reference \"{name}\" is missing value").into(),
        _ => operator::check_unary(op, kind)
            .err()
            .unwrap_or_else(|| format!("invalid operand of {}", op.symbol()))
            .into(),
    }
}

fn call<S: Scope>(
    function: &Function,
    (nodes, source): (&[Node], &[String]),
    state: &mut State,
    scope: &S,
    env: &Env<'_>,
) -> Result<LValue, EvalError> {
    let mut args = Args::new();
    for (i, node) in nodes.iter().enumerate() {
        match eval(node, state, scope, env) {
            Ok(value) => args.push(value),
            Err(e) => return Err(within_argument(i, &e)),
        }
    }
    if !function.accepts(&args) {
        let kinds: SmallVec<[LKind; MAX_ARGS]> = args.iter().map(LValue::kind).collect();
        return Err(refused(function, &kinds, source, scope));
    }
    let result = match function.run {
        Run::Pure(run) => run(&args),
        Run::Env(run) => run(&args, env),
        Run::Stateful(run) => run(&args, state, env),
    };
    result.map_err(|text| format!("error calling \"{}\": {text}", function.name).into())
}

#[cold]
fn refused<S: Scope>(
    function: &Function,
    args: &[LKind],
    source: &[String],
    scope: &S,
) -> EvalError {
    let name = function.name;
    let missing: Vec<&str> = args
        .iter()
        .zip(source)
        .filter(|(arg, _)| **arg == LKind::Missing)
        .map(|(_, source)| &**source)
        .collect();
    if !missing.is_empty() {
        let (word, verb) =
            if missing.len() == 1 { ("argument", "is") } else { ("arguments", "are") };
        let known: Vec<String> = scope.names().iter().map(|n| format!("\"{n}\"")).collect();
        return format!(
            "Cannot call function \"{name}\" {word} {} {verb} missing, values in scope are [{}]",
            missing.join(", "),
            known.join(", ")
        )
        .into();
    }
    let given: Vec<String> =
        args.iter().zip(source).map(|(arg, source)| format!("{source}: {arg}")).collect();
    format!(
        "Cannot call function \"{name}\" with args ({}), available signatures are [{}].",
        given.join(","),
        function.signatures_text()
    )
    .into()
}
