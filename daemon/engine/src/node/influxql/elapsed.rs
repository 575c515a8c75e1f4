//! `elapsed`: the time since the point before, in whole units; negative after a late point.

use model::{Duration, Kind as ValueKind, Time, Value};
use tick::{ArgType, Signature};

use super::running::{self, Running, Step};
use super::{Kind, Numbers};

/// `|elapsed('f', 1s)`
pub(crate) static KIND: Kind = running::kind(
    Signature::method("elapsed", &[ArgType::String, ArgType::Duration]),
    |args, _| {
        let unit = Duration(args.duration(1).0.max(1));
        Ok(running::define(&ELAPSED, args, Numbers { unit, ..Numbers::default() }))
    },
);

static ELAPSED: Running = Running {
    name: "elapsed",
    begin: |kind, numbers| match kind {
        ValueKind::Nil => None,
        _ => Some(Box::new(Elapsed { unit: numbers.unit, before: None })),
    },
};

struct Elapsed {
    unit: Duration,
    before: Option<Time>,
}

impl Step for Elapsed {
    fn step(&mut self, _: &Value, time: Time) -> Option<Value> {
        let before = self.before.replace(time)?;
        Some(Value::Int(time.since(before).0 / self.unit.0))
    }
}
