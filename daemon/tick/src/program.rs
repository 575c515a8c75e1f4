//! What a script tells before it is evaluated.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::{ChainOp, Comment, Expr, ExprKind, LinkTarget, Program, StatementKind};
use crate::value::VarType;

/// The two kinds of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskType {
    /// Points are written to the member.
    Stream,
    /// The member queries a database.
    Batch,
}

impl TaskType {
    /// The name of its root, and its word in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Batch => "batch",
        }
    }
}

/// A var as the script declares it.
#[derive(Clone, Debug)]
pub struct DeclaredVar {
    /// Its name.
    pub name: Arc<str>,
    /// Its type, `None` when only evaluation can tell.
    pub kind: Option<VarType>,
    /// The expression of its default; `None` when the user must supply the value.
    pub default: Option<Expr>,
    /// The comment above it, lines joined by `\n`.
    pub description: String,
}

impl Program {
    /// The database and retention policy pairs of its `dbrp` statements, in order.
    pub fn dbrps(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let pair = |kind: &StatementKind| match kind {
            StatementKind::Dbrp { database, retention_policy } => {
                Some((database.clone(), retention_policy.clone()))
            }
            _ => None,
        };
        self.statements.iter().filter_map(|statement| pair(&statement.kind)).collect()
    }

    /// The task type all its chains agree on; `None` (`invalid task type: invalid`) when no chain
    /// starts at a root, or both roots are used.
    pub fn task_type(&self) -> Option<TaskType> {
        let mut found = None;
        for statement in &self.statements {
            let expr = match &statement.kind {
                StatementKind::Declaration { value, .. } => value,
                // A root that stands alone makes no task.
                StatementKind::Expression(expr) if matches!(expr.kind, ExprKind::Chain { .. }) => {
                    expr
                }
                _ => continue,
            };
            let kind = match head(expr) {
                Some("stream") => TaskType::Stream,
                Some("batch") => TaskType::Batch,
                _ => continue,
            };
            match found {
                Some(other) if other != kind => return None,
                _ => found = Some(kind),
            }
        }
        found
    }

    /// All `var` statements in order, node vars included.
    pub fn declared_vars(&self) -> Vec<DeclaredVar> {
        let mut vars = Vec::new();
        for statement in &self.statements {
            let description = description(statement.comment.as_ref());
            vars.push(match &statement.kind {
                StatementKind::Declaration { name, value } => DeclaredVar {
                    name: name.name.clone(),
                    kind: literal_type(value),
                    default: Some(value.clone()),
                    description,
                },
                StatementKind::TypeDeclaration { name, kind } => DeclaredVar {
                    name: name.name.clone(),
                    kind: VarType::parse(&kind.name),
                    default: None,
                    description,
                },
                _ => continue,
            });
        }
        vars
    }

    /// The names called after `@`, sorted.
    pub fn udfs(&self) -> BTreeSet<Arc<str>> {
        let mut names = BTreeSet::new();
        for statement in &self.statements {
            if let StatementKind::Declaration { value: expr, .. }
            | StatementKind::Expression(expr) = &statement.kind
            {
                collect_udfs(expr, &mut names);
            }
        }
        names
    }
}

/// The lines of a comment as the description of the var below it.
pub(crate) fn description(comment: Option<&Comment>) -> String {
    let blocks = comment.map_or(&[][..], |comment| &comment.blocks);
    blocks.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n\n")
}

/// The identifier a chain starts with.
fn head(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Chain { head: first, .. } => head(first),
        ExprKind::Identifier(name) => Some(name),
        _ => None,
    }
}

fn literal_type(expr: &Expr) -> Option<VarType> {
    Some(match &expr.kind {
        ExprKind::Int { .. } => VarType::Int,
        ExprKind::Float(_) => VarType::Float,
        ExprKind::String { .. } => VarType::String,
        ExprKind::Bool(_) => VarType::Bool,
        ExprKind::Duration { .. } => VarType::Duration,
        ExprKind::Regex(_) => VarType::Regex,
        ExprKind::Star => VarType::Star,
        ExprKind::List(_) => VarType::List,
        ExprKind::Lambda(_) => VarType::Lambda,
        ExprKind::Unary { operand, .. } => return literal_type(operand),
        _ => return None,
    })
}

fn collect_udfs(expr: &Expr, names: &mut BTreeSet<Arc<str>>) {
    let ExprKind::Chain { links, .. } = &expr.kind else {
        return;
    };
    for link in links {
        if let LinkTarget::Call(call) = &link.target {
            if link.op == ChainOp::Dynamic {
                names.insert(call.name.clone());
            }
            for arg in &call.args {
                collect_udfs(arg, names);
            }
        }
    }
}
