//! Follows literal text through a document.

mod script;
mod style;

use std::borrow::Cow;

use super::attribute;
use super::context::{Attribute, Context, Delim, Element, Slash, State, UrlPart};

type Step = Result<(Context, usize), String>;

const SPACE: [char; 5] = [' ', '\t', '\n', '\u{c}', '\r'];

/// The context after a text, and the text as it is printed: without comments, and with `&lt;` where
/// a `<` opens no tag.
pub(super) fn text(mut context: Context, text: &str) -> Result<(Context, String), String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (after, length) = step(context, rest)?;
        let piece = &rest[..length];
        if matches!(context.state, State::Text | State::RawText) {
            let end = if after.state == context.state {
                length
            } else {
                piece.rfind('<').unwrap_or(length)
            };
            push_text(&mut out, &piece[..end]);
            if after.state != State::Comment {
                out.push_str(&piece[end..]);
            }
        } else if context.is_comment() && context.delim == Delim::None {
            match context.state {
                State::JsBlockComment if piece.contains(['\n', '\r', '\u{2028}', '\u{2029}']) => {
                    out.push('\n');
                }
                State::JsBlockComment | State::CssBlockComment => out.push(' '),
                _ => {}
            }
        } else if after.is_comment() && after.delim == Delim::None {
            out.push_str(&piece[..length - 2]);
        } else {
            out.push_str(piece);
        }
        if length == 0 && after == context {
            return Err("the text cannot be followed".to_owned());
        }
        (context, rest) = (after, &rest[length..]);
    }
    Ok((context, out))
}

fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let doctype = rest.get(at..at + 9).is_some_and(|s| s.eq_ignore_ascii_case("<!doctype"));
        out.push_str(if doctype { "<" } else { "&lt;" });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// The context after some of the text, and how much.
fn step(context: Context, text: &str) -> Step {
    if context.delim == Delim::None {
        let content = matches!(context.state, State::RawText) || in_script(context.state);
        let end = content.then(|| end_tag(context.element, text)).flatten();
        return match end {
            Some(0) => Ok((Context::TEXT, 0)),
            Some(end) => transition(context, &text[..end]),
            None => transition(context, text),
        };
    }
    let end = match context.delim {
        Delim::Double => text.find('"'),
        Delim::Single => text.find('\''),
        _ => text.find([' ', '\t', '\n', '\u{c}', '\r', '>']),
    };
    let value = &text[..end.unwrap_or(text.len())];
    if context.delim == Delim::SpaceOrTagEnd
        && let Some(bad) = value.chars().find(|c| "\"'<=`".contains(*c))
    {
        let value = crate::quote::quoted(value);
        return Err(format!("{} in unquoted attr: {value}", quoted_char(bad)));
    }
    let mut inner = context;
    let decoded = unescape(value);
    let mut rest = &*decoded;
    while !rest.is_empty() {
        let (after, length) = transition(inner, rest)?;
        if length == 0 && after == inner {
            return Err("the value cannot be followed".to_owned());
        }
        (inner, rest) = (after, &rest[length..]);
    }
    let Some(end) = end else { return Ok((inner, text.len())) };
    let mut element = context.element;
    if context.attribute == Attribute::ScriptType && !attribute::is_script_type(&decoded) {
        element = Element::Other;
    }
    let quote = usize::from(context.delim != Delim::SpaceOrTagEnd);
    Ok((Context::tag(element), end + quote))
}

fn in_script(state: State) -> bool {
    state >= State::Js
}

/// Where the end tag of an element with raw content begins.
fn end_tag(element: Element, text: &str) -> Option<usize> {
    let name = match element {
        Element::Script => "script",
        Element::Style => "style",
        Element::TextArea => "textarea",
        Element::Title => "title",
        Element::Other => return None,
    };
    text.match_indices("</").map(|(at, _)| at).find(|at| {
        let after = &text[at + 2..];
        let same = after.get(..name.len()).is_some_and(|s| s.eq_ignore_ascii_case(name));
        same && after[name.len()..].starts_with([' ', '\t', '\n', '\u{c}', '\r', '/', '>'])
    })
}

