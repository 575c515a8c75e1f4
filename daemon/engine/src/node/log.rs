//! `log`: writes each point or whole batch to the daemon's log and passes it on.

use alert::json::Document;
use model::{Batch, Str};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::effect::Level;
use crate::graph::{Grouped, Out};

/// `|log()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("log", &[]),
    label: "log",
    go_type: "LogNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[Signature::field("level", ArgType::String), Signature::field("prefix", ArgType::String)],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(Log { level: "INFO".into(), prefix: "".into() })),
};

#[derive(Clone, Debug)]
struct Log {
    level: Str,
    prefix: Str,
}

impl Define for Log {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "level" => self.level = args.str(0),
            _ => self.prefix = args.str(0),
        }
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let level = match self.level.to_uppercase().as_str() {
            "DEBUG" => Level::Debug,
            "INFO" => Level::Info,
            "WARN" => Level::Warn,
            "ERROR" => Level::Error,
            other => return Err(format!("invalid log level {other}")),
        };
        Ok(Box::new(Logger { level, prefix: self.prefix.clone() }))
    }
}

struct Logger {
    level: Level,
    prefix: Str,
}

impl Logger {
    fn log(&self, what: &dyn Document, out: &mut Out<'_, '_>) {
        let mut text = String::new();
        what.write_json(&mut text);
        out.log(self.level, self.prefix.clone(), text);
    }
}

impl Run for Logger {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        self.log(&*point.point, out);
        out.point(point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        self.log(batch, out);
        out.batch(batch);
    }
}
