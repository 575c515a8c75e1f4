//! A point as a line.

use std::fmt::Write as _;

use super::Precision;
use crate::{Point, Value};

/// Appends `point` as one line with its line end. Values that a line cannot hold (NaN, infinities,
/// no value) are left out; `false`, and nothing appended, when no field is left.
pub fn render(point: &Point, precision: Precision, out: &mut String) -> bool {
    let start = out.len();
    escape(&point.name, &[',', ' '], out);
    for (key, value) in point.tags.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(',');
        escape(key, &[',', '=', ' '], out);
        out.push('=');
        escape(value, &[',', '=', ' '], out);
    }
    let mut separator = ' ';
    for (name, value) in &point.fields {
        if matches!(value, Value::Nil) || matches!(value, Value::Float(f) if !f.is_finite()) {
            continue;
        }
        out.push(separator);
        separator = ',';
        escape(name, &[',', '=', ' ', '"'], out);
        out.push('=');
        // Writing to a string cannot fail.
        let _ = match value {
            Value::Float(f) => write!(out, "{f}"),
            Value::Int(i) => write!(out, "{i}i"),
            Value::Bool(b) => write!(out, "{b}"),
            Value::Str(text) => {
                out.push('"');
                escape(text, &['"', '\\'], out);
                out.push('"');
                Ok(())
            }
            Value::Nil => Ok(()),
        };
    }
    if separator == ' ' {
        out.truncate(start);
        return false;
    }
    let _ = writeln!(out, " {}", point.time.0.div_euclid(precision.nanos()));
    true
}

fn escape(text: &str, special: &[char], out: &mut String) {
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}
