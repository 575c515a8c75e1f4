//! The short way for conditions: comparisons of fields, tags and literals without a copy.
//!
//! Whatever is not plain goes through [`evaluate`], which also finds the words for errors.

use std::cmp::Ordering;

use model::Value;

use super::compile::Node;
use super::{Env, EvalError, Found, LKind, LValue, Scope, State, evaluate};
use crate::ast::BinaryOp;

/// A value looked at, not taken.
#[derive(Clone, Copy)]
enum Glance<'a> {
    Float(f64),
    Int(i64),
    Str(&'a str),
}

/// The truth of a node whose kind is boolean for every point.
pub(super) fn truth<S: Scope>(
    node: &Node,
    state: &mut State,
    scope: &S,
    env: &Env<'_>,
) -> Result<bool, EvalError> {
    match node {
        Node::Binary { op, left, right, .. } => {
            if let Some(b) = glance(right, scope)
                && let Some(a) = glance(left, scope)
                && let Some(holds) = compare(*op, a, b)
            {
                return Ok(holds);
            }
        }
        Node::Logic { and, checked: true, left, right, .. } if left.kind() == Some(LKind::Bool) => {
            let first = truth(left, state, scope, env)?;
            if first == *and {
                return truth(right, state, scope, env);
            }
            let op = if *and { BinaryOp::And } else { BinaryOp::Or };
            return evaluate::skip(op, (left, right), true, scope).map(|()| first);
        }
        Node::Not(operand) if operand.kind() == Some(LKind::Bool) => {
            return truth(operand, state, scope, env).map(|value| !value);
        }
        _ => {}
    }
    match evaluate::eval(node, state, scope, env)? {
        LValue::Bool(value) => Ok(value),
        other => Err(super::type_guard(other.kind(), LKind::Bool)),
    }
}

#[inline]
fn glance<'a, S: Scope>(node: &'a Node, scope: &'a S) -> Option<Glance<'a>> {
    match node {
        Node::Literal(LValue::Float(value)) => Some(Glance::Float(*value)),
        Node::Literal(LValue::Int(value)) => Some(Glance::Int(*value)),
        Node::Literal(LValue::Str(value)) => Some(Glance::Str(value)),
        Node::Reference(name) => match scope.lookup(name) {
            Found::Value(Value::Float(value)) => Some(Glance::Float(*value)),
            Found::Value(Value::Int(value)) => Some(Glance::Int(*value)),
            Found::Value(Value::Str(value)) | Found::Tag(value) => Some(Glance::Str(value)),
            _ => None,
        },
        _ => None,
    }
}

#[inline]
fn compare(op: BinaryOp, a: Glance<'_>, b: Glance<'_>) -> Option<bool> {
    match (a, b) {
        (Glance::Float(a), Glance::Float(b)) => holds(op, a.partial_cmp(&b)),
        (Glance::Int(a), Glance::Int(b)) => holds(op, Some(a.cmp(&b))),
        (Glance::Int(a), Glance::Float(b)) => holds(op, (a as f64).partial_cmp(&b)),
        (Glance::Float(a), Glance::Int(b)) => holds(op, a.partial_cmp(&(b as f64))),
        (Glance::Str(a), Glance::Str(b)) => match op {
            BinaryOp::Equal => Some(a == b),
            BinaryOp::NotEqual => Some(a != b),
            _ => holds(op, Some(a.cmp(b))),
        },
        _ => None,
    }
}

/// Whether operands in this order satisfy the comparison; `None` order is that of a NaN.
#[inline]
pub(super) fn holds(op: BinaryOp, order: Option<Ordering>) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => order == Some(Ordering::Equal),
        BinaryOp::NotEqual => order != Some(Ordering::Equal),
        BinaryOp::Less => order == Some(Ordering::Less),
        BinaryOp::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Greater => order == Some(Ordering::Greater),
        BinaryOp::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => return None,
    })
}
