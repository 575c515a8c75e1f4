//! Reads a plain line of a known series in one pass: no escapes, no surprises.
//!
//! Gives up (`None`) on anything else, without a trace; the strict reader then has the last word.

use super::intern::{Interner, MAX_KEY_BYTES};
use super::{Context, number};
use crate::{Fields, Point, Str, Value};

/// The point of the line at `at` and where the next line starts.
pub(super) fn read(
    body: &[u8],
    at: usize,
    context: &Context<'_>,
    interner: &mut Interner,
) -> Option<(Point, usize)> {
    let furthest = body.len().min(at + MAX_KEY_BYTES + 1);
    // Not beyond the line: else each of many lines without a space would cost a look at all.
    let space = memchr::memchr2(b' ', b'\n', &body[at..furthest])?;
    if body[at + space] == b'\n' {
        return None;
    }
    let series = interner.series.find(&body[at..at + space])?;
    interner.fields.clear();
    let mut i = at + space + 1;
    loop {
        let (name, start) = field_name(body, i, series, interner)?;
        let (value, end) = field_value(body, start)?;
        interner.fields.push((name, value));
        i = end + 1;
        if body.get(end) != Some(&b',') {
            break;
        }
    }
    let (time, next) = match body.get(i - 1) {
        Some(b' ') => {
            let (count, end) = timestamp(body, i)?;
            (context.precision.time(count)?, line_end(body, end)?)
        }
        _ => (context.default_time, line_end(body, i - 1)?),
    };
    let known = interner.series.at(series);
    let (name, tags) = (known.name.clone(), known.tags.clone());
    let point = Point {
        database: context.database.clone(),
        retention_policy: context.retention_policy.clone(),
        name,
        tags,
        fields: Fields::drain_from(&mut interner.fields),
        time,
    };
    Some((point, next))
}

/// The field name at `at` and where its value starts.
fn field_name(
    body: &[u8],
    at: usize,
    series: usize,
    interner: &mut Interner,
) -> Option<(Str, usize)> {
    let position = interner.fields.len();
    let rest = &body[at.min(body.len())..];
    if let Some(expected) = interner.series.at(series).fields.get(position)
        && rest.get(expected.len()) == Some(&b'=')
        && rest.starts_with(expected.as_bytes())
    {
        return Some((expected.clone(), at + expected.len() + 1));
    }
    let length = rest
        .iter()
        .position(|c| matches!(c, b'=' | b',' | b' ' | b'\\' | b'"' | b'\n' | b'\r' | b'\t' | 0))?;
    if rest[length] != b'=' || length == 0 || length > super::MAX_KEY_BYTES / 2 {
        return None;
    }
    let text = std::str::from_utf8(&rest[..length]).ok()?;
    Some((interner.learn_field(series, position, text), at + length + 1))
}

/// The value at `at` and the place of the byte after it.
fn field_value(body: &[u8], at: usize) -> Option<(Value, usize)> {
    match body.get(at)? {
        b'0'..=b'9' | b'-' => number::quick(body, at),
        b'"' => {
            let start = at + 1;
            let length = memchr::memchr2(b'"', b'\\', &body[start..])?;
            if body[start + length] != b'"' {
                return None;
            }
            let text = std::str::from_utf8(&body[start..start + length]).ok()?;
            Some((Value::Str(text.into()), start + length + 1))
        }
        b't' | b'T' | b'f' | b'F' => {
            let length = body[at..].iter().position(|c| !c.is_ascii_alphabetic());
            let end = at + length.unwrap_or(body.len() - at);
            Some((Value::Bool(super::strict::boolean(&body[at..end])?), end))
        }
        _ => None,
    }
}

/// A whole number of time units at `at` and where it ends.
fn timestamp(body: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = body.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let mut i = start;
    let mut count = 0u64;
    while let Some(c) = body.get(i).filter(|c| c.is_ascii_digit()) {
        count = count.wrapping_mul(10).wrapping_add(u64::from(c - b'0'));
        i += 1;
    }
    // Nineteen digits fit a u64.
    if i == start || i - start > 19 {
        return None;
    }
    let count = i64::try_from(count).ok()?;
    Some((if negative { -count } else { count }, i))
}

/// Where the next line starts when this one ends at `at`.
fn line_end(body: &[u8], at: usize) -> Option<usize> {
    match body.get(at) {
        None => Some(at),
        Some(b'\n') => Some(at + 1),
        Some(b'\r') if matches!(body.get(at + 1), None | Some(b'\n')) => Some(at + 2),
        Some(_) => None,
    }
}