/// One step where neither an attribute's nor an element's end is in the text.
fn transition(context: Context, text: &str) -> Step {
    let stay = Ok((context, text.len()));
    match context.state {
        State::Text => Ok(plain(context, text)),
        State::Tag => tag(context, text),
        State::AttributeName => {
            let end = name_end(text)?;
            let state = if end == text.len() { State::AttributeName } else { State::AfterName };
            Ok((Context { state, ..context }, end))
        }
        State::AfterName => {
            let at = text.len() - text.trim_start_matches(SPACE).len();
            match text[at..].chars().next() {
                None => stay,
                Some('=') => Ok((Context { state: State::BeforeValue, ..context }, at + 1)),
                Some(_) => Ok((Context { state: State::Tag, ..context }, at)),
            }
        }
        State::BeforeValue => {
            let at = text.len() - text.trim_start_matches(SPACE).len();
            match text[at..].chars().next() {
                None => stay,
                Some('"') => Ok((context.value_start(Delim::Double), at + 1)),
                Some('\'') => Ok((context.value_start(Delim::Single), at + 1)),
                Some(_) => Ok((context.value_start(Delim::SpaceOrTagEnd), at)),
            }
        }
        State::Comment => match text.find("-->") {
            Some(at) => Ok((Context::TEXT, at + 3)),
            None => stay,
        },
        State::RawText | State::Value | State::SourceSet => stay,
        State::Url => Ok((url(context, text), text.len())),
        state if state < State::Css => script::transition(context, text),
        _ => Ok(style::transition(context, text)),
    }
}

fn plain(context: Context, text: &str) -> (Context, usize) {
    for (at, _) in text.match_indices('<') {
        let mut rest = &text[at + 1..];
        if rest.starts_with("!--") {
            return (Context { state: State::Comment, ..context }, at + 4);
        }
        let closes = rest.starts_with('/');
        rest = &rest[usize::from(closes)..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-')))
            .unwrap_or(rest.len());
        let element = match rest[..length].to_ascii_lowercase().as_str() {
            _ if closes => Element::Other,
            "script" => Element::Script,
            "style" => Element::Style,
            "textarea" => Element::TextArea,
            "title" => Element::Title,
            _ => Element::Other,
        };
        return (Context::tag(element), text.len() - rest.len() + length);
    }
    (context, text.len())
}

fn tag(context: Context, text: &str) -> Step {
    let at = text.len() - text.trim_start_matches(SPACE).len();
    let rest = &text[at..];
    if rest.is_empty() {
        return Ok((context, text.len()));
    }
    if rest.starts_with('>') {
        let state = match context.element {
            Element::Other => State::Text,
            Element::Script => State::Js,
            Element::Style => State::Css,
            Element::TextArea | Element::Title => State::RawText,
        };
        return Ok((Context { state, element: context.element, ..Context::TEXT }, at + 1));
    }
    let length = name_end(rest)?;
    if length == 0 {
        let rest = crate::quote::quoted(rest);
        return Err(format!("expected space, attr name, or end of tag, but got {rest}"));
    }
    let name = rest[..length].to_ascii_lowercase();
    let attribute = if context.element == Element::Script && name == "type" {
        Attribute::ScriptType
    } else {
        attribute::kind(&name)
    };
    let state = if at + length == text.len() { State::AttributeName } else { State::AfterName };
    Ok((Context { state, attribute, ..context }, at + length))
}

fn name_end(text: &str) -> Result<usize, String> {
    let end = text.find([' ', '\t', '\n', '\u{c}', '\r', '=', '>']).unwrap_or(text.len());
    if let Some(bad) = text[..end].chars().find(|c| matches!(c, '\'' | '"' | '<')) {
        return Err(format!(
            "{} in attribute name: {}",
            quoted_char(bad),
            crate::quote::quoted(text)
        ));
    }
    Ok(end)
}

/// The part of the URL after more of it.
fn url(context: Context, text: &str) -> Context {
    let url = if text.contains(['#', '?']) {
        UrlPart::QueryOrFragment
    } else if context.url == UrlPart::Start && !text.trim_start_matches(SPACE).is_empty() {
        UrlPart::BeforeQuery
    } else {
        context.url
    };
    Context { url, ..context }
}

/// Resolves the character references that matter for following a value.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= 10);
        match end.and_then(|end| Some((end, reference(&rest[1..end])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

fn reference(name: &str) -> Option<char> {
    Some(match name {
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

/// A value ended: what a slash means then.
fn after_value(context: Context, state: State) -> Context {
    Context { state, slash: Slash::Division, ..context }
}

fn quoted_char(c: char) -> String {
    crate::quote::quoted(c.encode_utf8(&mut [0; 4]))
}
