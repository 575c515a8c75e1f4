//! How messages show an argument: the expression as it would be written.

use crate::ast::{Expr, ExprKind};

pub(super) fn source(expr: &Expr) -> String {
    let mut text = String::new();
    write(expr, &mut text);
    text
}

fn write(expr: &Expr, out: &mut String) {
    match &expr.kind {
        ExprKind::Int { value, .. } => out.push_str(&value.to_string()),
        ExprKind::Float(value) => {
            let digits = super::convert::plain(*value);
            out.push_str(&digits);
            if value.is_finite() && value.fract() == 0.0 {
                out.push_str(".0");
            }
        }
        ExprKind::String { value, .. } => quoted(value, '\'', out),
        ExprKind::Bool(value) => out.push_str(if *value { "TRUE" } else { "FALSE" }),
        ExprKind::Duration { value, .. } => out.push_str(&value.to_string()),
        ExprKind::Regex(pattern) => quoted(pattern.source(), '/', out),
        ExprKind::Star => out.push('*'),
        ExprKind::Reference(name) => quoted(name, '"', out),
        ExprKind::Identifier(name) => out.push_str(name),
        ExprKind::Unary { op, operand } => {
            out.push_str(op.symbol());
            write(operand, out);
        }
        ExprKind::Binary { op, left, right, parens, .. } => {
            out.push_str(if *parens { "(" } else { "" });
            write(left, out);
            out.push(' ');
            out.push_str(op.symbol());
            out.push(' ');
            write(right, out);
            out.push_str(if *parens { ")" } else { "" });
        }
        ExprKind::Call(call) => {
            out.push_str(&call.name);
            list(&call.args, ('(', ')'), out);
        }
        ExprKind::List(items) => list(items, ('[', ']'), out),
        ExprKind::Lambda(inner) => write(inner, out),
        ExprKind::Chain { head, .. } => write(head, out),
    }
}

fn quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        if c == quote {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(quote);
}

fn list(items: &[Expr], (open, close): (char, char), out: &mut String) {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        write(item, out);
    }
    out.push(close);
}
