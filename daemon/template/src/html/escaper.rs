//! What makes a value safe in its place.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::attribute;
use crate::datum::Datum;
use crate::{Value, json, print};

/// What Go prints in place of a value that must not stand there.
const REFUSED: &str = "ZgotmplZ";

/// A function that HTML mode adds to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaper {
    Attribute,
    Comment,
    Css,
    CssValue,
    Html,
    JsRegexp,
    JsTemplate,
    JsText,
    JsValue,
    Name,
    RawText,
    SourceSet,
    Unquoted,
    Url,
    UrlFilter,
    UrlNormal,
}

impl Escaper {
    /// Go's name, as error texts show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Attribute => "_html_template_attrescaper",
            Self::Comment => "_html_template_commentescaper",
            Self::Css => "_html_template_cssescaper",
            Self::CssValue => "_html_template_cssvaluefilter",
            Self::Html => "_html_template_htmlescaper",
            Self::JsRegexp => "_html_template_jsregexpescaper",
            Self::JsTemplate => "_html_template_jstmpllitescaper",
            Self::JsText => "_html_template_jsstrescaper",
            Self::JsValue => "_html_template_jsvalescaper",
            Self::Name => "_html_template_htmlnamefilter",
            Self::RawText => "_html_template_rcdataescaper",
            Self::SourceSet => "_html_template_srcsetescaper",
            Self::Unquoted => "_html_template_nospaceescaper",
            Self::Url => "_html_template_urlescaper",
            Self::UrlFilter => "_html_template_urlfilter",
            Self::UrlNormal => "_html_template_urlnormalizer",
        }
    }

    fn apply(self, text: &str) -> String {
        match self {
            Self::Html | Self::Attribute | Self::RawText => replaced(text, quoted_reference),
            Self::Unquoted if text.is_empty() => REFUSED.to_owned(),
            Self::Unquoted => replaced(text, unquoted_reference),
            Self::Comment => String::new(),
            Self::Name => name(text),
            Self::UrlFilter if is_safe_url(text) => text.to_owned(),
            Self::UrlFilter => format!("#{REFUSED}"),
            Self::UrlNormal => url(text, true),
            Self::Url => url(text, false),
            Self::SourceSet => source_set(text),
            Self::Css => css(text),
            Self::CssValue => css_value(text),
            Self::JsText => js(text, ""),
            Self::JsTemplate => js(text, "${}"),
            Self::JsRegexp if text.is_empty() => "(?:)".to_owned(),
            Self::JsRegexp => js(text, "$()*-.?[]^{|}"),
            Self::JsValue => text.to_owned(),
        }
    }
}

/// The printed value after its escapers.
pub(crate) fn escape(
    escapers: &[Escaper],
    value: &Datum<'_>,
    zone: &TimeZone,
) -> Result<String, String> {
    let (first, others) = escapers.split_first().expect("a pipeline has an escaper");
    let mut text = match (first, value) {
        (Escaper::JsValue, value) => js_value(value, zone)?,
        (first, Datum::Value(Value::Str(text)) | Datum::Script(text)) => first.apply(text),
        (first, value) if value.is_nil() => first.apply(""),
        (first, value) => first.apply(&print::text(value, zone)),
    };
    for escaper in others {
        text = escaper.apply(&text);
    }
    Ok(text)
}

fn replaced(text: &str, reference: fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match reference(c) {
            Some(reference) => out.push_str(reference),
            None => out.push(c),
        }
    }
    out
}

fn quoted_reference(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '&' => "&amp;",
        '\'' => "&#39;",
        '+' => "&#43;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}

fn unquoted_reference(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "&#xfffd;",
        '\t' => "&#9;",
        '\n' => "&#10;",
        '\u{b}' => "&#11;",
        '\u{c}' => "&#12;",
        '\r' => "&#13;",
        ' ' => "&#32;",
        '=' => "&#61;",
        '`' => "&#96;",
        c => return quoted_reference(c),
    })
}

fn name(text: &str) -> String {
    let lower = text.to_lowercase();
    let plain = !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && attribute::is_safe_name(&lower) { lower } else { REFUSED.to_owned() }
}

fn is_safe_url(text: &str) -> bool {
    match text.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => {
            ["http", "https", "mailto"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
        }
        _ => true,
    }
}

/// Percent-encodes; a URL that is whole keeps what structures it.
fn url(text: &str, whole: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    for (at, byte) in bytes.iter().enumerate() {
        let keeps = match byte {
            b'-' | b'.' | b'_' | b'~' => true,
            b'%' => {
                let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
                whole && hex(at + 1) && hex(at + 2)
            }
            byte if whole && b"!#$&*+,/:;=?@[]".contains(byte) => true,
            byte => byte.is_ascii_alphanumeric(),
        };
        if keeps {
            out.push(*byte as char);
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

fn source_set(text: &str) -> String {
    let candidates = text.split(',').map(|candidate| {
        let trimmed = candidate.trim_start();
        let lead = &candidate[..candidate.len() - trimmed.len()];
        let (link, rest) =
            trimmed.split_at(trimmed.find(char::is_whitespace).unwrap_or(trimmed.len()));
        let plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace());
        if is_safe_url(link) && plain {
            format!("{lead}{}{rest}", url(link, true).replace(',', "%2c"))
        } else {
            format!("#{REFUSED}")
        }
    });
    candidates.collect::<Vec<_>>().join(",")
}

fn css(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\0' | '\t' | '\n' | '\u{c}' | '\r' | '"' | '&' | '\'' | '(' | ')' | '+' | '/'
            | ':' | ';' | '<' | '>' | '{' | '}' => {
                let _ = write!(out, "\\{:x}", u32::from(c));
                if chars.peek().is_none_or(|next| next.is_ascii_hexdigit() || next.is_whitespace())
                {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn css_value(text: &str) -> String {
    let bad = text.contains(|c: char| "\0\"'()/;@[\\]`{}<>".contains(c)) || text.contains("--");
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_lowercase();
    if bad || letters.contains("expression") || letters.contains("mozbinding") {
        return REFUSED.to_owned();
    }
    text.to_owned()
}

/// The inside of a literal; `more` characters get a backslash or, in a template, a code.
fn js(text: &str, more: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '/' => out.push_str("\\/"),
            '\\' => out.push_str("\\\\"),
            c if more.contains(c) && more.starts_with("$(") => {
                out.push('\\');
                out.push(c);
            }
            '\0' | '\u{b}' | '"' | '`' | '&' | '\'' | '+' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if more.contains(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A value as a script's expression; words and numbers keep distance from their neighbours.
fn js_value(value: &Datum<'_>, zone: &TimeZone) -> Result<String, String> {
    if let Datum::Script(text) = value {
        return Ok(text.to_string());
    }
    let shown =
        matches!(value, Datum::Value(Value::Duration(_)) | Datum::Month(_) | Datum::Weekday(_));
    let text = if shown {
        json::compact(&Datum::text(print::text(value, zone)), zone)?
    } else {
        json::compact(value, zone)?
    };
    let word = |c: char| c == '$' || c == '_' || c.is_ascii_alphanumeric();
    if text.starts_with(word) || text.ends_with(word) {
        return Ok(format!(" {text} "));
    }
    Ok(text)
}
