//! JSON as Go's `encoding/json` writes it: HTML-safe, floats shortest. Appends to a `String`, so
//! that one buffer serves a whole document.

use std::fmt::Write as _;

use model::{Fields, Tags, Time, Value};

/// Something that is written as one JSON document: a point or a batch in row form.
pub trait Document {
    /// Appends the document.
    fn write_json(&self, out: &mut String);
}

/// Appends `text` as a JSON string: `< > &` and the line separators U+2028, U+2029 are escaped.
pub fn write_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let bytes = text.as_bytes();
    let mut start = 0;
    loop {
        let at = start + plain(&bytes[start..]);
        out.push_str(&text[start..at]);
        let Some(&b) = bytes.get(at) else { break };
        start = at + 1;
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'<' => out.push_str("\\u003c"),
            b'>' => out.push_str("\\u003e"),
            b'&' => out.push_str("\\u0026"),
            // The first byte of U+2028, U+2029 and of other characters of three bytes.
            0xe2 => {
                start = at + 3;
                match &text[at..start] {
                    "\u{2028}" => out.push_str("\\u2028"),
                    "\u{2029}" => out.push_str("\\u2029"),
                    other => out.push_str(other),
                }
            }
            _ => {
                let _ = write!(out, "\\u{b:04x}");
            }
        }
    }
    out.push('"');
}

/// How many of the first bytes need no look: long plain texts in strides, the rest by table.
fn plain(bytes: &[u8]) -> usize {
    const STRIDE: usize = 16;
    #[expect(clippy::needless_bitwise_bool, reason = "without branches it runs on vectors")]
    let special = |b: u8| {
        (b < 0x20)
            | (b == b'"')
            | (b == b'\\')
            | (b == b'<')
            | (b == b'>')
            | (b == b'&')
            | (b == 0xe2)
    };
    let strides = bytes
        .chunks_exact(STRIDE)
        .take_while(|chunk| !chunk.iter().fold(false, |any, b| any | special(*b)))
        .count();
    let from = strides * STRIDE;
    from + bytes[from..].iter().take_while(|b| !ESCAPED[**b as usize]).count()
}

/// Bytes that may need an escape; 0xe2 starts U+2028 and U+2029.
static ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = true;
        i += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'&' as usize] = true;
    table[0xe2] = true;
    table
};

/// Appends an integer.
pub fn write_int(out: &mut String, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// Largest magnitude below which every integral float is written as an integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a float: shortest digits that read back the same; exponent form below 1e-6 and from 1e21
/// (`1e-7`, `1e+21`). What JSON cannot say (NaN, infinities) becomes `null`.
pub fn write_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        out.push_str("null");
        return;
    }
    let size = value.abs();
    if size < EXACT && value.trunc() == value && (value != 0.0 || value.is_sign_positive()) {
        write_int(out, value as i64);
    } else if value != 0.0 && !(1e-6..1e21).contains(&size) {
        let start = out.len();
        let _ = write!(out, "{value:e}");
        if size >= 1.0 {
            let e = out[start..].find('e').expect("exponent form has an e") + start;
            out.insert(e + 1, '+');
        }
    } else {
        let _ = write!(out, "{value}");
    }
}

/// Appends a field value.
pub fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Float(f) => write_float(out, *f),
        Value::Int(i) => write_int(out, *i),
        Value::Str(s) => write_string(out, s),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Nil => out.push_str("null"),
    }
}

/// Appends a time as a string: RFC 3339, nanoseconds with trailing zeros cut, `Z`.
pub fn write_time(out: &mut String, time: Time) {
    let (y, mo, d, h, mi, s, n) = time.civil();
    let two = |out: &mut String, v: u32| {
        out.push((b'0' + (v / 10) as u8) as char);
        out.push((b'0' + (v % 10) as u8) as char);
    };
    out.push('"');
    if (1000..10_000).contains(&y) {
        write_int(out, y);
    } else {
        let _ = write!(out, "{y:04}");
    }
    out.push('-');
    two(out, mo);
    out.push('-');
    two(out, d);
    out.push('T');
    two(out, h);
    out.push(':');
    two(out, mi);
    out.push(':');
    two(out, s);
    if n != 0 {
        let mut digits = [b'0'; 9];
        let (mut rest, mut end) = (n, 9);
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        while digits[end - 1] == b'0' {
            end -= 1;
        }
        out.push('.');
        out.push_str(std::str::from_utf8(&digits[..end]).expect("digits are ASCII"));
    }
    out.push_str("Z\"");
}

/// Appends tags as an object, in order of key.
pub fn write_tags(out: &mut String, tags: &Tags) {
    out.push('{');
    for (i, (key, value)) in tags.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_string(out, value);
    }
    out.push('}');
}

/// Appends fields as an object, in order of name.
pub fn write_fields(out: &mut String, fields: &Fields) {
    out.push('{');
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_gos_encoder_does() {
        for (text, json) in [
            ("", r#""""#),
            ("kiln", r#""kiln""#),
            ("a<b>&\"c\"\\", r#""a\u003cb\u003e\u0026\"c\"\\""#),
            ("\n\r\t\u{8}\u{c}\u{1}\u{1f}", r#""\n\r\t\b\f\u0001\u001f""#),
            (
                "a text of more than sixteen bytes, then <",
                r#""a text of more than sixteen bytes, then \u003c""#,
            ),
            ("é € \u{2028}\u{2029}\u{7f}", "\"é € \\u2028\\u2029\u{7f}\""),
        ] {
            let mut out = String::new();
            write_string(&mut out, text);
            assert_eq!(out, json);
        }
    }

    #[test]
    fn floats_are_written_as_gos_encoder_does() {
        for (value, json) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (35.0, "35"),
            (-2.5, "-2.5"),
            (20.333333333333332, "20.333333333333332"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (9007199254740993.0, "9007199254740992"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            let mut out = String::new();
            write_float(&mut out, value);
            assert_eq!(out, json);
        }
    }

    #[test]
    fn integers_and_times_have_their_whole_range() {
        for (value, text) in [(0, "0"), (-1, "-1"), (i64::MIN, "-9223372036854775808")] {
            let mut out = String::new();
            write_int(&mut out, value);
            assert_eq!(out, text);
        }
        for ns in [0, 1, -1, 1_500_000_010_500_000_000, i64::MAX, i64::MIN, 100] {
            let mut out = String::new();
            write_time(&mut out, Time(ns));
            assert_eq!(out, format!("\"{}\"", Time(ns)));
        }
    }
}
