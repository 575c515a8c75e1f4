//! `json` and `jsonCompact`: Go's encoding, with `<`, `>` and `&` escaped.

use std::fmt::Write;

use jiff::tz::TimeZone;

use crate::clock::Moment;
use crate::datum::Datum;
use crate::{Object, Value, number};

/// How deep values may nest.
const MAX_DEPTH: usize = 32;

/// Compact JSON and a newline.
pub(crate) fn line(datum: &Datum<'_>, zone: &TimeZone) -> Result<String, String> {
    compact(datum, zone).map(|text| text + "\n")
}

/// Compact JSON.
pub(crate) fn compact(datum: &Datum<'_>, zone: &TimeZone) -> Result<String, String> {
    let mut out = String::with_capacity(256);
    match datum {
        Datum::Missing => out.push_str("null"),
        Datum::Root(object) => write_object(&mut out, *object, MAX_DEPTH)?,
        Datum::Value(value) => write_value(&mut out, value, MAX_DEPTH)?,
        Datum::Int(value) => push(&mut out, value),
        Datum::Byte(value) | Datum::Month(value) | Datum::Weekday(value) => push(&mut out, value),
        Datum::Script(text) => write_text(&mut out, text),
        Datum::Local(at) => write_text(&mut out, &Moment::new(*at, Some(zone)).rfc3339()),
    }
    Ok(out)
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = write!(out, "{value}");
}

fn write_value(out: &mut String, value: &Value, depth: usize) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err("json: the value nests deeper than 32 levels".to_owned());
    };
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => push(out, value),
        Value::Int(value) | Value::Duration(value) => push(out, value),
        Value::Float(value) if !value.is_finite() => {
            let value = number::shortest(*value);
            return Err(format!("json: unsupported value: {value}"));
        }
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Str(text) => write_text(out, text),
        Value::Time(at) => write_text(out, &Moment::new(*at, None).rfc3339()),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_value(out, item, depth)?;
            }
            out.push(']');
        }
        Value::Map(map) | Value::Tags(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_text(out, key);
                out.push(':');
                write_value(out, item, depth)?;
            }
            out.push('}');
        }
        Value::Object(object) => write_object(out, &**object, depth)?,
    }
    Ok(())
}

fn write_object(out: &mut String, object: &dyn Object, depth: usize) -> Result<(), String> {
    out.push('{');
    for (i, name) in object.fields().iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        write_text(out, object.json_name(name));
        out.push(':');
        write_value(out, &object.field(name).unwrap_or(Value::Nil), depth)?;
    }
    out.push('}');
    Ok(())
}

/// A float as JSON has it: exponents below 1e-6 and from 1e21 on, `e-7` without a zero.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = number::exponential(value, None);
        return text.replace("e-0", "e-");
    }
    number::fixed(value, None)
}

/// A JSON string, quotes included.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
