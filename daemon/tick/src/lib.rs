//! TICKscript: lex, parse, format, evaluate scripts into nodes, type-check and evaluate lambdas.
//!
//! FLOOR 1. Imports `model`. Knows nothing of what nodes do: the engine describes its nodes as data
//! ([`Description`]) and builds them behind [`Builder`]. No input, however wrong, panics or
//! overflows the stack: [`ast::MAX_DEPTH`] bounds every tree.
//!
//! In the order of a script's life:
//! - [`parse`] gives the tree ([`ast`]), or a [`Diagnostic`]; [`format()`] prints it in the one style;
//! - [`ast::Program`] answers without evaluating: `dbrps`, `task_type`, `declared_vars`, `udfs`;
//! - [`evaluate`] runs it once against a [`Builder`], with the user's [`Var`]s;
//! - [`lambda`] compiles what the nodes kept, and evaluates it per point.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

pub mod ast;
mod builder;
mod diagnostic;
mod evaluate;
mod format;
pub mod lambda;
mod lexer;
mod parser;
mod pattern;
mod program;
mod value;

#[cfg(test)]
mod tests;

pub use ast::{Lambda, Pos};
pub use builder::{ArgType, Builder, CallError, Description, Shape, Signature};
pub use diagnostic::Diagnostic;
pub use evaluate::{Inputs, MAX_LAMBDA_SIZE, evaluate};
pub use format::format;
pub use parser::{MAX_NEST, MAX_SCRIPT, parse, parse_lambda};
pub use pattern::Pattern;
pub use program::{DeclaredVar, TaskType};
pub use value::{NodeRef, Value, Var, VarType};
