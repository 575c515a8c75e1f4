//! Templates over a row: the URL of `httpPost` and the body of an endpoint with a row template.

use std::collections::BTreeMap;

use alert::Row;
use jiff::tz::TimeZone;
use template::{Mode, Object, Template, Value};

/// A template over `.Name`, `.Tags` and `.Values` (a list of maps from column to value). Plain text
/// is not rendered.
#[derive(Debug)]
pub(crate) enum RowTemplate {
    /// Text without actions.
    Plain(String),
    /// Parsed.
    Parsed(Template),
}

impl RowTemplate {
    /// Parses; `name` stands in error texts.
    pub(crate) fn parse(name: &str, text: &str, zone: &TimeZone) -> Result<Self, String> {
        if !text.contains("{{") {
            return Ok(Self::Plain(text.to_owned()));
        }
        Ok(Self::Parsed(Template::parse(name, text, Mode::Text)?.in_zone(zone.clone())))
    }

    /// Renders over a row, which is made only when it is needed.
    pub(crate) fn render(&self, row: impl Fn() -> Row) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Parsed(template) => template.render(&RowObject(row())),
        }
    }
}

/// A row as templates see it.
struct RowObject(Row);

impl Object for RowObject {
    fn fields(&self) -> &'static [&'static str] {
        &["Name", "Tags", "Values"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let Row { name: measurement, tags, columns, values } = &self.0;
        Some(match name {
            "Name" => Value::Str(measurement.clone()),
            "Tags" => {
                let tags = tags.iter().map(|(k, v)| (k.to_string(), Value::Str(v.clone())));
                Value::Tags(tags.collect::<BTreeMap<_, _>>().into())
            }
            "Values" => {
                let line = |line: &alert::RowValues| {
                    let cells = columns.iter().map(ToString::to_string).zip(line.cells.iter());
                    let mut map: BTreeMap<String, Value> =
                        cells.map(|(column, cell)| (column, value(cell))).collect();
                    map.insert("time".to_owned(), Value::Time(line.time.0));
                    Value::Map(map.into())
                };
                Value::List(values.iter().map(line).collect())
            }
            _ => return None,
        })
    }
}

fn value(value: &model::Value) -> Value {
    match value {
        model::Value::Float(v) => Value::Float(*v),
        model::Value::Int(v) => Value::Int(*v),
        model::Value::Str(v) => Value::Str(v.clone()),
        model::Value::Bool(v) => Value::Bool(*v),
        model::Value::Nil => Value::Nil,
    }
}
