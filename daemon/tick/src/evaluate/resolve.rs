//! Lambdas made independent of the scope: identifiers become literals of their values.

use std::sync::Arc;

use super::Evaluator;
use crate::Diagnostic;
use crate::ast::{Call, Expr, ExprKind, Lambda, MAX_DEPTH, Pos};
use crate::value::Value;

/// The most expressions a lambda may consist of, those of inlined lambda vars counted at each use.
pub const MAX_LAMBDA_SIZE: usize = 20_000;

impl Evaluator<'_> {
    pub(super) fn resolve_lambda(&self, expr: &Expr) -> Result<Lambda, Diagnostic> {
        let resolved = self.resolve(expr)?;
        let mut budget = MAX_LAMBDA_SIZE;
        spend(&resolved, &mut budget);
        if budget == 0 {
            let text = format!("lambda is larger than {MAX_LAMBDA_SIZE} expressions");
            return Err(Diagnostic::at(expr.pos, text));
        }
        Ok(Lambda { expr: Arc::new(resolved) })
    }

    /// A copy of the tree without identifiers and comments.
    pub(super) fn resolve(&self, expr: &Expr) -> Result<Expr, Diagnostic> {
        let kind = match &expr.kind {
            ExprKind::Identifier(name) => self.literal(self.lookup(name, expr.pos)?, expr.pos)?,
            ExprKind::Unary { op, operand } => {
                ExprKind::Unary { op: *op, operand: Box::new(self.resolve(operand)?) }
            }
            ExprKind::Binary { op, left, right, parens, multi_line } => ExprKind::Binary {
                op: *op,
                left: Box::new(self.resolve(left)?),
                right: Box::new(self.resolve(right)?),
                parens: *parens,
                multi_line: *multi_line,
            },
            ExprKind::Call(call) => ExprKind::Call(Call {
                name: call.name.clone(),
                args: call.args.iter().map(|arg| self.resolve(arg)).collect::<Result<_, _>>()?,
                multi_line: call.multi_line,
            }),
            other => other.clone(),
        };
        node(kind, expr.pos)
    }

    fn literal(&self, value: &Value, pos: Pos) -> Result<ExprKind, Diagnostic> {
        Ok(match value {
            Value::Bool(value) => ExprKind::Bool(*value),
            Value::Int(value) => ExprKind::Int { value: *value, octal: false },
            Value::Float(value) => ExprKind::Float(*value),
            Value::String(value) => ExprKind::String { value: value.clone(), raw: false },
            Value::Duration(value) => {
                ExprKind::Duration { value: *value, literal: value.to_string().into() }
            }
            Value::Regex(pattern) => ExprKind::Regex(pattern.clone()),
            Value::Star => ExprKind::Star,
            Value::Lambda(lambda) => ExprKind::Lambda(lambda.expr.clone()),
            Value::List(items) => {
                let item = |item| node(self.literal(item, pos)?, pos);
                ExprKind::List(items.iter().map(item).collect::<Result<_, _>>()?)
            }
            Value::Reference(_) | Value::Time { .. } | Value::Node(_) | Value::Opaque => {
                let text = format!("unsupported literal type {}", self.go_type(value));
                return Err(Diagnostic::new(pos, text));
            }
        })
    }
}

fn node(kind: ExprKind, pos: Pos) -> Result<Expr, Diagnostic> {
    let below = match &kind {
        ExprKind::Unary { operand, .. } => operand.depth,
        ExprKind::Binary { left, right, .. } => left.depth.max(right.depth),
        ExprKind::Lambda(inner) => inner.depth,
        ExprKind::Call(Call { args: items, .. }) | ExprKind::List(items) => {
            items.iter().map(|item| item.depth).max().unwrap_or(0)
        }
        _ => 0,
    };
    if below >= MAX_DEPTH {
        let text = format!("lambda is nested too deep, the limit is {MAX_DEPTH}");
        return Err(Diagnostic::at(pos, text));
    }
    Ok(Expr { pos, kind, comment: None, depth: below + 1 })
}

/// Takes one from the budget for each expression, until it is empty.
fn spend(expr: &Expr, budget: &mut usize) {
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    match &expr.kind {
        ExprKind::Unary { operand, .. } => spend(operand, budget),
        ExprKind::Binary { left, right, .. } => {
            spend(left, budget);
            spend(right, budget);
        }
        ExprKind::Lambda(inner) => spend(inner, budget),
        ExprKind::Call(Call { args: items, .. }) | ExprKind::List(items) => {
            for item in items {
                spend(item, budget);
            }
        }
        _ => {}
    }
}
