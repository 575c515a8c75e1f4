//! Go's quoting of text and characters, and its way back.

use std::fmt::Write;

/// Go's `%q` of text.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"', false);
    }
    out.push('"');
    out
}

/// Go's `%+q` of text.
pub(crate) fn quoted_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"', true);
    }
    out.push('"');
    out
}

/// Go's `%q` of a rune.
pub(crate) fn quoted_rune(c: char) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c, '\'', false);
    out.push('\'');
    out
}

/// Go's `%#U`.
pub(crate) fn character(c: char) -> String {
    if is_printable(c) {
        format!("U+{:04X} '{c}'", u32::from(c))
    } else {
        format!("U+{:04X}", u32::from(c))
    }
}

pub(crate) fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}')
            || matches!(c, '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..))
}

fn push_escaped(out: &mut String, c: char, quote: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if is_printable(c) && (!ascii || c.is_ascii()) => out.push(c),
        c => {
            let code = u32::from(c);
            // Writing to a string does not fail.
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0..0x10000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// The text of a Go string literal in double or back quotes; `None` for a bad escape.
pub(crate) fn unquote(literal: &str) -> Option<String> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.starts_with('`') {
        return Some(inner.replace('\r', ""));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        match unescape(&mut rest, '"')? {
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(byte) => bytes.push(byte),
        }
    }
    // Go keeps bytes that are no UTF-8; our text cannot.
    Some(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into()))
}

/// The character of a literal in single quotes.
pub(crate) fn unquote_char(literal: &str) -> Option<u32> {
    let mut rest = literal.get(1..literal.len().checked_sub(1)?)?;
    let unit = unescape(&mut rest, '\'')?;
    rest.is_empty().then_some(match unit {
        Unit::Char(c) => u32::from(c),
        Unit::Byte(byte) => u32::from(byte),
    })
}

enum Unit {
    Char(char),
    Byte(u8),
}

fn unescape(rest: &mut &str, quote: char) -> Option<Unit> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    if c != '\\' {
        *rest = chars.as_str();
        return (c != quote).then_some(Unit::Char(c));
    }
    let sign = chars.next()?;
    let after = chars.as_str();
    let digits = |count: usize, radix: u32| {
        let code = after.get(..count).filter(|digits| !digits.starts_with('+'))?;
        Some((u32::from_str_radix(code, radix).ok()?, &after[count..]))
    };
    let (unit, left) = match sign {
        'a' => (Unit::Char('\u{7}'), after),
        'b' => (Unit::Char('\u{8}'), after),
        'f' => (Unit::Char('\u{c}'), after),
        'n' => (Unit::Char('\n'), after),
        'r' => (Unit::Char('\r'), after),
        't' => (Unit::Char('\t'), after),
        'v' => (Unit::Char('\u{b}'), after),
        '\\' => (Unit::Char('\\'), after),
        c if c == quote => (Unit::Char(c), after),
        'x' => {
            let (code, left) = digits(2, 16)?;
            (Unit::Byte(u8::try_from(code).ok()?), left)
        }
        'u' | 'U' => {
            let (code, left) = digits(if sign == 'u' { 4 } else { 8 }, 16)?;
            (Unit::Char(char::from_u32(code)?), left)
        }
        '0'..='7' => {
            let octal = rest.get(1..4)?;
            let code = u32::from_str_radix(octal, 8).ok()?;
            (Unit::Byte(u8::try_from(code).ok()?), &rest[4..])
        }
        _ => return None,
    };
    *rest = left;
    Some(unit)
}
