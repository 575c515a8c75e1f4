//! Go's `text/template` and `html/template`, as far as alerts and nodes need them.
//!
//! FLOOR 1. Imports no other room. [`Template`] is parsed once and rendered over an [`Object`].
//! A render is bounded in depth, steps and output; what goes beyond is an error, like every other
//! mistake of a script. The time zone of `.Local` is a value: [`Template::in_zone`].
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod clock;
mod datum;
mod exec;
mod func;
mod html;
mod json;
mod lex;
mod number;
mod parse;
mod print;
mod quote;
mod template;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use template::Template;

/// How actions are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `text/template`: nothing is escaped.
    Text,
    /// `text/template` with the functions `json` and `jsonCompact`: inline templates of `httppost`.
    TextWithJson,
    /// `html/template`: by context, and with the functions `json` and `jsonCompact`.
    Html,
}

/// A value a template works on.
#[derive(Clone)]
pub enum Value {
    /// Go's nil.
    Nil,
    /// bool
    Bool(bool),
    /// int64
    Int(i64),
    /// float64
    Float(f64),
    /// string
    Str(Arc<str>),
    /// `time.Time`, nanoseconds since the Unix epoch; prints as Go prints it in UTC.
    Time(i64),
    /// `time.Duration`, nanoseconds.
    Duration(i64),
    /// A slice.
    List(Arc<[Value]>),
    /// A map with text keys and values of any kind; ranged over in key order. `index` of an absent
    /// key prints `<no value>`.
    Map(Arc<BTreeMap<String, Value>>),
    /// A map from text to text, such as tags: [`Value::Map`] but that `index` of an absent key gives
    /// the empty text. All values should be [`Value::Str`].
    Tags(Arc<BTreeMap<String, Value>>),
    /// A struct.
    Object(Arc<dyn Object + Send + Sync>),
}

/// A struct whose fields are made when a template asks for them.
pub trait Object {
    /// Field names in declaration order, which is the order `json` prints them in.
    fn fields(&self) -> &'static [&'static str];

    /// The field's value; `None` for an unknown name.
    fn field(&self, name: &str) -> Option<Value>;

    /// The name of the Go type, for error texts: `can't evaluate field X in type alert.AlertData`.
    fn type_name(&self) -> &'static str {
        "struct"
    }

    /// The key that `json` writes for a field, where it is not the field's name.
    fn json_name(&self, name: &'static str) -> &'static str {
        name
    }
}
