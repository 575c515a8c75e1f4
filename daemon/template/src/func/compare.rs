//! `eq ne lt le gt ge`: signed and unsigned numbers compare with each other, floats with floats.

use crate::Value;
use crate::datum::{Basic, Datum, Kind};

const INVALID: &str = "invalid type for comparison";

fn incompatible(a: &Datum<'_>, b: &Datum<'_>) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

/// Whether the first equals any of the others.
pub(super) fn eq(values: &[Datum<'_>]) -> Result<bool, String> {
    let (first, others) = values.split_first().expect("one argument is required");
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn equal(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    Ok(match (a.basic(), b.basic()) {
        (Basic::Bool(a), Basic::Bool(b)) => a == b,
        (Basic::Int(a), Basic::Int(b)) => a == b,
        (Basic::Int(a), Basic::Uint(b)) | (Basic::Uint(b), Basic::Int(a)) => a == i64::from(b),
        (Basic::Uint(a), Basic::Uint(b)) => a == b,
        (Basic::Float(a), Basic::Float(b)) => a == b,
        (Basic::Text(a), Basic::Text(b)) => a == b,
        _ if a.is_nil() || b.is_nil() => a.is_nil() && b.is_nil(),
        (Basic::Other, Basic::Other) => return same(a, b),
        _ => return Err(incompatible(a, b)),
    })
}

/// Times compare; maps and slices do not.
fn same(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    let time = |datum: &Datum<'_>| match datum {
        Datum::Value(Value::Time(at)) => Some((*at, false)),
        Datum::Local(at) => Some((*at, true)),
        _ => None,
    };
    match (time(a), time(b)) {
        (Some(a), Some(b)) => Ok(a == b),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            Err(format!("non-comparable types {a}, {b}"))
        }
    }
}

pub(super) fn lt(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    Ok(match (a.basic(), b.basic()) {
        (Basic::Int(a), Basic::Int(b)) => a < b,
        (Basic::Int(a), Basic::Uint(b)) => a < i64::from(b),
        (Basic::Uint(a), Basic::Int(b)) => i64::from(a) < b,
        (Basic::Uint(a), Basic::Uint(b)) => a < b,
        (Basic::Float(a), Basic::Float(b)) => a < b,
        (Basic::Text(a), Basic::Text(b)) => a < b,
        (Basic::Bool(_), Basic::Bool(_)) => return Err(INVALID.to_owned()),
        _ if [a, b].iter().any(|datum| matches!(datum.kind(), Kind::Other | Kind::Invalid)) => {
            return Err(INVALID.to_owned());
        }
        _ => return Err(incompatible(a, b)),
    })
}

pub(super) fn le(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    Ok(lt(a, b)? || equal(a, b)?)
}
