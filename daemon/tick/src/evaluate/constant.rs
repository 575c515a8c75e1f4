//! Arithmetic outside lambdas, computed by the lambda engine in an empty scope.

use crate::Diagnostic;
use crate::ast::{Call, Expr, ExprKind, Lambda};
use crate::value::Value;

/// The value of a resolved expression. A reference in it, most often because the word `lambda:` is
/// missing, is an undefined name.
pub(super) fn evaluate(lambda: &Lambda) -> Result<Value, Diagnostic> {
    if let Some(reference) = first_reference(&lambda.expr)
        && let ExprKind::Reference(name) = &reference.kind
    {
        let error = super::undefined(name, &[], reference.pos);
        return Err(error.with_hint("fields are known only inside of a lambda: write lambda: …"));
    }
    Err(Diagnostic::new(lambda.expr.pos, "constant expressions are not supported yet"))
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
