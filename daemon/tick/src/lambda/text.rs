//! Strings: lengths and places are in bytes, sets of characters in code points.

use model::Str;

use super::function::{Function, Run, Signature, unfit};
use super::operator::truncate;
use super::{LKind, LValue};
use LKind as K;

/// Longest text that strReplace makes, in bytes.
const MAX_TEXT: usize = 16 << 20;

const TEST: &[Signature] = &[(&[K::Str, K::Str], K::Bool)];
const PLACE: &[Signature] = &[(&[K::Str, K::Str], K::Int)];
const CHANGE: &[Signature] = &[(&[K::Str], K::Str)];
const CUT: &[Signature] = &[(&[K::Str, K::Str], K::Str)];

macro_rules! pair {
    ($name:literal, $signatures:expr, |$s:ident, $t:ident| $value:expr) => {
        Function {
            name: $name,
            signatures: $signatures,
            run: Run::Pure(|args| match args {
                [LValue::Str($s), LValue::Str($t)] => Ok(LValue::from($value)),
                _ => Err(unfit()),
            }),
        }
    };
}

macro_rules! single {
    ($name:literal, $signatures:expr, |$s:ident| $value:expr) => {
        Function {
            name: $name,
            signatures: $signatures,
            run: Run::Pure(|args| match args {
                [LValue::Str($s)] => Ok(LValue::from($value)),
                _ => Err(unfit()),
            }),
        }
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    pair!("strContains", TEST, |s, t| s.contains(&**t)),
    pair!("strContainsAny", TEST, |s, t| s.contains(|c| t.contains(c))),
    pair!("strCount", PLACE, |s, t| if t.is_empty() {
        s.chars().count() + 1
    } else {
        s.matches(&**t).count()
    }),
    pair!("strHasPrefix", TEST, |s, t| s.starts_with(&**t)),
    pair!("strHasSuffix", TEST, |s, t| s.ends_with(&**t)),
    pair!("strIndex", PLACE, |s, t| s.find(&**t)),
    pair!("strIndexAny", PLACE, |s, t| s.find(|c| t.contains(c))),
    pair!("strLastIndex", PLACE, |s, t| s.rfind(&**t)),
    pair!("strLastIndexAny", PLACE, |s, t| s.rfind(|c| t.contains(c))),
    single!("strLength", &[(&[K::Str], K::Int)], |s| s.len()),
    Function {
        name: "strReplace",
        signatures: &[(&[K::Str, K::Str, K::Str, K::Int], K::Str)],
        run: Run::Pure(replace),
    },
    Function {
        name: "strSubstring",
        signatures: &[(&[K::Str, K::Int, K::Int], K::Str)],
        run: Run::Pure(substring),
    },
    single!("strToLower", CHANGE, |s| lower(s)),
    single!("strToUpper", CHANGE, |s| upper(s)),
    pair!("strTrim", CUT, |s, t| s.trim_matches(|c| t.contains(c)).to_owned()),
    pair!("strTrimLeft", CUT, |s, t| s.trim_start_matches(|c| t.contains(c)).to_owned()),
    pair!("strTrimPrefix", CUT, |s, t| s.strip_prefix(&**t).unwrap_or(s).to_owned()),
    pair!("strTrimRight", CUT, |s, t| s.trim_end_matches(|c| t.contains(c)).to_owned()),
    single!("strTrimSpace", CHANGE, |s| s.trim().to_owned()),
    pair!("strTrimSuffix", CUT, |s, t| s.strip_suffix(&**t).unwrap_or(s).to_owned()),
    Function {
        name: "regexReplace",
        signatures: &[(&[K::Regex, K::Str, K::Str], K::Str)],
        run: Run::Pure(|args| match args {
            [LValue::Regex(pattern), LValue::Str(s), LValue::Str(by)] => {
                Ok(LValue::Str(pattern.regex().replace_all(s, &**by).into()))
            }
            _ => Err(unfit()),
        }),
    },
    Function {
        name: "humanBytes",
        signatures: &[(&[K::Float], K::Str), (&[K::Int], K::Str)],
        run: Run::Pure(|args| match args {
            [LValue::Int(n)] => Ok(human_bytes(*n as u64).into()),
            [LValue::Float(f)] => Ok(human_bytes(truncate(*f) as u64).into()),
            _ => Err(unfit()),
        }),
    },
];

impl From<bool> for LValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<usize> for LValue {
    fn from(value: usize) -> Self {
        Self::Int(value as i64)
    }
}

/// A place, or -1.
impl From<Option<usize>> for LValue {
    fn from(value: Option<usize>) -> Self {
        Self::Int(value.map_or(-1, |at| at as i64))
    }
}

impl From<String> for LValue {
    fn from(value: String) -> Self {
        Self::Str(value.into())
    }
}

/// First `n` occurrences, all when negative. An empty `old` stands before every code point and at
/// the end.
fn replace(args: &[LValue]) -> Result<LValue, String> {
    let [LValue::Str(s), LValue::Str(old), LValue::Str(new), LValue::Int(n)] = args else {
        return Err(unfit());
    };
    let places = if old.is_empty() { s.len() + 1 } else { s.len() / old.len() };
    if places.saturating_mul(new.len()) > MAX_TEXT
        && s.matches(&**old).count().saturating_mul(new.len()) > MAX_TEXT
    {
        return Err(format!("result of strReplace is longer than {MAX_TEXT} bytes"));
    }
    let text = match usize::try_from(*n) {
        Ok(n) => s.replacen(&**old, new, n),
        Err(_) => s.replace(&**old, new),
    };
    Ok(text.into())
}

/// Bytes from start up to stop. A cut inside a code point leaves replacement characters, since
/// text is UTF-8 everywhere else.
fn substring(args: &[LValue]) -> Result<LValue, String> {
    let [LValue::Str(s), LValue::Int(start), LValue::Int(stop)] = args else {
        return Err(unfit());
    };
    for index in [start, stop] {
        if *index < 0 {
            return Err(format!("found negative index for strSubstring: {index}"));
        }
    }
    let (from, to) = (*start as usize, *stop as usize);
    if to >= s.len() {
        return Err(format!("stop index too large for string in strSubstring: {stop}"));
    }
    if from > to {
        return Err(format!("start index too large for strSubstring: {start} > {stop}"));
    }
    let text: Str = String::from_utf8_lossy(&s.as_bytes()[from..to]).into();
    Ok(LValue::Str(text))
}

/// Code point by code point, as Go does: what would become several stays.
fn lower(text: &str) -> String {
    text.chars().map(|c| if c == 'İ' { 'i' } else { only(c, c.to_lowercase()) }).collect()
}

fn upper(text: &str) -> String {
    text.chars().map(|c| only(c, c.to_uppercase())).collect()
}

fn only(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let exponent = (libm::log(bytes as f64) / libm::log(1000.0)).floor();
    let value = (bytes as f64 / libm::pow(1000.0, exponent) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS[(exponent as usize).min(UNITS.len() - 1)];
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}
