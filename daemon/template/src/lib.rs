//! Go's `text/template` and `html/template`, as far as alerts and nodes need them.
//!
//! FLOOR 1. Imports no other room. [`Template`] is parsed once and rendered over an [`Object`].
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

/// How actions are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `text/template`: nothing is escaped.
    Text,
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
    /// A map with text keys; ranged over in key order.
    Map(Arc<BTreeMap<String, Value>>),
    /// A struct.
    Object(Arc<dyn Object>),
}

/// A struct whose fields are made when a template asks for them.
pub trait Object {
    /// Field names in declaration order, which is the order `json` prints them in.
    fn fields(&self) -> &'static [&'static str];
    /// The field's value; `None` for an unknown name.
    fn field(&self, name: &str) -> Option<Value>;
}
