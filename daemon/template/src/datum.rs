//! What expressions compute on: the caller's values, and the types that Go's literals, functions and
//! methods add.

use std::sync::Arc;

use crate::{Object, Value};

#[derive(Clone)]
pub(crate) enum Datum<'a> {
    /// No value at all: an absent map key.
    Missing,
    /// The data a template is rendered over.
    Root(&'a dyn Object),
    Value(Value),
    /// int: literals, lengths, most methods.
    Int(i64),
    /// uint8: an element of text.
    Byte(u8),
    /// `time.Month`, from 1.
    Month(u8),
    /// `time.Weekday`, from Sunday, 0.
    Weekday(u8),
    /// A time in the zone of the template.
    Local(i64),
    /// `template.JS`: text that is a script, from `json`.
    Script(Arc<str>),
}

/// Kinds that compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invalid,
    Bool,
    Int,
    Uint,
    Float,
    Text,
    Other,
}

/// Go's number behind a datum.
pub(crate) enum Basic<'d> {
    Bool(bool),
    Int(i64),
    Uint(u8),
    Float(f64),
    Text(&'d str),
    Other,
}

impl Datum<'_> {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Value(Value::Str(text.into()))
    }

    pub(crate) fn bool(value: bool) -> Self {
        Self::Value(Value::Bool(value))
    }

    pub(crate) fn float(value: f64) -> Self {
        Self::Value(Value::Float(value))
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Value(Value::Nil))
    }

    pub(crate) fn basic(&self) -> Basic<'_> {
        match self {
            Self::Value(Value::Bool(value)) => Basic::Bool(*value),
            Self::Value(Value::Int(value) | Value::Duration(value)) | Self::Int(value) => {
                Basic::Int(*value)
            }
            Self::Month(value) | Self::Weekday(value) => Basic::Int(i64::from(*value)),
            Self::Byte(value) => Basic::Uint(*value),
            Self::Value(Value::Float(value)) => Basic::Float(*value),
            Self::Value(Value::Str(text)) | Self::Script(text) => Basic::Text(text),
            _ => Basic::Other,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.basic() {
            Basic::Bool(_) => Kind::Bool,
            Basic::Int(_) => Kind::Int,
            Basic::Uint(_) => Kind::Uint,
            Basic::Float(_) => Kind::Float,
            Basic::Text(_) => Kind::Text,
            Basic::Other if self.is_nil() => Kind::Invalid,
            Basic::Other => Kind::Other,
        }
    }

    /// Go's truth: not zero, not empty.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Value(Value::List(items)) => !items.is_empty(),
            Self::Value(Value::Map(map) | Value::Tags(map)) => !map.is_empty(),
            _ if self.is_nil() => false,
            _ => match self.basic() {
                Basic::Bool(value) => value,
                Basic::Int(value) => value != 0,
                Basic::Uint(value) => value != 0,
                Basic::Float(value) => value != 0.0,
                Basic::Text(text) => !text.is_empty(),
                Basic::Other => true,
            },
        }
    }

    /// The name of the Go type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Value(Value::Nil) => "<nil>",
            Self::Root(object) => object.type_name(),
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::Local(_) => "time.Time",
            Self::Script(_) => "template.JS",
            Self::Value(value) => match value {
                Value::Nil => "<nil>",
                Value::Bool(_) => "bool",
                Value::Int(_) => "int64",
                Value::Float(_) => "float64",
                Value::Str(_) => "string",
                Value::Time(_) => "time.Time",
                Value::Duration(_) => "time.Duration",
                Value::List(_) => "[]interface {}",
                Value::Map(_) => "map[string]interface {}",
                Value::Tags(_) => "map[string]string",
                Value::Object(object) => object.type_name(),
            },
        }
    }

    pub(crate) fn object(&self) -> Option<&dyn Object> {
        match self {
            Self::Root(object) => Some(*object),
            Self::Value(Value::Object(object)) => Some(&**object),
            _ => None,
        }
    }
}
