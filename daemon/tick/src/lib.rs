//! TICKscript: lex, parse, format, evaluate scripts into nodes, type-check and evaluate lambdas.
//!
//! FLOOR 1. Imports `model`.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

pub mod ast;
pub mod lambda;
mod pattern;

pub use ast::{Lambda, Pos};
pub use pattern::Pattern;
