//! The text of a literal to its value.

use std::sync::Arc;

use model::Duration;

use crate::Pattern;
use crate::ast::ExprKind;

/// Digits, at most one dot. A leading zero and more digits are octal.
pub(super) fn number(text: &str) -> Result<ExprKind, String> {
    let illegal = || format!("illegal number syntax: {text:?}");
    if text.contains('.') {
        let value: f64 = text.parse().map_err(|_| illegal())?;
        return if value.is_finite() { Ok(ExprKind::Float(value)) } else { Err(illegal()) };
    }
    let octal = text.len() > 1 && text.starts_with('0');
    let value = i64::from_str_radix(text, if octal { 8 } else { 10 }).map_err(|_| illegal())?;
    Ok(ExprKind::Int { value, octal })
}

/// Digits and one unit.
pub(super) fn duration(text: &str) -> Result<ExprKind, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let nanoseconds = match unit {
        "u" | "µ" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000i64,
        _ => return Err("invalid duration".to_owned()),
    };
    let count: i64 = count.parse().map_err(|_| "invalid duration".to_owned())?;
    let value = count.checked_mul(nanoseconds).ok_or_else(|| {
        format!("overflowed duration {count}{unit}: choose a smaller duration or INF")
    })?;
    Ok(ExprKind::Duration { value: Duration(value), literal: text.into() })
}

pub(super) fn regex(text: &str) -> Result<ExprKind, String> {
    Pattern::parse(&unquote(text, '/')).map(ExprKind::Regex)
}

pub(super) fn string(text: &str) -> ExprKind {
    match text.strip_prefix("'''").and_then(|rest| rest.strip_suffix("'''")) {
        Some(body) => ExprKind::String { value: body.into(), raw: true },
        None => ExprKind::String { value: unquote(text, '\''), raw: false },
    }
}

/// What stands between the quotes; a backslash before a quote goes, any other stays.
pub(super) fn unquote(text: &str, quote: char) -> Arc<str> {
    let body = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or(text);
    let escaped = ['\\', quote].iter().collect::<String>();
    body.replace(&escaped, quote.encode_utf8(&mut [0; 4])).into()
}
