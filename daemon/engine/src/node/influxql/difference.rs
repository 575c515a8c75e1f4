//! `difference`: the value minus the one before; ints wrap around.

use model::{Kind as ValueKind, Time, Value};
use tick::{ArgType, Signature};

use super::running::{self, Running, Step};
use super::{Kind, Numbers};

/// `|difference('f')`
pub(crate) static KIND: Kind =
    running::kind(Signature::method("difference", &[ArgType::String]), |args, _| {
        Ok(running::define(&DIFFERENCE, args, Numbers::default()))
    });

static DIFFERENCE: Running = Running {
    name: "difference",
    begin: |kind, _| match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Difference(None))),
        _ => None,
    },
};

struct Difference(Option<Value>);

impl Step for Difference {
    fn step(&mut self, value: &Value, _: Time) -> Option<Value> {
        let before = self.0.replace(value.clone())?;
        match (value, before) {
            (Value::Float(value), Value::Float(before)) => Some(Value::Float(value - before)),
            (Value::Int(value), Value::Int(before)) => Some(Value::Int(value.wrapping_sub(before))),
            _ => None,
        }
    }
}
