//! Field values and their kinds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Str;

/// A field value as InfluxDB 1.x knows it. `Nil` appears only after `join.fill('null')`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    /// IEEE 754 double; NaN and infinities are legal inside a task but cannot be written as JSON.
    Float(f64),
    /// Signed 64-bit integer.
    Int(i64),
    /// UTF-8 text.
    Str(Str),
    /// Boolean.
    Bool(bool),
    /// A value that a join filled with null.
    Nil,
}

/// The kind of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `float`
    Float,
    /// `int`
    Int,
    /// `string`
    Str,
    /// `boolean`
    Bool,
    /// no value
    Nil,
}

impl Value {
    /// The kind of this value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Int(_) => Kind::Int,
            Self::Str(_) => Kind::Str,
            Self::Bool(_) => Kind::Bool,
            Self::Nil => Kind::Nil,
        }
    }

    /// The value as a float when it is a number.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(f) => Some(*f),
            Self::Int(i) => Some(*i as f64),
            _ => None,
        }
    }
}

/// Equality of kind and value; two NaNs are equal, so that a set of values can be compared.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Nil, Self::Nil) => true,
            _ => false,
        }
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Float(v)
    }
}
impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Str(v.into())
    }
}
impl From<Str> for Value {
    fn from(v: Str) -> Self {
        Self::Str(v)
    }
}

/// Go's type names, as Kapacitor's error texts spell them: `float64`, `int64`, `string`, `bool`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float => "float64",
            Self::Int => "int64",
            Self::Str => "string",
            Self::Bool => "bool",
            Self::Nil => "<nil>",
        })
    }
}
