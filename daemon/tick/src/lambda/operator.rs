//! Unary and binary operators: which kinds they join, and how.

use std::cmp::Ordering;

use model::Duration;

use super::{LKind, LValue, condition};
use crate::ast::{BinaryOp, UnaryOp};

/// The kind of `left op right`; `None` when there is no such operation.
pub(super) fn result(op: BinaryOp, left: LKind, right: LKind) -> Option<LKind> {
    use BinaryOp as B;
    use LKind as K;
    match (op, left, right) {
        (B::And | B::Or | B::Equal | B::NotEqual, K::Bool, K::Bool)
        | (B::Match | B::NotMatch, K::Str, K::Regex) => Some(K::Bool),
        (
            B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual,
            left,
            right,
        ) => comparable(left, right).then_some(K::Bool),
        (B::Plus | B::Minus | B::Times | B::Divide | B::Modulo, K::Int, K::Int) => Some(K::Int),
        (B::Plus | B::Minus | B::Times | B::Divide, K::Float, K::Float) => Some(K::Float),
        (B::Plus, K::Str, K::Str) => Some(K::Str),
        (B::Plus | B::Minus, K::Duration, K::Duration)
        | (B::Times | B::Divide, K::Duration, K::Int | K::Float)
        | (B::Times, K::Int | K::Float, K::Duration) => Some(K::Duration),
        (B::Divide, K::Duration, K::Duration) => Some(K::Int),
        _ => None,
    }
}

fn comparable(left: LKind, right: LKind) -> bool {
    use LKind as K;
    matches!(
        (left, right),
        (K::Int | K::Float, K::Int | K::Float) | (K::Str, K::Str) | (K::Duration, K::Duration)
    )
}

const KINDS: [LKind; 8] = [
    LKind::Bool,
    LKind::Int,
    LKind::Float,
    LKind::Str,
    LKind::Duration,
    LKind::Time,
    LKind::Regex,
    LKind::Missing,
];

/// What is wrong with `left op right`.
#[cold]
pub(super) fn mismatch(op: BinaryOp, left: LKind, right: LKind) -> String {
    if KINDS.iter().any(|&other| result(op, left, other).is_some()) {
        return format!(
            "mismatched type to binary operator. got {left} {} {right}. see bool(), int(), \
             float(), string(), duration()",
            op.symbol()
        );
    }
    let family = if op.is_math() {
        "math"
    } else if op.is_comparison() {
        "comparison"
    } else {
        "logical"
    };
    format!("invalid {family} operator {} for type {left}", op.symbol())
}

/// Refuses operands that a unary operator does not take.
pub(super) fn check_unary(op: UnaryOp, kind: LKind) -> Result<(), String> {
    match (op, kind) {
        (UnaryOp::Minus, LKind::Int | LKind::Float | LKind::Duration)
        | (UnaryOp::Not, LKind::Bool) => Ok(()),
        (UnaryOp::Minus, kind) => Err(format!("invalid math operator - for type {kind}")),
        (UnaryOp::Not, kind) => Err(format!("invalid logical operator ! for type {kind}")),
    }
}

/// `left op right`, but for `AND` and `OR`.
pub(super) fn apply(op: BinaryOp, left: &LValue, right: &LValue) -> Result<LValue, String> {
    use LValue as V;
    let value = match (left, right) {
        (V::Float(a), V::Float(b)) => return float(op, *a, *b),
        (V::Int(a), V::Int(b)) => return int(op, *a, *b),
        (V::Int(a), V::Float(b)) => ordered(op, (*a as f64).partial_cmp(b)),
        (V::Float(a), V::Int(b)) => ordered(op, a.partial_cmp(&(*b as f64))),
        (V::Str(a), V::Str(b)) if op == BinaryOp::Plus => {
            let mut sum = String::with_capacity(a.len() + b.len());
            sum.push_str(a);
            sum.push_str(b);
            Some(V::Str(sum.into()))
        }
        (V::Str(a), V::Str(b)) => ordered(op, Some(a.cmp(b))),
        (V::Bool(a), V::Bool(b)) => match op {
            BinaryOp::Equal => Some(V::Bool(a == b)),
            BinaryOp::NotEqual => Some(V::Bool(a != b)),
            _ => None,
        },
        (V::Str(a), V::Regex(pattern)) => match op {
            BinaryOp::Match => Some(V::Bool(pattern.regex().is_match(a))),
            BinaryOp::NotMatch => Some(V::Bool(!pattern.regex().is_match(a))),
            _ => None,
        },
        (V::Duration(_), _) | (_, V::Duration(_)) => return duration(op, left, right),
        _ => None,
    };
    value.ok_or_else(|| mismatch(op, left.kind(), right.kind()))
}

