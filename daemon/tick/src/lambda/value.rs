//! What expressions compute with.

use std::fmt;

use model::{Duration, Str, Time, Value};

use crate::Pattern;

/// A value inside an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum LValue {
    /// `TRUE`
    Bool(bool),
    /// `5`
    Int(i64),
    /// `5.0`
    Float(f64),
    /// `'x'`
    Str(Str),
    /// `5m`
    Duration(Duration),
    /// `"time"` or `now()`
    Time(Time),
    /// `/x/`
    Regex(Pattern),
    /// A reference to nothing.
    Missing,
}

/// The kind of an [`LValue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LKind {
    /// `boolean`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `string`
    Str,
    /// `duration`
    Duration,
    /// `time`
    Time,
    /// `regex`
    Regex,
    /// `missing`
    Missing,
}

impl LValue {
    /// The kind of this value.
    pub fn kind(&self) -> LKind {
        match self {
            Self::Bool(_) => LKind::Bool,
            Self::Int(_) => LKind::Int,
            Self::Float(_) => LKind::Float,
            Self::Str(_) => LKind::Str,
            Self::Duration(_) => LKind::Duration,
            Self::Time(_) => LKind::Time,
            Self::Regex(_) => LKind::Regex,
            Self::Missing => LKind::Missing,
        }
    }

    /// As a field: a duration becomes an int of nanoseconds; times, regexes and missing have none.
    pub fn into_field(self) -> Option<Value> {
        match self {
            Self::Bool(v) => Some(Value::Bool(v)),
            Self::Int(v) => Some(Value::Int(v)),
            Self::Float(v) => Some(Value::Float(v)),
            Self::Str(v) => Some(Value::Str(v)),
            Self::Duration(v) => Some(Value::Int(v.0)),
            Self::Time(_) | Self::Regex(_) | Self::Missing => None,
        }
    }
}

/// A field's value; one filled with null counts as missing.
impl From<&Value> for LValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Float(v) => Self::Float(*v),
            Value::Int(v) => Self::Int(*v),
            Value::Str(v) => Self::Str(v.clone()),
            Value::Bool(v) => Self::Bool(*v),
            Value::Nil => Self::Missing,
        }
    }
}

/// The words of Kapacitor's messages.
impl fmt::Display for LKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "boolean",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "string",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Regex => "regex",
            Self::Missing => "missing",
        })
    }
}
