//! Row form: how points and batches look in JSON (`name`, `tags`, `columns`, `values`).

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Batch, Fields, Point, Str, Tags, Time, Value};
use serde::{Deserialize, Serialize};

use crate::json;

/// The data an event carries, as the handlers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Series {
    /// One row made of the event's own name, tags, fields and time: the event of a stream point.
    Point,
    /// Rows: one for the event of a batch, several for an aggregate's summary.
    Rows(Arc<[Row]>),
}

/// A table: points that share name and tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Measurement; left out of the JSON when empty.
    pub name: Str,
    /// Point: all tags. Batch: the group's tags. Left out when empty.
    pub tags: Tags,
    /// Column names after `time`, sorted bytewise.
    pub columns: Arc<[Str]>,
    /// One entry per point, in order of arrival. Without any, the JSON has neither columns nor values.
    pub values: Vec<RowValues>,
}

/// One line of a [`Row`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowValues {
    /// The point's time, the first column.
    pub time: Time,
    /// As long as the row's columns; [`Value::Nil`] where the point lacks the column.
    pub cells: Vec<Value>,
}

impl Row {
    /// The row of a stream point: all its tags, all its fields.
    pub fn of_point(point: &Point) -> Self {
        Self::of_parts(&point.name, &point.tags, &point.fields, point.time)
    }

    /// The row of what a stream point consists of.
    pub fn of_parts(name: &Str, tags: &Tags, fields: &Fields, time: Time) -> Self {
        Self {
            name: name.clone(),
            tags: tags.clone(),
            columns: fields.iter().map(|(n, _)| n.clone()).collect(),
            values: vec![RowValues {
                time,
                cells: fields.iter().map(|(_, v)| v.clone()).collect(),
            }],
        }
    }

    /// The row of a batch: columns are the fields of its *first* point and that point's tags that are
    /// not group tags. Later points yield null for columns they lack and lose what the first lacked.
    pub fn of_batch(batch: &Batch) -> Self {
        let tags = batch.group.tags();
        let Some(first) = batch.points.first() else {
            let (name, tags) = (batch.name.clone(), tags.clone());
            return Self { name, tags, columns: Arc::new([]), values: Vec::new() };
        };
        let columns: BTreeSet<Str> = first
            .fields
            .iter()
            .map(|(name, _)| name)
            .chain(first.tags.iter().map(|(key, _)| key).filter(|key| tags.get(key).is_none()))
            .cloned()
            .collect();
        let columns: Arc<[Str]> = columns.into_iter().collect();
        let cell = |point: &model::BatchPoint, column: &Str| -> Value {
            match point.fields.get(column) {
                Some(value) => value.clone(),
                None => point.tags.get(column).map_or(Value::Nil, |tag| Value::Str(tag.clone())),
            }
        };
        let values = batch
            .points
            .iter()
            .map(|point| RowValues {
                time: point.time,
                cells: columns.iter().map(|column| cell(point, column)).collect(),
            })
            .collect();
        Self { name: batch.name.clone(), tags: tags.clone(), columns, values }
    }

    /// Appends the row as a JSON object.
    pub fn write_json(&self, out: &mut String) {
        let mut comma = write_head(out, &self.name, &self.tags);
        if !self.values.is_empty() {
            if std::mem::replace(&mut comma, true) {
                out.push(',');
            }
            out.push_str("\"columns\":[\"time\"");
            for column in self.columns.iter() {
                out.push(',');
                json::write_string(out, column);
            }
            out.push_str("],\"values\":[");
            for (i, line) in self.values.iter().enumerate() {
                out.push_str(if i > 0 { ",[" } else { "[" });
                json::write_time(out, line.time);
                for cell in &line.cells {
                    out.push(',');
                    json::write_value(out, cell);
                }
                out.push(']');
            }
            out.push(']');
        }
        out.push('}');
    }

    /// Rough size in memory, for queue limits.
    pub(crate) fn weight(&self) -> usize {
        let width = self.columns.len() * 24 + 32;
        64 + self.tags.len() * 48 + self.values.len() * width
    }
}