fn ordered(op: BinaryOp, order: Option<Ordering>) -> Option<LValue> {
    condition::holds(op, order).map(LValue::Bool)
}

fn float(op: BinaryOp, a: f64, b: f64) -> Result<LValue, String> {
    Ok(match op {
        BinaryOp::Plus => LValue::Float(a + b),
        BinaryOp::Minus => LValue::Float(a - b),
        BinaryOp::Times => LValue::Float(a * b),
        BinaryOp::Divide => LValue::Float(a / b),
        _ => {
            return ordered(op, a.partial_cmp(&b))
                .ok_or_else(|| mismatch(op, LKind::Float, LKind::Float));
        }
    })
}

fn int(op: BinaryOp, a: i64, b: i64) -> Result<LValue, String> {
    Ok(LValue::Int(match op {
        BinaryOp::Plus => a.wrapping_add(b),
        BinaryOp::Minus => a.wrapping_sub(b),
        BinaryOp::Times => a.wrapping_mul(b),
        BinaryOp::Divide | BinaryOp::Modulo if b == 0 => return Err(divide_by_zero()),
        BinaryOp::Divide => a.wrapping_div(b),
        BinaryOp::Modulo => a.wrapping_rem(b),
        _ => {
            return ordered(op, Some(a.cmp(&b)))
                .ok_or_else(|| mismatch(op, LKind::Int, LKind::Int));
        }
    }))
}

fn duration(op: BinaryOp, left: &LValue, right: &LValue) -> Result<LValue, String> {
    use BinaryOp as B;
    use LValue as V;
    let length = |ns: i64| Ok(V::Duration(Duration(ns)));
    match (left, op, right) {
        (V::Duration(a), B::Plus, V::Duration(b)) => length(a.0.wrapping_add(b.0)),
        (V::Duration(a), B::Minus, V::Duration(b)) => length(a.0.wrapping_sub(b.0)),
        (V::Duration(a), B::Times, V::Int(n)) | (V::Int(n), B::Times, V::Duration(a)) => {
            length(a.0.wrapping_mul(*n))
        }
        (V::Duration(a), B::Times, V::Float(f)) | (V::Float(f), B::Times, V::Duration(a)) => {
            length(truncate(a.0 as f64 * f))
        }
        (V::Duration(_), B::Divide, V::Int(0) | V::Duration(Duration(0))) => Err(divide_by_zero()),
        (V::Duration(a), B::Divide, V::Int(n)) => length(a.0.wrapping_div(*n)),
        (V::Duration(a), B::Divide, V::Float(f)) => length(truncate(a.0 as f64 / f)),
        (V::Duration(a), B::Divide, V::Duration(b)) => Ok(V::Int(a.0.wrapping_div(b.0))),
        (V::Duration(a), _, V::Duration(b)) => ordered(op, Some(a.cmp(b)))
            .ok_or_else(|| mismatch(op, LKind::Duration, LKind::Duration)),
        _ => Err(mismatch(op, left.kind(), right.kind())),
    }
}

/// Toward zero; NaN and what does not fit become the least int, as on amd64 in Go.
pub(super) fn truncate(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

#[cold]
fn divide_by_zero() -> String {
    "runtime error: integer divide by zero".to_owned()
}
