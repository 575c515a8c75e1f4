//! Values as Go prints them without a verb.

use std::fmt::Write;

use jiff::tz::TimeZone;

use crate::clock::{self, Moment};
use crate::datum::Datum;
use crate::{Object, Value, number};

/// How deep values may nest before the rest is left out.
const MAX_VALUE_DEPTH: usize = 32;

/// What an action prints; no value is `<no value>`.
pub(crate) fn write(out: &mut String, datum: &Datum<'_>, zone: &TimeZone) {
    match datum {
        Datum::Value(Value::Str(text)) | Datum::Script(text) => out.push_str(text),
        datum if datum.is_nil() => out.push_str("<no value>"),
        datum => write_argument(out, datum, zone),
    }
}

/// What `print` and `%v` print; no value is `<nil>`.
pub(crate) fn write_argument(out: &mut String, datum: &Datum<'_>, zone: &TimeZone) {
    // Writing to a string does not fail.
    let _ = match datum {
        Datum::Missing => out.write_str("<nil>"),
        Datum::Root(object) => write_object(out, *object, MAX_VALUE_DEPTH),
        Datum::Value(value) => write_value(out, value, MAX_VALUE_DEPTH),
        Datum::Int(value) => write!(out, "{value}"),
        Datum::Byte(value) => write!(out, "{value}"),
        Datum::Month(month) => out.write_str(&clock::month_name(*month)),
        Datum::Weekday(day) => out.write_str(&clock::weekday_name(*day)),
        Datum::Script(text) => out.write_str(text),
        Datum::Local(at) => out.write_str(&Moment::new(*at, Some(zone)).text()),
    };
}

/// [`write_argument`] into a text of its own.
pub(crate) fn text(datum: &Datum<'_>, zone: &TimeZone) -> String {
    let mut out = String::new();
    write_argument(&mut out, datum, zone);
    out
}

/// Go's `Sprint`: a space between neighbours that are both no text.
pub(crate) fn sprint(data: &[Datum<'_>], zone: &TimeZone) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for datum in data {
        let is_text = matches!(datum, Datum::Value(Value::Str(_)) | Datum::Script(_));
        if !is_text && !after_text {
            out.push(' ');
        }
        after_text = is_text;
        write_argument(&mut out, datum, zone);
    }
    out
}

/// Go's `Sprintln`: a space between all, a newline at the end.
pub(crate) fn sprintln(data: &[Datum<'_>], zone: &TimeZone) -> String {
    let mut out = String::new();
    for (i, datum) in data.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        write_argument(&mut out, datum, zone);
    }
    out.push('\n');
    out
}

fn write_value(out: &mut String, value: &Value, depth: usize) -> std::fmt::Result {
    let Some(depth) = depth.checked_sub(1) else { return out.write_str("…") };
    match value {
        Value::Nil => out.write_str("<nil>"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Float(value) => out.write_str(&number::shortest(*value)),
        Value::Str(text) => out.write_str(text),
        Value::Time(at) => out.write_str(&Moment::new(*at, None).text()),
        Value::Duration(length) => out.write_str(&clock::duration_text(*length)),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { " " } else { "" });
                write_value(out, item, depth)?;
            }
            out.write_str("]")
        }
        Value::Map(map) | Value::Tags(map) => {
            out.push_str("map[");
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i > 0 { " " } else { "" });
                write!(out, "{key}:")?;
                write_value(out, item, depth)?;
            }
            out.write_str("]")
        }
        Value::Object(object) => write_object(out, &**object, depth),
    }
}

fn write_object(out: &mut String, object: &dyn Object, depth: usize) -> std::fmt::Result {
    out.push('{');
    for (i, name) in object.fields().iter().enumerate() {
        out.push_str(if i > 0 { " " } else { "" });
        write_value(out, &object.field(name).unwrap_or(Value::Nil), depth)?;
    }
    out.write_str("}")
}
