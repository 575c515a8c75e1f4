//! From the tree of a script to the tree that is evaluated; what is known already is checked.

use std::fmt;
use std::sync::{Arc, Mutex};

use model::Str;

use super::function::{self, Function};
use super::{CompileError, Extra, LKind, LValue, State, operator};
use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

/// A compiled expression.
#[derive(Debug)]
pub(super) enum Node {
    Literal(LValue),
    Reference(Str),
    /// `"time"`
    Time,
    Not(Box<Node>),
    Minus(Box<Node>),
    /// `AND` or `OR`; `checked` when the right side is a boolean whatever the point.
    Logic {
        and: bool,
        checked: bool,
        /// A side keeps state: both sides are typed before one of them is evaluated.
        stateful: bool,
        left: Box<Node>,
        right: Box<Node>,
    },
    Binary {
        op: BinaryOp,
        /// As for logic.
        stateful: bool,
        left: Box<Node>,
        right: Box<Node>,
    },
    Call {
        function: &'static Function,
        args: Box<[Node]>,
        source: Box<[String]>,
    },
    /// A function of [`Extra`].
    Extra {
        name: &'static str,
        kind: LKind,
    },
    /// Fails when it is reached.
    Failing(Box<str>),
    /// An inlined lambda var with stateful calls: one state for all groups.
    Nested {
        root: Box<Node>,
        state: Mutex<State>,
    },
}

impl Node {
    pub(super) fn is_stateful(&self) -> bool {
        match self {
            Self::Not(operand) | Self::Minus(operand) => operand.is_stateful(),
            Self::Logic { stateful, .. } | Self::Binary { stateful, .. } => *stateful,
            Self::Call { function, args, .. } => {
                function.is_stateful() || args.iter().any(Self::is_stateful)
            }
            Self::Nested { .. } => true,
            Self::Literal(_)
            | Self::Reference(_)
            | Self::Time
            | Self::Extra { .. }
            | Self::Failing(_) => false,
        }
    }

    /// The name when the node is nothing but a reference.
    pub(super) fn reference(&self) -> Option<&str> {
        match self {
            Self::Reference(name) => Some(name),
            Self::Time => Some("time"),
            _ => None,
        }
    }

    /// The kind it has for every point, when that is known.
    pub(super) fn kind(&self) -> Option<LKind> {
        match self {
            Self::Literal(value) => Some(value.kind()),
            Self::Not(_) | Self::Logic { .. } => Some(LKind::Bool),
            Self::Minus(operand) => operand.kind(),
            Self::Binary { op, .. } if op.is_comparison() => Some(LKind::Bool),
            Self::Binary { op, left, right, .. } => {
                operator::result(*op, left.kind()?, right.kind()?)
            }
            Self::Extra { kind, .. } => Some(*kind),
            Self::Nested { root, .. } => root.kind(),
            // "time" is a reference: like every other one it is typed with each point.
            Self::Time | Self::Reference(_) | Self::Call { .. } | Self::Failing(_) => None,
        }
    }
}

/// Compiles `expr`; also the names it refers to, sorted.
pub(super) fn compile(expr: &Expr, extra: Extra) -> Result<(Node, Vec<Arc<str>>), CompileError> {
    check_identifiers(expr, extra)?;
    let mut compiler = Compiler { extra, references: Vec::new() };
    let root = compiler.node(expr)?;
    compiler.references.sort_unstable();
    compiler.references.dedup();
    Ok((root, compiler.references))
}

/// Refuses an identifier that stands for nothing, wherever it is.
fn check_identifiers(expr: &Expr, extra: Extra) -> Result<(), CompileError> {
    match &expr.kind {
        ExprKind::Identifier(name) => constant(name, extra).map(drop),
        ExprKind::Unary { operand, .. } => check_identifiers(operand, extra),
        ExprKind::Binary { left, right, .. } => {
            check_identifiers(left, extra)?;
            check_identifiers(right, extra)
        }
        ExprKind::Call(call) => call.args.iter().try_for_each(|arg| check_identifiers(arg, extra)),
        ExprKind::Lambda(inner) => check_identifiers(inner, extra),
        _ => Ok(()),
    }
}

