//! Style sheets.

use super::{SPACE, url};
use crate::html::context::{Context, State, UrlPart};

pub(super) fn transition(context: Context, text: &str) -> (Context, usize) {
    let back = Context { state: State::Css, url: UrlPart::Start, ..context };
    match context.state {
        State::CssDouble | State::CssDoubleUrl => quoted(context, text, &['"']),
        State::CssSingle | State::CssSingleUrl => quoted(context, text, &['\'']),
        State::CssUrl => quoted(context, text, &[' ', '\t', '\n', '\u{c}', '\r', ')']),
        State::CssLineComment => match text.find(['\n', '\u{c}', '\r']) {
            Some(at) => (back, at),
            None => (context, text.len()),
        },
        State::CssBlockComment => match text.find("*/") {
            Some(at) => (back, at + 2),
            None => (context, text.len()),
        },
        _ => sheet(context, text),
    }
}

fn sheet(context: Context, text: &str) -> (Context, usize) {
    for (at, sign) in text.match_indices(['(', '"', '\'', '/']) {
        let after = &text[at + 1..];
        let enter = |state, length| (Context { state, url: UrlPart::Start, ..context }, length);
        match sign {
            "\"" => return enter(State::CssDouble, at + 1),
            "'" => return enter(State::CssSingle, at + 1),
            "/" if after.starts_with('/') => return enter(State::CssLineComment, at + 2),
            "/" if after.starts_with('*') => return enter(State::CssBlockComment, at + 2),
            "(" => {
                let name = text[..at].trim_end_matches(SPACE);
                let named = name.len() >= 3
                    && name.get(name.len() - 3..).is_some_and(|s| s.eq_ignore_ascii_case("url"));
                if !named {
                    continue;
                }
                let start = after.trim_start_matches(SPACE);
                let at = text.len() - start.len();
                return match start.chars().next() {
                    Some('"') => enter(State::CssDoubleUrl, at + 1),
                    Some('\'') => enter(State::CssSingleUrl, at + 1),
                    _ => enter(State::CssUrl, at),
                };
            }
            _ => {}
        }
    }
    (context, text.len())
}

/// A text or URL up to one of the ends.
fn quoted(context: Context, text: &str, ends: &[char]) -> (Context, usize) {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if ends.contains(&c) {
            return (
                Context { state: State::Css, url: UrlPart::Start, ..context },
                at + c.len_utf8(),
            );
        }
    }
    (url(context, text), text.len())
}
