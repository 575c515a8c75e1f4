//! `movingAverage`: the mean of the last points as a float, from the first full set on.

use std::collections::VecDeque;

use model::{Kind as ValueKind, Time, Value};
use tick::{ArgType, Signature};

use super::running::{self, Running, Step};
use super::{Kind, Numbers};

/// Points one average may be of.
const MAX_POINTS: usize = 1_000_000;

/// `|movingAverage('f', 10)`
pub(crate) static KIND: Kind = running::kind(
    Signature::method("movingAverage", &[ArgType::String, ArgType::Int]),
    |args, _| {
        let count = usize::try_from(args.int(1)).ok().filter(|n| (1..=MAX_POINTS).contains(n));
        let count = count.ok_or_else(|| format!("movingAverage takes 1 to {MAX_POINTS} points"))?;
        Ok(running::define(&MOVING_AVERAGE, args, Numbers { count, ..Numbers::default() }))
    },
);

static MOVING_AVERAGE: Running = Running {
    name: "movingAverage",
    begin: |kind, numbers| {
        let sum = match kind {
            ValueKind::Float => Value::Float(0.0),
            ValueKind::Int => Value::Int(0),
            _ => return None,
        };
        Some(Box::new(Average { count: numbers.count, sum, last: VecDeque::new() }))
    },
};

struct Average {
    count: usize,
    sum: Value,
    last: VecDeque<Value>,
}

impl Average {
    fn add(&mut self, value: &Value, sign: i64) {
        match (&mut self.sum, value) {
            (Value::Float(sum), Value::Float(value)) => *sum += value * sign as f64,
            (Value::Int(sum), Value::Int(value)) => {
                *sum = sum.wrapping_add(value.wrapping_mul(sign));
            }
            _ => {}
        }
    }
}

impl Step for Average {
    fn step(&mut self, value: &Value, _: Time) -> Option<Value> {
        if self.last.len() == self.count
            && let Some(oldest) = self.last.pop_front()
        {
            self.add(&oldest, -1);
        }
        self.last.push_back(value.clone());
        self.add(value, 1);
        let sum = self.sum.as_float()?;
        (self.last.len() == self.count).then(|| Value::Float(sum / self.count as f64))
    }
}
