//! What expressions outside lambdas evaluate to, and the vars users may set.

use std::sync::Arc;

use model::Duration;

use crate::{Lambda, Pattern};

/// A node or alert handler under construction: the builder's own number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef(pub u32);

/// The value of an expression while a script is evaluated, and an argument of a node's methods.
#[derive(Clone, Debug)]
pub enum Value {
    /// `TRUE`
    Bool(bool),
    /// `5`
    Int(i64),
    /// `5.0`
    Float(f64),
    /// `'x'`
    String(Arc<str>),
    /// `5m`
    Duration(Duration),
    /// `/x/`
    Regex(Pattern),
    /// `lambda: …`, resolved
    Lambda(Lambda),
    /// `['a', *]`
    List(Vec<Value>),
    /// `*`
    Star,
    /// `"x"` outside a lambda, most often meant as `'x'`
    Reference(Arc<str>),
    /// `time(length, offset)`, a dimension of `groupBy`
    Time {
        /// Length of a group.
        length: Duration,
        /// Where groups start past the multiples of `length`.
        offset: Duration,
    },
    /// A node, or a handler of an alert node
    Node(NodeRef),
    /// A property that was read (`node.name`); nothing can be done with it.
    Opaque,
}

impl Value {
    /// The type of var this value makes, `None` when it makes none (nodes, references, times).
    pub fn var_type(&self) -> Option<VarType> {
        Some(match self {
            Self::Bool(_) => VarType::Bool,
            Self::Int(_) => VarType::Int,
            Self::Float(_) => VarType::Float,
            Self::String(_) => VarType::String,
            Self::Duration(_) => VarType::Duration,
            Self::Regex(_) => VarType::Regex,
            Self::Lambda(_) => VarType::Lambda,
            Self::List(_) => VarType::List,
            Self::Star => VarType::Star,
            Self::Reference(_) | Self::Time { .. } | Self::Node(_) | Self::Opaque => return None,
        })
    }

    /// The name of its type in messages about calls: `int64`, `time.Duration`, `*ast.LambdaNode`.
    /// Of nodes only the builder knows it; they are `pipeline.Node` here.
    pub fn go_type(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Duration(_) => "time.Duration",
            Self::Regex(_) => "*regexp.Regexp",
            Self::Lambda(_) => "*ast.LambdaNode",
            Self::List(_) => "[]interface {}",
            Self::Star => "*ast.StarNode",
            Self::Reference(_) => "*ast.ReferenceNode",
            Self::Time { .. } => "kapacitor.TimeDimension",
            Self::Node(_) => "pipeline.Node",
            Self::Opaque => "interface {}",
        }
    }
}

/// The types of var.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VarType {
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `string`
    String,
    /// `regex`
    Regex,
    /// `duration`
    Duration,
    /// `lambda`
    Lambda,
    /// `list`
    List,
    /// `star`
    Star,
}

impl VarType {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 9] = [
        Self::Bool,
        Self::Int,
        Self::Float,
        Self::String,
        Self::Regex,
        Self::Duration,
        Self::Lambda,
        Self::List,
        Self::Star,
    ];

    /// The word in scripts and in the API: `bool`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::String => "string",
            Self::Regex => "regex",
            Self::Duration => "duration",
            Self::Lambda => "lambda",
            Self::List => "list",
            Self::Star => "star",
        }
    }

    /// The name in error messages: as the word, but `boolean`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            other => other.word(),
        }
    }

    /// The type of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What stands for a missing value while a template is checked.
    pub fn zero(self) -> Value {
        match self {
            Self::Bool => Value::Bool(false),
            Self::Int => Value::Int(0),
            Self::Float => Value::Float(0.0),
            Self::String => Value::String("".into()),
            Self::Regex => Value::Regex(Pattern::empty()),
            Self::Duration => Value::Duration(Duration(0)),
            Self::Lambda => Value::Lambda(Lambda::always()),
            Self::List => Value::List(Vec::new()),
            Self::Star => Value::Star,
        }
    }
}

/// A var as the API shows and takes it. JSON is the shell's business.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its type.
    pub kind: VarType,
    /// Its value; `None` for a declared type without one. Items of a list are strings and stars.
    pub value: Option<Value>,
    /// The comment above its declaration, lines joined by `\n`.
    pub description: String,
}
