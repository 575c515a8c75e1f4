//! The tree to text, in Kapacitor's one style. Formatting what was formatted changes nothing.

use std::fmt::{self, Write as _};

use crate::Diagnostic;
use crate::ast::{
    Call, ChainOp, Comment, Expr, ExprKind, Lambda, Link, LinkTarget, Program, Statement,
    StatementKind,
};

const STEP: usize = 4;

/// Formats a script as `tickfmt` does.
pub fn format(script: &str) -> Result<String, Diagnostic> {
    crate::parser::parse(script).map(|program| program.to_string())
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Printer { out: String::new() };
        for (i, statement) in self.statements.iter().enumerate() {
            if i != 0 {
                out.out.push('\n');
            }
            out.statement(statement);
            out.out.push('\n');
        }
        f.write_str(&out.out)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Printer { out: String::new() };
        out.expr(self, 0, true);
        f.write_str(&out.out)
    }
}

/// The expression without the word `lambda:`, as the API shows lambda vars.
impl fmt::Display for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

/// In each method `indent` is the number of spaces of lines begun by it, and `fresh` says that the
/// output stands at the start of a line, whose indent is still to be written.
struct Printer {
    out: String,
}

impl Printer {
    fn indent(&mut self, indent: usize, fresh: bool) {
        if fresh {
            self.out.extend(std::iter::repeat_n(' ', indent));
        }
    }

    /// Prints the comment on lines of its own; true when it left the output at the start of a line.
    fn comment(&mut self, comment: Option<&Comment>, indent: usize, fresh: bool) -> bool {
        let Some(comment) = comment else {
            return fresh;
        };
        if !fresh {
            self.out.push('\n');
        }
        for (i, block) in comment.blocks.iter().enumerate() {
            if i != 0 {
                self.out.push('\n');
            }
            for line in block {
                self.indent(indent, true);
                self.out.push_str("//");
                if !line.is_empty() {
                    self.out.push(' ');
                    self.out.push_str(line);
                }
                self.out.push('\n');
            }
        }
        true
    }

    fn statement(&mut self, statement: &Statement) {
        self.comment(statement.comment.as_ref(), 0, true);
        match &statement.kind {
            StatementKind::Declaration { name, value } => {
                self.out.push_str("var ");
                self.out.push_str(&name.name);
                self.out.push_str(" = ");
                self.expr(value, 0, false);
            }
            StatementKind::TypeDeclaration { name, kind } => {
                self.out.push_str("var ");
                self.out.push_str(&name.name);
                self.out.push(' ');
                self.out.push_str(&kind.name);
            }
            StatementKind::Dbrp { database, retention_policy } => {
                self.out.push_str("dbrp ");
                self.quoted(database, '"');
                self.out.push('.');
                self.quoted(retention_policy, '"');
            }
            StatementKind::Expression(expr) => self.expr(expr, 0, true),
            StatementKind::Trailing => {}
        }
    }

    fn expr(&mut self, expr: &Expr, mut indent: usize, fresh: bool) {
        let fresh = self.comment(expr.comment.as_ref(), indent, fresh);
        if let ExprKind::Chain { head, links } = &expr.kind {
            self.expr(head, indent, fresh);
            for link in links {
                self.link(link, indent);
            }
            return;
        }
        let bare = matches!(expr.kind, ExprKind::Binary { parens: false, .. });
        if !bare {
            self.indent(indent, fresh);
        }
        match &expr.kind {
            ExprKind::Unary { op, operand } => {
                self.out.push_str(op.symbol());
                self.expr(operand, indent, false);
            }
            ExprKind::Binary { op, left, right, parens, multi_line } => {
                if *parens {
                    self.out.push('(');
                    indent += STEP;
                }
                self.expr(left, indent, fresh && bare);
                self.out.push(' ');
                self.out.push_str(op.symbol());
                self.out.push(if *multi_line { '\n' } else { ' ' });
                self.expr(right, indent, *multi_line);
                if *parens {
                    self.out.push(')');
                }
            }
            ExprKind::Call(call) => self.call(call, indent),
            ExprKind::List(items) => {
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i != 0 {
                        self.out.push_str(", ");
                    }
                    self.expr(item, indent, false);
                }
                self.out.push(']');
            }
            ExprKind::Lambda(inner) => {
                self.out.push_str("lambda: ");
                self.expr(inner, indent, false);
            }
            leaf => self.leaf(leaf),
        }
    }

    fn leaf(&mut self, kind: &ExprKind) {
        match kind {
            ExprKind::Int { value, octal: true } => {
                self.out.push('0');
                write!(self.out, "{value:o}").expect("writing to memory");
            }
            ExprKind::Int { value, .. } => self.out.push_str(&value.to_string()),
            ExprKind::Float(value) => {
                let text = value.to_string();
                let whole = value.is_finite() && !text.contains('.');
                self.out.push_str(&text);
                self.out.push_str(if whole { ".0" } else { "" });
            }
            ExprKind::String { value, raw: true } => {
                self.out.push_str("'''");
                self.out.push_str(value);
                self.out.push_str("'''");
            }
            ExprKind::String { value, .. } => self.quoted(value, '\''),
            ExprKind::Bool(value) => self.out.push_str(if *value { "TRUE" } else { "FALSE" }),
            ExprKind::Duration { literal, .. } => self.out.push_str(literal),
            ExprKind::Regex(pattern) => self.quoted(pattern.source(), '/'),
            ExprKind::Star => self.out.push('*'),
            ExprKind::Reference(name) => self.quoted(name, '"'),
            ExprKind::Identifier(name) => self.out.push_str(name),
            ExprKind::Unary { .. }
            | ExprKind::Binary { .. }
            | ExprKind::Call(_)
            | ExprKind::List(_)
            | ExprKind::Lambda(_)
            | ExprKind::Chain { .. } => {}
        }
    }

    fn quoted(&mut self, text: &str, quote: char) {
        self.out.push(quote);
        for c in text.chars() {
            if c == quote {
                self.out.push('\\');
            }
            self.out.push(c);
        }
        self.out.push(quote);
    }

    fn link(&mut self, link: &Link, indent: usize) {
        let indent = indent + if link.op == ChainOp::Property { 2 * STEP } else { STEP };
        self.out.push('\n');
        self.comment(link.comment.as_ref(), indent, true);
        self.indent(indent, true);
        self.out.push_str(link.op.symbol());
        match &link.target {
            LinkTarget::Call(call) => self.call(call, indent),
            LinkTarget::Name(name) => self.out.push_str(name),
        }
    }

    fn call(&mut self, call: &Call, indent: usize) {
        self.out.push_str(&call.name);
        self.out.push('(');
        for (i, arg) in call.args.iter().enumerate() {
            if i != 0 {
                self.out.push_str(if call.multi_line { "," } else { ", " });
            }
            if call.multi_line {
                self.out.push('\n');
            }
            self.expr(arg, indent + STEP, call.multi_line);
        }
        if call.multi_line {
            self.out.push('\n');
            self.indent(indent, true);
        }
        self.out.push(')');
    }
}