/// Opens the object and writes name and tags; true when something was written.
fn write_head(out: &mut String, name: &str, tags: &Tags) -> bool {
    out.push('{');
    if !name.is_empty() {
        out.push_str("\"name\":");
        json::write_string(out, name);
    }
    if !tags.is_empty() {
        out.push_str(if name.is_empty() { "\"tags\":" } else { ",\"tags\":" });
        json::write_tags(out, tags);
    }
    !name.is_empty() || !tags.is_empty()
}

/// Appends the row of a stream point without building a [`Row`].
pub(crate) fn write_point_row(
    out: &mut String,
    name: &str,
    tags: &Tags,
    fields: &Fields,
    time: Time,
) {
    if write_head(out, name, tags) {
        out.push(',');
    }
    out.push_str("\"columns\":[\"time\"");
    for (name, _) in fields {
        out.push(',');
        json::write_string(out, name);
    }
    out.push_str("],\"values\":[[");
    json::write_time(out, time);
    for (_, value) in fields {
        out.push(',');
        json::write_value(out, value);
    }
    out.push_str("]]}");
}

impl json::Document for Point {
    fn write_json(&self, out: &mut String) {
        write_point_row(out, &self.name, &self.tags, &self.fields, self.time);
    }
}

impl json::Document for Batch {
    fn write_json(&self, out: &mut String) {
        Row::of_batch(self).write_json(out);
    }
}

#[cfg(test)]
mod tests {
    use model::{BatchPoint, Dimensions, Group};

    use super::*;
    use crate::json::Document as _;

    fn fields(list: &[(&str, Value)]) -> Fields {
        list.iter().map(|(n, v)| (Str::from(*n), v.clone())).collect()
    }

    fn tags(list: &[(&str, &str)]) -> Tags {
        list.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect()
    }

    #[test]
    fn a_point_is_one_row_with_all_its_tags() {
        let point = Point {
            database: "d".into(),
            retention_policy: "r".into(),
            name: "kiln".into(),
            tags: tags(&[("bay", "a"), ("x", "<")]),
            fields: fields(&[("t", 35.0.into()), ("b", true.into())]),
            time: Time(1_500_000_000),
        };
        let text = r#"{"name":"kiln","tags":{"bay":"a","x":"\u003c"},"columns":["time","b","t"],"values":[["1970-01-01T00:00:01.5Z",true,35]]}"#;
        let mut out = String::new();
        point.write_json(&mut out);
        assert_eq!(out, text);
        out.clear();
        Row::of_point(&point).write_json(&mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn a_batch_has_the_columns_of_its_first_point() {
        let all = tags(&[("bay", "a"), ("line", "1")]);
        let dimensions = Dimensions { by_name: false, tags: vec!["bay".into()] };
        let group = Group::of(&dimensions, &"kiln".into(), &all);
        let point = |list: &[(&str, Value)], at| BatchPoint {
            fields: fields(list),
            tags: if at == 1 { all.clone() } else { tags(&[("bay", "a")]) },
            time: Time(at),
        };
        let mut batch = Batch {
            name: "kiln".into(),
            group,
            tmax: Time(9),
            points: Arc::new([
                point(&[("t", 1i64.into()), ("z", "q".into())], 1),
                point(&[("t", 2i64.into()), ("new", 3i64.into())], 2),
            ]),
        };
        let mut out = String::new();
        batch.write_json(&mut out);
        assert_eq!(
            out,
            r#"{"name":"kiln","tags":{"bay":"a"},"columns":["time","line","t","z"],"values":[["1970-01-01T00:00:00.000000001Z","1",1,"q"],["1970-01-01T00:00:00.000000002Z",null,2,null]]}"#
        );
        batch.points = Arc::new([]);
        out.clear();
        batch.write_json(&mut out);
        assert_eq!(out, r#"{"name":"kiln","tags":{"bay":"a"}}"#);
    }
}
