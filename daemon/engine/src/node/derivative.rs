//! `derivative`: how fast a field changes, per unit, between two points of a group (or of a batch).
//!
//! The first point gives nothing. A point without a number in the field is an error and forgotten;
//! one at the time of the point before is an error and remembered.

use model::{Batch, BatchPoint, Duration, Fields, Group, Point, Str, Time, Value};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// `|derivative('f')`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("derivative", &[ArgType::String]),
    label: "derivative",
    go_type: "DerivativeNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::field("as", ArgType::String),
            Signature::field("unit", ArgType::Duration),
            Signature::method("nonNegative", &[]),
        ],
        QUIET,
    ],
    define: |args, _| {
        let (field, name) = (args.str(0), args.str(0));
        let unit = Duration::from_secs(1);
        Ok(Box::new(Derivative { field, name, unit, non_negative: false }))
    },
};

#[derive(Clone, Debug)]
struct Derivative {
    field: Str,
    /// Name of the result; as the field, which it then replaces.
    name: Str,
    unit: Duration,
    non_negative: bool,
}

impl Define for Derivative {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.name = args.str(0),
            "unit" => self.unit = args.duration(0),
            _ => self.non_negative = true,
        }
        Ok(Returned::Same)
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Differentiator { rule: self.clone(), groups: Groups::default() }))
    }
}

/// The last point with a number.
type Before = Option<(f64, Time)>;

impl Derivative {
    fn step(
        &self,
        before: &mut Before,
        fields: &Fields,
        time: Time,
    ) -> Result<Option<Fields>, String> {
        let field = &self.field;
        let value = fields.get(field).ok_or_else(|| {
            format!("cannot perform derivative: field {field} is missing from point")
        })?;
        let number = value.as_float().ok_or_else(|| {
            format!("cannot perform derivative: field {field} is a {}", value.kind())
        })?;
        let Some((before, then)) = before.replace((number, time)) else { return Ok(None) };
        let elapsed = time.since(then).0 as f64;
        if elapsed == 0.0 {
            return Err("cannot perform derivative: elapsed time was 0".to_owned());
        }
        let difference = number - before;
        if self.non_negative && difference < 0.0 {
            return Ok(None);
        }
        let rate = difference / (elapsed / self.unit.0 as f64);
        Ok(Some(fields.with(self.name.clone(), Value::Float(rate))))
    }
}

struct Differentiator {
    rule: Derivative,
    groups: Groups<Before>,
}

impl Run for Differentiator {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let before = self.groups.entry(&point.group, || None);
        match self.rule.step(before, &point.point.fields, point.point.time) {
            Ok(Some(fields)) => {
                out.point(&point.with(Point { fields, ..(*point.point).clone() }));
            }
            Ok(None) => {}
            Err(error) => out.error(error),
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let mut before = None;
        let mut points = Vec::with_capacity(batch.points.len());
        for point in &*batch.points {
            match self.rule.step(&mut before, &point.fields, point.time) {
                Ok(Some(fields)) => points.push(BatchPoint { fields, ..point.clone() }),
                Ok(None) => {}
                Err(error) => out.error(error),
            }
        }
        out.batch(&Batch { points: points.into(), ..batch.clone() });
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}
