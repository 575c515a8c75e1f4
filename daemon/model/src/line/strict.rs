//! Reads any line exactly as InfluxDB 1.x does, and says what is wrong with a bad one.
//!
//! Ours in addition: a carriage return before the line end is cut, and text must be UTF-8.

use std::borrow::Cow;

use super::intern::Interner;
use super::{Context, MAX_KEY_BYTES, TIME_RANGE, number};
use crate::{Fields, Point, Str, Tags, Value};

/// Where the line that starts at `at` ends: a line feed outside of a quoted field value.
pub(super) fn line_end(body: &[u8], at: usize) -> usize {
    let mut i = at;
    let (mut in_fields, mut quoted) = (false, false);
    let (mut equals, mut commas) = (0usize, 0usize);
    while i < body.len() {
        match body[i] {
            b'\\' if i + 2 < body.len() => i += 1,
            b' ' => in_fields = true,
            b'=' if in_fields && !quoted => equals += 1,
            b',' if in_fields && !quoted => commas += 1,
            b'"' if in_fields && equals > commas => quoted = !quoted,
            b'\n' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    i.min(body.len())
}

/// The line without leading blanks and without a carriage return at its end.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    &line[skip_blanks(line, 0)..]
}

fn skip_blanks(line: &[u8], at: usize) -> usize {
    let blank = |c: &&u8| matches!(c, b' ' | b'\t' | 0);
    at + line[at.min(line.len())..].iter().take_while(blank).count()
}

/// Reads one line that [`trim`] has prepared.
pub(super) fn read(
    line: &[u8],
    context: &Context<'_>,
    interner: &mut Interner,
) -> Result<Point, String> {
    let text = std::str::from_utf8(line)
        .map_err(|e| format!("invalid UTF-8 at byte {} of the line", e.valid_up_to() + 1))?;
    let (measurement, tags, end) = key(text)?;
    if end > MAX_KEY_BYTES {
        return Err(format!("max key length exceeded: {end} > {MAX_KEY_BYTES}"));
    }
    let (mut entries, at) = fields(text, skip_blanks(line, end), end, interner)?;
    let time = time(text, skip_blanks(line, at), context)?;
    let (name, tags) = match interner.series.find(&line[..end]) {
        Some(place) => {
            let known = interner.series.at(place);
            (known.name.clone(), known.tags.clone())
        }
        None => {
            let name = interner.intern(&measurement);
            let shared = tags.iter().map(|(k, v)| (interner.intern(k), interner.intern(v)));
            let tags: Tags = shared.collect();
            interner.remember(&line[..end], &name, &tags);
            (name, tags)
        }
    };
    Ok(Point {
        database: context.database.clone(),
        retention_policy: context.retention_policy.clone(),
        name,
        tags,
        fields: Fields::drain_from(&mut entries),
        time,
    })
}

/// Place of the first of `stops` from `from` on that no backslash stands before.
fn unescaped(text: &str, from: usize, stops: &[u8]) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&i| stops.contains(&bytes[i]) && (i == 0 || bytes[i - 1] != b'\\'))
}

type Key<'a> = (Cow<'a, str>, Vec<(Cow<'a, str>, Cow<'a, str>)>, usize);

/// Measurement, tags and where the series key ends.
fn key(text: &str) -> Result<Key<'_>, &'static str> {
    if text.starts_with(',') || text.is_empty() {
        return Err("missing measurement");
    }
    let mut end = unescaped(text, 1, b", ").ok_or("missing fields")?;
    let name = unescape(&text[..end], b", ");
    let mut tags: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    while text.as_bytes()[end] == b',' {
        let start = end + 1;
        if matches!(text.as_bytes().get(start), None | Some(b' ' | b',' | b'=')) {
            return Err("missing tag key");
        }
        let equals = unescaped(text, start + 1, b"=, ").ok_or("missing tag value")?;
        let value = equals + 1;
        if text.as_bytes()[equals] != b'='
            || matches!(text.as_bytes().get(value), None | Some(b' ' | b','))
        {
            return Err("missing tag value");
        }
        end = unescaped(text, value + 1, b"=, ").ok_or("missing fields")?;
        if text.as_bytes()[end] == b'=' {
            return Err("invalid tag format");
        }
        tags.push((unescape(&text[start..equals], b",= "), unescape(&text[value..end], b",= ")));
    }
    let mut keys: Vec<&str> = tags.iter().map(|(k, _)| &**k).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("duplicate tags");
    }
    Ok((name, tags, end))
}

