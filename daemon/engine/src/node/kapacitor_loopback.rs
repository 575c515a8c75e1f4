//! `kapacitorLoopback`: writes data back into this member, as if it had been written to a database.
//!
//! A task that would feed itself is refused at its start; loops over several tasks are not seen.

use std::sync::Arc;

use model::{Batch, BatchPoint, Fields, Point, Str, Tags, Time};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::effect::Effect;
use crate::graph::{Grouped, Out};

/// `|kapacitorLoopback()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("kapacitorLoopback", &[]),
    label: "kapacitor_loopback",
    go_type: "KapacitorLoopbackNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Nothing,
    properties: &[
        &[
            Signature::field("database", ArgType::String),
            Signature::field("retentionPolicy", ArgType::String),
            Signature::field("measurement", ArgType::String),
            Signature::method("tag", &[ArgType::String, ArgType::String]),
        ],
        QUIET,
    ],
    define: |_, _| {
        let nothing = Str::from("");
        Ok(Box::new(Loopback {
            database: nothing.clone(),
            retention_policy: nothing.clone(),
            measurement: nothing,
            tags: Vec::new(),
        }))
    },
};

#[derive(Clone, Debug)]
struct Loopback {
    database: Str,
    retention_policy: Str,
    /// Empty: the name of the data.
    measurement: Str,
    /// Set on every point.
    tags: Vec<(Str, Str)>,
}

impl Define for Loopback {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "database" => self.database = args.str(0),
            "retentionPolicy" => self.retention_policy = args.str(0),
            "measurement" => self.measurement = args.str(0),
            _ => self.tags.push((args.str(0), args.str(1))),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        if self.database.is_empty() {
            return Err("must specify a database".to_owned());
        }
        if self.retention_policy.is_empty() {
            return Err("must specify a retention policy".to_owned());
        }
        Ok(())
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let (database, policy) = (&self.database, &self.retention_policy);
        if start.settings.dbrps.iter().any(|(db, rp)| db == database && rp == policy) {
            return Err(format!("loop detected on dbrp: {database:?}.{policy:?}"));
        }
        Ok(Box::new(Feeder { rule: self.clone(), written: 0 }))
    }
}

struct Feeder {
    rule: Loopback,
    written: i64,
}

impl Loopback {
    fn point(&self, name: &Str, tags: &Tags, fields: &Fields, time: Time) -> Arc<Point> {
        let name = if self.measurement.is_empty() { name } else { &self.measurement };
        let set = |tags: Tags, (key, text): &(Str, Str)| tags.with(key.clone(), text.clone());
        Arc::new(Point {
            database: self.database.clone(),
            retention_policy: self.retention_policy.clone(),
            name: name.clone(),
            tags: self.tags.iter().fold(tags.clone(), set),
            fields: fields.clone(),
            time,
        })
    }
}

impl Feeder {
    fn write(&mut self, points: Vec<Arc<Point>>, out: &mut Out<'_, '_>) {
        if points.is_empty() {
            return;
        }
        self.written += points.len() as i64;
        out.effect(Effect::Loopback {
            database: self.rule.database.clone(),
            retention_policy: self.rule.retention_policy.clone(),
            points,
        });
    }
}

impl Run for Feeder {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let Point { name, tags, fields, time, .. } = &*point.point;
        let point = self.rule.point(name, tags, fields, *time);
        self.write(vec![point], out);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let point = |p: &BatchPoint| self.rule.point(&batch.name, &p.tags, &p.fields, p.time);
        let points = batch.points.iter().map(point).collect();
        self.write(points, out);
    }

    fn counters(&self) -> Vec<(&'static str, i64)> {
        vec![("points_written", self.written)]
    }
}
