//! Conversions: `bool`, `int`, `float`, `string`, `duration`.

use model::Duration;

use super::function::{Function, Run, Signature, unfit};
use super::operator::truncate;
use super::{LKind, LValue};
use LKind as K;

const TO_BOOL: &[Signature] =
    &[(&[K::Bool], K::Bool), (&[K::Float], K::Bool), (&[K::Int], K::Bool), (&[K::Str], K::Bool)];
const TO_INT: &[Signature] =
    &[(&[K::Bool], K::Int), (&[K::Float], K::Int), (&[K::Int], K::Int), (&[K::Str], K::Int)];
const TO_FLOAT: &[Signature] = &[
    (&[K::Bool], K::Float),
    (&[K::Float], K::Float),
    (&[K::Int], K::Float),
    (&[K::Str], K::Float),
];
const TO_STRING: &[Signature] = &[
    (&[K::Bool], K::Str),
    (&[K::Duration], K::Str),
    (&[K::Float], K::Str),
    (&[K::Int], K::Str),
    (&[K::Str], K::Str),
];
const TO_DURATION: &[Signature] = &[
    (&[K::Duration], K::Duration),
    (&[K::Float, K::Duration], K::Duration),
    (&[K::Int, K::Duration], K::Duration),
    (&[K::Str, K::Duration], K::Duration),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "bool", signatures: TO_BOOL, run: Run::Pure(to_bool) },
    Function { name: "int", signatures: TO_INT, run: Run::Pure(to_int) },
    Function { name: "float", signatures: TO_FLOAT, run: Run::Pure(to_float) },
    Function { name: "string", signatures: TO_STRING, run: Run::Pure(to_string) },
    Function { name: "duration", signatures: TO_DURATION, run: Run::Pure(to_duration) },
];

fn to_bool(args: &[LValue]) -> Result<LValue, String> {
    Ok(LValue::Bool(match args {
        [LValue::Bool(value)] => *value,
        [LValue::Int(0)] => false,
        [LValue::Int(1)] => true,
        [LValue::Int(n)] => return Err(format!("cannot convert {n} to boolean")),
        [LValue::Float(f)] if *f == 0.0 => false,
        [LValue::Float(f)] if *f == 1.0 => true,
        [LValue::Float(f)] => return Err(format!("cannot convert {} to boolean", plain(*f))),
        [LValue::Str(text)] => match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
            "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
            _ => return Err(syntax("ParseBool", text)),
        },
        _ => return Err(unfit()),
    }))
}

fn to_int(args: &[LValue]) -> Result<LValue, String> {
    use std::num::IntErrorKind as E;
    Ok(LValue::Int(match args {
        [LValue::Int(value)] => *value,
        [LValue::Bool(value)] => i64::from(*value),
        [LValue::Float(value)] => truncate(*value),
        [LValue::Str(text)] => {
            text.parse().map_err(|e: std::num::ParseIntError| match e.kind() {
                E::PosOverflow | E::NegOverflow => range("ParseInt", text),
                _ => syntax("ParseInt", text),
            })?
        }
        _ => return Err(unfit()),
    }))
}

fn to_float(args: &[LValue]) -> Result<LValue, String> {
    Ok(LValue::Float(match args {
        [LValue::Float(value)] => *value,
        [LValue::Int(value)] => *value as f64,
        [LValue::Bool(value)] => f64::from(u8::from(*value)),
        [LValue::Str(text)] => parse_float(text)?,
        _ => return Err(unfit()),
    }))
}

/// Go's `ParseFloat`: decimal, hexadecimal with a `p` exponent, infinities and NaN.
fn parse_float(text: &str) -> Result<f64, String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        Some(digits) => hexadecimal(digits).map(|value| sign * value),
        None => text.parse().ok(),
    };
    match value {
        Some(value) if f64::is_infinite(value) && text.contains(|c: char| c.is_ascii_digit()) => {
            Err(range("ParseFloat", text))
        }
        Some(value) => Ok(value),
        None => Err(syntax("ParseFloat", text)),
    }
}

/// The number after `0x`, of at most 13 digits.
fn hexadecimal(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    if all.is_empty() || all.len() > 13 || !all.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = u64::from_str_radix(&all, 16).ok()? as f64;
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    Some(libm::ldexp(value, shift))
}

fn to_string(args: &[LValue]) -> Result<LValue, String> {
    let text = match args {
        [LValue::Str(text)] => return Ok(LValue::Str(text.clone())),
        [LValue::Bool(value)] => value.to_string(),
        [LValue::Int(value)] => value.to_string(),
        [LValue::Float(value)] => plain(*value),
        [LValue::Duration(value)] => value.to_string(),
        _ => return Err(unfit()),
    };
    Ok(LValue::Str(text.into()))
}

/// The shortest decimal that reads back, never with an exponent; Go's names of what is not finite.
pub(super) fn plain(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

fn to_duration(args: &[LValue]) -> Result<LValue, String> {
    let value = match args {
        [LValue::Duration(value)] => *value,
        [LValue::Int(n), LValue::Duration(unit)] => Duration(n.wrapping_mul(unit.0)),
        [LValue::Float(f), LValue::Duration(unit)] => Duration(truncate(f * unit.0 as f64)),
        [LValue::Str(text), LValue::Duration(_)] => Duration::parse_influx(text)
            .ok_or_else(|| format!("invalid duration string \"{text}\""))?,
        _ => return Err(unfit()),
    };
    Ok(LValue::Duration(value))
}

#[cold]
fn syntax(parser: &str, text: &str) -> String {
    format!("strconv.{parser}: parsing {text:?}: invalid syntax")
}

#[cold]
fn range(parser: &str, text: &str) -> String {
    format!("strconv.{parser}: parsing {text:?}: value out of range")
}