fn constant(name: &str, extra: Extra) -> Result<Node, CompileError> {
    let known = extra.constants.iter().find(|(known, _)| *known == name);
    let (_, value) = known.ok_or_else(|| CompileError(format!("unknown identifier \"{name}\"")))?;
    Ok(Node::Literal(LValue::Int(*value)))
}

struct Compiler {
    extra: Extra,
    references: Vec<Arc<str>>,
}

impl Compiler {
    fn node(&mut self, expr: &Expr) -> Result<Node, CompileError> {
        Ok(match &expr.kind {
            ExprKind::Int { value, .. } => Node::Literal(LValue::Int(*value)),
            ExprKind::Float(value) => Node::Literal(LValue::Float(*value)),
            ExprKind::String { value, .. } => Node::Literal(LValue::Str(value.clone())),
            ExprKind::Bool(value) => Node::Literal(LValue::Bool(*value)),
            ExprKind::Duration { value, .. } => Node::Literal(LValue::Duration(*value)),
            ExprKind::Regex(pattern) => Node::Literal(LValue::Regex(pattern.clone())),
            ExprKind::Reference(name) => self.reference(name),
            ExprKind::Identifier(name) => constant(name, self.extra)?,
            ExprKind::Unary { op, operand } => self.unary(*op, operand)?,
            ExprKind::Binary { op, left, right, .. } => self.binary(*op, left, right)?,
            ExprKind::Call(call) => self.call(call)?,
            ExprKind::Lambda(inner) => {
                let root = self.node(inner).map_err(|e| within("node", e))?;
                if root.is_stateful() {
                    Node::Nested { root: Box::new(root), state: Mutex::default() }
                } else {
                    root
                }
            }
            ExprKind::Star => return Err(unsupported("star")),
            ExprKind::List(_) => return Err(unsupported("list")),
            ExprKind::Chain { .. } => return Err(unsupported("chain")),
        })
    }

    fn reference(&mut self, name: &Arc<str>) -> Node {
        self.references.push(name.clone());
        if &**name == "time" { Node::Time } else { Node::Reference(name.clone()) }
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) -> Result<Node, CompileError> {
        let operand = Box::new(self.node(operand).map_err(|e| within("node", e))?);
        Ok(match op {
            UnaryOp::Minus => Node::Minus(operand),
            UnaryOp::Not => Node::Not(operand),
        })
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Node, CompileError> {
        let left = Box::new(self.node(left).map_err(|e| within("left node", e))?);
        let right = Box::new(self.node(right).map_err(|e| within("right node", e))?);
        if let (Some(l), Some(r)) = (left.kind(), right.kind())
            && operator::result(op, l, r).is_none()
        {
            return Err(CompileError(operator::mismatch(op, l, r)));
        }
        let checked = right.kind() == Some(LKind::Bool);
        let stateful = left.is_stateful() || right.is_stateful();
        Ok(match op {
            BinaryOp::And | BinaryOp::Or => {
                Node::Logic { and: op == BinaryOp::And, checked, stateful, left, right }
            }
            _ => Node::Binary { op, stateful, left, right },
        })
    }

    fn call(&mut self, call: &crate::ast::Call) -> Result<Node, CompileError> {
        let extra = self.extra.functions.iter().find(|(name, _)| *name == &*call.name);
        if let Some((name, kind)) = extra
            && call.args.is_empty()
        {
            return Ok(Node::Extra { name, kind: *kind });
        }
        let mut args = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            let number = i + 1;
            args.push(self.node(arg).map_err(|e| within(format_args!("{number} argument"), e))?);
        }
        let Some(function) = function::find(&call.name) else {
            return Ok(Node::Failing(format!("undefined function: \"{}\"", call.name).into()));
        };
        let source = call.args.iter().map(super::render::source).collect();
        Ok(Node::Call { function, args: args.into(), source })
    }
}

/// The error of a part, with where it stands in the whole.
fn within(place: impl fmt::Display, CompileError(error): CompileError) -> CompileError {
    CompileError(format!("Failed to handle {place}: {error}"))
}

fn unsupported(what: &str) -> CompileError {
    CompileError(format!("a {what} cannot be part of a lambda expression"))
}
