//! `index`, `slice` and `len`.

use std::sync::Arc;

use crate::Value;
use crate::datum::{Basic, Datum};

/// Goes into a value by keys and positions.
pub(super) fn index<'a>(values: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let (first, keys) = values.split_first().expect("one argument is required");
    if first.is_nil() {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = first.clone();
    for key in keys {
        item = match &item {
            Datum::Value(Value::Map(map)) => {
                let key = map_key(key)?;
                map.get(key).map_or(Datum::Value(Value::Nil), |value| Datum::Value(value.clone()))
            }
            Datum::Value(Value::Tags(map)) => {
                let key = map_key(key)?;
                map.get(key).map_or_else(|| Datum::text(""), |value| Datum::Value(value.clone()))
            }
            Datum::Value(Value::List(items)) => {
                Datum::Value(items[position(key, items.len(), false)?].clone())
            }
            Datum::Value(Value::Str(text)) => {
                Datum::Byte(text.as_bytes()[position(key, text.len(), false)?])
            }
            item if item.is_nil() => return Err("index of nil pointer".to_owned()),
            item => return Err(format!("can't index item of type {}", item.type_name())),
        };
    }
    Ok(item)
}

fn map_key<'d>(key: &'d Datum<'_>) -> Result<&'d str, String> {
    match key.basic() {
        Basic::Text(text) => Ok(text),
        _ if key.is_nil() => Err("value is nil; should be of type string".to_owned()),
        _ => Err(format!("value has type {}; should be string", key.type_name())),
    }
}

/// A position below the length, or at it where `inclusive`.
fn position(key: &Datum<'_>, length: usize, inclusive: bool) -> Result<usize, String> {
    let position = match key.basic() {
        Basic::Int(position) => position,
        Basic::Uint(position) => i64::from(position),
        _ if key.is_nil() => return Err("cannot index slice/array with nil".to_owned()),
        _ => {
            let found = key.type_name();
            return Err(format!("cannot index slice/array with type {found}"));
        }
    };
    let limit = length + usize::from(inclusive);
    usize::try_from(position)
        .ok()
        .filter(|position| *position < limit)
        .ok_or_else(|| format!("index out of range: {position}"))
}

/// `slice x from to`; bytes of a text that split a character become the replacement character.
pub(super) fn slice<'a>(values: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let (item, bounds) = values.split_first().expect("one argument is required");
    if item.is_nil() {
        return Err("slice of untyped nil".to_owned());
    }
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let length = match item {
        Datum::Value(Value::Str(_)) if bounds.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Datum::Value(Value::Str(text)) => text.len(),
        Datum::Value(Value::List(items)) => items.len(),
        item => return Err(format!("can't slice item of type {}", item.type_name())),
    };
    let mut range = [0, length, length];
    for (slot, bound) in range.iter_mut().zip(bounds) {
        *slot = position(bound, length, true)?;
    }
    let [from, to, capacity] = range;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > capacity {
        return Err(format!("invalid slice index: {to} > {capacity}"));
    }
    Ok(match item {
        Datum::Value(Value::Str(text)) => {
            Datum::text(String::from_utf8_lossy(&text.as_bytes()[from..to]).as_ref())
        }
        Datum::Value(Value::List(items)) => Datum::Value(Value::List(Arc::from(&items[from..to]))),
        _ => item.clone(),
    })
}

pub(super) fn len<'a>(value: &Datum<'_>) -> Result<Datum<'a>, String> {
    let length = match value {
        Datum::Value(Value::Str(text)) | Datum::Script(text) => text.len(),
        Datum::Value(Value::List(items)) => items.len(),
        Datum::Value(Value::Map(map) | Value::Tags(map)) => map.len(),
        value if value.is_nil() => return Err("len of nil pointer".to_owned()),
        value => return Err(format!("len of type {}", value.type_name())),
    };
    Ok(Datum::Int(length as i64))
}
