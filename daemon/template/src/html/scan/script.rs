//! Scripts.

use super::{Step, after_value};
use crate::html::context::{Context, Slash, State};

/// Words after which a slash begins a regular expression.
const KEYWORDS: [&str; 14] = [
    "break",
    "case",
    "continue",
    "delete",
    "do",
    "else",
    "finally",
    "in",
    "instanceof",
    "return",
    "throw",
    "try",
    "typeof",
    "void",
];

pub(super) fn transition(context: Context, text: &str) -> Step {
    match context.state {
        State::JsDouble => Ok(quoted(context, text, '"')),
        State::JsSingle => Ok(quoted(context, text, '\'')),
        State::JsTemplate => Ok(quoted(context, text, '`')),
        State::JsRegexp => Ok(regexp(context, text)),
        State::JsLineComment => {
            let end = text.find(['\n', '\r', '\u{2028}', '\u{2029}']);
            Ok(match end {
                Some(at) => (Context { state: State::Js, ..context }, at),
                None => (context, text.len()),
            })
        }
        State::JsBlockComment => Ok(match text.find("*/") {
            Some(at) => (Context { state: State::Js, ..context }, at + 2),
            None => (context, text.len()),
        }),
        _ => code(context, text),
    }
}

fn code(context: Context, text: &str) -> Step {
    let Some(at) = text.find(['"', '\'', '`', '/']) else {
        return Ok((Context { slash: slash_after(text, context.slash), ..context }, text.len()));
    };
    let slash = slash_after(&text[..at], context.slash);
    let enter = |state| Ok((Context { state, slash: Slash::Regexp, ..context }, at + 1));
    match &text[at..=at] {
        "\"" => enter(State::JsDouble),
        "'" => enter(State::JsSingle),
        "`" => enter(State::JsTemplate),
        _ if text[at + 1..].starts_with('/') => {
            Ok((Context { state: State::JsLineComment, slash, ..context }, at + 2))
        }
        _ if text[at + 1..].starts_with('*') => {
            Ok((Context { state: State::JsBlockComment, slash, ..context }, at + 2))
        }
        _ => match slash {
            Slash::Regexp => enter(State::JsRegexp),
            Slash::Division => Ok((Context { slash: Slash::Regexp, ..context }, at + 1)),
            Slash::Unknown => {
                let rest = crate::quote::quoted(&text[at..]);
                Err(format!("'/' could start a division or regexp: {rest}"))
            }
        },
    }
}

/// What a slash means after some code.
fn slash_after(code: &str, before: Slash) -> Slash {
    let code = code.trim_end();
    let Some(last) = code.chars().next_back() else { return before };
    match last {
        '+' | '-' => {
            let run = code.len() - code.trim_end_matches(last).len();
            if run % 2 == 1 { Slash::Regexp } else { Slash::Division }
        }
        '.' if code[..code.len() - 1].ends_with(|c: char| c.is_ascii_digit()) => Slash::Division,
        '.' | ',' | '<' | '>' | '=' | '*' | '%' | '&' | '|' | '^' | '?' | '!' | '~' | '(' | '['
        | ':' | ';' | '{' | '}' => Slash::Regexp,
        _ => {
            let part = |c: char| c == '$' || c == '_' || c.is_ascii_alphanumeric();
            let word = &code[code.trim_end_matches(part).len()..];
            if KEYWORDS.contains(&word) { Slash::Regexp } else { Slash::Division }
        }
    }
}

fn quoted(context: Context, text: &str, quote: char) -> (Context, usize) {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            c if c == quote => return (after_value(context, State::Js), at + 1),
            _ => {}
        }
    }
    (context, text.len())
}

fn regexp(context: Context, text: &str) -> (Context, usize) {
    let mut chars = text.char_indices();
    let mut in_set = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_set = true,
            ']' => in_set = false,
            '/' if !in_set => return (after_value(context, State::Js), at + 1),
            _ => {}
        }
    }
    (context, text.len())
}
