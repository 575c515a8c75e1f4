//! `cumulativeSum`: the running total; ints wrap around.

use model::{Kind as ValueKind, Time, Value};
use tick::{ArgType, Signature};

use super::running::{self, Running, Step};
use super::{Kind, Numbers};

/// `|cumulativeSum('f')`
pub(crate) static KIND: Kind =
    running::kind(Signature::method("cumulativeSum", &[ArgType::String]), |args, _| {
        Ok(running::define(&CUMULATIVE_SUM, args, Numbers::default()))
    });

static CUMULATIVE_SUM: Running = Running {
    name: "cumulativeSum",
    begin: |kind, _| match kind {
        ValueKind::Float => Some(Box::new(Total(Value::Float(0.0)))),
        ValueKind::Int => Some(Box::new(Total(Value::Int(0)))),
        _ => None,
    },
};

struct Total(Value);

impl Step for Total {
    fn step(&mut self, value: &Value, _: Time) -> Option<Value> {
        match (&mut self.0, value) {
            (Value::Float(total), Value::Float(value)) => *total += value,
            (Value::Int(total), Value::Int(value)) => *total = total.wrapping_add(*value),
            _ => {}
        }
        Some(self.0.clone())
    }
}