/// Fields from `at` on and where they end.
fn fields(
    text: &str,
    at: usize,
    series_bytes: usize,
    interner: &mut Interner,
) -> Result<(Vec<(Str, Value)>, usize), String> {
    let bytes = text.as_bytes();
    let mut entries = Vec::new();
    let mut start = at;
    loop {
        let equals = match name_end(bytes, start) {
            Some(i) if bytes[i] == b'=' => i,
            _ => return Err("invalid field format".to_owned()),
        };
        if equals == start {
            return Err("missing field key".to_owned());
        }
        let key_bytes = series_bytes + 4 + equals - start;
        if key_bytes > MAX_KEY_BYTES {
            return Err(format!("max key length exceeded: {key_bytes} > {MAX_KEY_BYTES}"));
        }
        let name = interner.intern(&unescape(&text[start..equals], b",=\" "));
        let (value, end) = value(text, equals + 1)?;
        entries.push((name, value));
        if bytes.get(end) != Some(&b',') {
            return Ok((entries, end));
        }
        start = end + 1;
    }
}

/// Place of the byte that ends a field name; a backslash protects whatever follows it.
fn name_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut i = start;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if i + 1 < bytes.len() => i += 1,
            b'=' | b',' | b' ' => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

/// The field value at `at` and where it ends.
fn value(text: &str, at: usize) -> Result<(Value, usize), String> {
    let bytes = text.as_bytes();
    let end = at + bytes[at..].iter().take_while(|c| !matches!(c, b',' | b' ')).count();
    match bytes.get(at) {
        None | Some(b',' | b' ') => Err("missing field value".to_owned()),
        Some(b'"') => string(text, at + 1),
        Some(b'0'..=b'9' | b'.' | b'-' | b'N' | b'n') => {
            number::strict(&text[at..end]).map(|value| (value, end))
        }
        Some(_) => match boolean(&bytes[at..end]) {
            Some(value) => Ok((Value::Bool(value), end)),
            None => Err("invalid boolean".to_owned()),
        },
    }
}

/// The quoted text whose first byte is at `start`, and where its value ends.
fn string(text: &str, start: usize) -> Result<(Value, usize), String> {
    let bytes = text.as_bytes();
    let mut i = start;
    while i < bytes.len() && bytes[i] != b'"' {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    if i >= bytes.len() {
        return Err("unbalanced quotes".to_owned());
    }
    if !matches!(bytes.get(i + 1), None | Some(b',' | b' ')) {
        return Err("invalid field format".to_owned());
    }
    Ok((Value::Str(unescape(&text[start..i], b"\"\\").into()), i + 1))
}

/// The boolean that `text` spells.
pub(super) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Some(true),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// The time at `at`, which ends the line.
fn time(text: &str, at: usize, context: &Context<'_>) -> Result<crate::Time, String> {
    let rest = &text[at.min(text.len())..];
    let (count, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    if count.is_empty() {
        return Ok(context.default_time);
    }
    let digits = count.strip_prefix('-').unwrap_or(count);
    if !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err("bad timestamp".to_owned());
    }
    if digits.is_empty() {
        return Err(format!("strconv.ParseInt: parsing \"{count}\": invalid syntax"));
    }
    let count: i64 = count
        .parse()
        .map_err(|_| format!("strconv.ParseInt: parsing \"{count}\": value out of range"))?;
    let time = context
        .precision
        .time(count)
        .ok_or_else(|| format!("time outside range {} - {}", TIME_RANGE.0, TIME_RANGE.1))?;
    if after.bytes().any(|c| c != b' ') {
        return Err("point is invalid".to_owned());
    }
    Ok(time)
}

/// Takes the backslash away before each of `escapable`.
fn unescape<'a>(text: &'a str, escapable: &[u8]) -> Cow<'a, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escapes = |next: &char| next.is_ascii() && escapable.contains(&(*next as u8));
        let escaped = if c == '\\' { chars.next_if(escapes) } else { None };
        plain.push(escaped.unwrap_or(c));
    }
    Cow::Owned(plain)
}
