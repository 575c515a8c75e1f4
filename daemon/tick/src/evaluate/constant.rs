//! Arithmetic outside lambdas, computed by the lambda engine in an empty scope.

use model::Time;

use crate::Diagnostic;
use crate::ast::{Call, Expr, ExprKind, Lambda};
use crate::lambda::{Compiled, Empty, Env, Expected, LValue, State};
use crate::value::Value;

/// The value of a resolved expression. A reference in it, most often because the word `lambda:` is
/// missing, is an undefined name. `now()` is 1970 here: what a script computes depends on nothing
/// but the script.
pub(super) fn evaluate(lambda: &Lambda) -> Result<Value, Diagnostic> {
    let pos = lambda.expr.pos;
    if let Some(reference) = first_reference(&lambda.expr)
        && let ExprKind::Reference(name) = &reference.kind
    {
        let error = super::undefined(name, &[], reference.pos);
        return Err(error.with_hint("fields are known only inside of a lambda: write lambda: …"));
    }
    let compiled = Compiled::new(lambda, Expected::Raw)
        .map_err(|error| Diagnostic::new(pos, error.to_string()))?;
    let env = Env { now: Time(0), zone: &jiff::tz::TimeZone::UTC, seed: 0 };
    let value = compiled
        .eval(&mut State::default(), &Empty, &env)
        .map_err(|error| Diagnostic::new(pos, error.to_string()))?;
    Ok(match value {
        LValue::Bool(value) => Value::Bool(value),
        LValue::Int(value) => Value::Int(value),
        LValue::Float(value) => Value::Float(value),
        LValue::Str(value) => Value::String(value),
        LValue::Duration(value) => Value::Duration(value),
        other => {
            let text = format!("expression returned unexpected type {}", other.kind());
            return Err(Diagnostic::new(pos, text));
        }
    })
}

fn first_reference(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Reference(_) => Some(expr),
        ExprKind::Unary { operand, .. } => first_reference(operand),
        ExprKind::Binary { left, right, .. } => {
            first_reference(left).or_else(|| first_reference(right))
        }
        ExprKind::Call(Call { args, .. }) => args.iter().find_map(first_reference),
        ExprKind::Lambda(inner) => first_reference(inner),
        _ => None,
    }
}
