//! What the engine tells about its nodes, and does when a script calls them.
//!
//! Names, operators, arity and types of arguments are checked here, against the engine's tables, so
//! an implementation of [`Builder`] gets only arguments that fit its [`Signature`].

use crate::program::TaskType;
use crate::value::{NodeRef, Value};

/// The type of one argument, or of the field a property sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgType {
    /// A string.
    String,
    /// An int; no float.
    Int,
    /// A float; no int.
    Float,
    /// A boolean.
    Bool,
    /// A duration.
    Duration,
    /// A regex.
    Regex,
    /// A lambda.
    Lambda,
    /// A node.
    Node,
    /// Anything; the builder checks.
    Any,
}

impl ArgType {
    /// Its name in messages about calls.
    pub fn go_type(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int64",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Duration => "time.Duration",
            Self::Regex => "*regexp.Regexp",
            Self::Lambda => "*ast.LambdaNode",
            Self::Node => "pipeline.Node",
            Self::Any => "interface {}",
        }
    }

    /// Whether a value may stand for it; nothing is converted.
    pub fn takes(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Any, _)
                | (Self::String, Value::String(_))
                | (Self::Int, Value::Int(_))
                | (Self::Float, Value::Float(_))
                | (Self::Bool, Value::Bool(_))
                | (Self::Duration, Value::Duration(_))
                | (Self::Regex, Value::Regex(_))
                | (Self::Lambda, Value::Lambda(_))
                | (Self::Node, Value::Node(_))
        )
    }
}

/// How a chain method or property is called.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Its name in scripts: `groupBy`.
    pub name: &'static str,
    /// The arguments it takes.
    pub shape: Shape,
}

/// Two kinds of thing can be called: fields that are set, and methods.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A property field: exactly one argument of exactly this type.
    Field(ArgType),
    /// A method: these arguments, then any number of `rest` if there is one.
    Method {
        /// The arguments that must be given.
        fixed: &'static [ArgType],
        /// The type of any more arguments.
        rest: Option<ArgType>,
    },
}

impl Signature {
    /// A property that sets a field.
    pub const fn field(name: &'static str, kind: ArgType) -> Self {
        Self { name, shape: Shape::Field(kind) }
    }

    /// A chain method or property method with exactly these arguments.
    pub const fn method(name: &'static str, fixed: &'static [ArgType]) -> Self {
        Self { name, shape: Shape::Method { fixed, rest: None } }
    }

    /// A chain method or property method with these arguments and any number of `rest`.
    pub const fn variadic(name: &'static str, fixed: &'static [ArgType], rest: ArgType) -> Self {
        Self { name, shape: Shape::Method { fixed, rest: Some(rest) } }
    }
}

/// What can be called on a kind of node or handler. Each is a list of tables so that kinds share
/// them: the chain methods of every node, the alert properties that each handler also offers. The
/// first match counts.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The Go type in messages, without `*pipeline.`: `FromNode`.
    pub go_type: &'static str,
    /// Chain methods, called with `|`.
    pub chains: &'static [&'static [Signature]],
    /// Properties, called with `.`.
    pub properties: &'static [&'static [Signature]],
}

/// Why a call was refused although its arguments fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// Shown as `line L char C: error calling func "f" on obj *pipeline.T: TEXT`.
    Calling(String),
    /// Shown as `line L char C: TEXT`.
    Plain(String),
    /// Shown as it is, without a place.
    Bare(String),
}

/// Builds nodes while a script is evaluated. Implemented by the engine.
///
/// Calls come in the order of evaluation; a node passed as an argument is made before the call's
/// own node, so numbering nodes in the order of calls gives their ids.
pub trait Builder {
    /// Makes the root, node 0.
    fn root(&mut self, kind: TaskType) -> NodeRef;

    /// What can be called on a node or handler.
    fn describe(&self, node: NodeRef) -> Description;

    /// Whether a user-defined function has that name.
    fn has_dynamic(&self, name: &str) -> bool;

    /// `parent|name(args)`: makes a child and gives it back. `name` is spelt as in the signature.
    fn chain(
        &mut self,
        parent: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError>;

    /// `node.name(args)`: sets a property. Gives back what the next link applies to: the node
    /// itself, or a handler that the call added. `name` is spelt as in the signature.
    fn property(
        &mut self,
        node: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError>;

    /// `parent@name(args)`: makes the node of a user-defined function.
    fn dynamic(
        &mut self,
        parent: NodeRef,
        name: &str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError>;
}
