//! One event as one line of logfmt or JSON.

use std::fmt::{self, Write as _};

use model::Time;
use tracing::Event;
use tracing::field::{Field, Visit};

use super::Format;

/// The longest text of one field, in bytes; the rest is cut.
const FIELD_LIMIT: usize = 16 * 1024;

/// The event as a line with its end.
pub(super) fn render(format: Format, now: Time, event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    if !fields.others.iter().any(|(name, _)| *name == "service")
        && let Some(service) = service_of(event.metadata().target())
    {
        fields.others.insert(0, ("service", FieldValue::Text(service.to_owned())));
    }
    let level = match *event.metadata().level() {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        _ => "debug",
    };
    let (year, month, day, hour, minute, second, nanos) = now.civil();
    let ts = format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        nanos / 1_000_000
    );
    let mut line = String::with_capacity(192);
    match format {
        Format::Logfmt => {
            let _ = write!(line, "ts={ts} lvl={level} msg=");
            logfmt(&mut line, &fields.message);
            for (name, value) in &fields.others {
                let _ = write!(line, " {name}=");
                match value {
                    FieldValue::Text(text) => logfmt(&mut line, text),
                    FieldValue::Plain(text) => line.push_str(text),
                }
            }
        }
        Format::Json => {
            let _ = write!(line, "{{\"ts\":\"{ts}\",\"lvl\":\"{level}\",\"msg\":");
            json(&mut line, &fields.message);
            for (name, value) in &fields.others {
                line.push(',');
                json(&mut line, name);
                line.push(':');
                match value {
                    FieldValue::Text(text) => json(&mut line, text),
                    FieldValue::Plain(text) => line.push_str(text),
                }
            }
            line.push('}');
        }
    }
    line.push('\n');
    line
}

/// `http` for `kapacitord::http::server`, the crate for others.
fn service_of(target: &str) -> Option<&str> {
    let mut parts = target.split("::");
    let root = parts.next()?;
    if root == "kapacitord" { parts.next() } else { Some(root) }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, FieldValue)>,
}

enum FieldValue {
    Text(String),
    /// A number or a bool, the same in both forms.
    Plain(String),
}

impl Fields {
    fn put(&mut self, field: &Field, value: FieldValue) {
        match (field.name(), value) {
            ("message", FieldValue::Text(text) | FieldValue::Plain(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, FieldValue::Text(cut(format!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, FieldValue::Text(cut(value.to_owned())));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, FieldValue::Text(cut(value.to_string())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Plain(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, FieldValue::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, FieldValue::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        self.put(
            field,
            if value.is_finite() { FieldValue::Plain(text) } else { FieldValue::Text(text) },
        );
    }
}

fn cut(mut text: String) -> String {
    if text.len() > FIELD_LIMIT {
        let end = (0..=FIELD_LIMIT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A text of logfmt: bare unless it has a blank, a quote or what would break the line.
fn logfmt(line: &mut String, text: &str) {
    let special = |c: char| c.is_whitespace() || c == '"' || c == '=' || c.is_control();
    if !text.is_empty() && !text.contains(special) {
        line.push_str(text);
        return;
    }
    json(line, text);
}

/// A JSON string; control characters never reach the line.
fn json(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(line, "\\u{:04x}", c as u32);
            }
            c => line.push(c),
        }
    }
    line.push('"');
}
