//! JSON patch (RFC 6902), for PATCH on handler specs.

use serde_json::{Map, Value};

/// Most operations in one patch.
const MAX_OPERATIONS: usize = 1000;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not a list of operations.
    #[error("invalid patch: {0}")]
    Malformed(String),
    /// A path leads nowhere.
    #[error("{op} operation does not apply: doc is missing path {path:?}")]
    Missing {
        /// The operation.
        op: String,
        /// Its path.
        path: String,
    },
    /// A `test` found another value.
    #[error("testing value {0:?} failed")]
    TestFailed(String),
}

/// Applies a patch (a list of operations) to a document; all or nothing.
pub fn apply_patch(document: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = patch.as_array().ok_or_else(|| malformed("expected a list of operations"))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(malformed("too many operations"));
    }
    let mut document = document.clone();
    for operation in operations {
        let operation = operation.as_object().ok_or_else(|| malformed("expected an object"))?;
        apply(&mut document, operation)?;
    }
    Ok(document)
}

fn malformed(text: impl Into<String>) -> PatchError {
    PatchError::Malformed(text.into())
}

fn text<'a>(operation: &'a Map<String, Value>, key: &str) -> Result<&'a str, PatchError> {
    operation
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| malformed(format!("operation without {key:?}")))
}

fn apply(document: &mut Value, operation: &Map<String, Value>) -> Result<(), PatchError> {
    let op = text(operation, "op")?;
    let path = text(operation, "path")?;
    let missing = |path: &str| PatchError::Missing { op: op.to_owned(), path: path.to_owned() };
    let value =
        || operation.get("value").cloned().ok_or_else(|| malformed("operation without \"value\""));
    match op {
        "add" => add(document, path, value()?).ok_or_else(|| missing(path)),
        "remove" => remove(document, path).map(drop).ok_or_else(|| missing(path)),
        "replace" => {
            let value = value()?;
            *document.pointer_mut(path).ok_or_else(|| missing(path))? = value;
            Ok(())
        }
        "move" => {
            let from = text(operation, "from")?;
            if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                return Err(malformed("cannot move a value into itself"));
            }
            let value = remove(document, from).ok_or_else(|| missing(from))?;
            add(document, path, value).ok_or_else(|| missing(path))
        }
        "copy" => {
            let from = text(operation, "from")?;
            let value = document.pointer(from).cloned().ok_or_else(|| missing(from))?;
            add(document, path, value).ok_or_else(|| missing(path))
        }
        "test" => {
            let wanted = value()?;
            if document.pointer(path) == Some(&wanted) {
                Ok(())
            } else {
                Err(PatchError::TestFailed(path.to_owned()))
            }
        }
        other => Err(malformed(format!("unknown operation {other:?}"))),
    }
}

/// The container a path ends in, and the last step, unescaped.
fn parent<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((document.pointer_mut(parent)?, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *document = value;
        return Some(());
    }
    match parent(document, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let at = index(&key)?;
            if at > list.len() {
                return None;
            }
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(std::mem::take(document));
    }
    match parent(document, path)? {
        (Value::Object(map), key) => map.shift_remove(&key),
        (Value::Array(list), key) => {
            let at = index(&key)?;
            (at < list.len()).then(|| list.remove(at))
        }
        _ => None,
    }
}

fn index(text: &str) -> Option<usize> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_change_the_document() {
        let document = json!({"id": "h", "options": {"a/b": 1, "list": [1, 2]}});
        for (patch, wanted) in [
            (json!([]), document.clone()),
            (
                json!([{"op": "add", "path": "/match", "value": "x"}]),
                json!({"id": "h", "options": {"a/b": 1, "list": [1, 2]}, "match": "x"}),
            ),
            (
                json!([{"op": "replace", "path": "/options/a~1b", "value": 2}]),
                json!({"id": "h", "options": {"a/b": 2, "list": [1, 2]}}),
            ),
            (
                json!([{"op": "add", "path": "/options/list/1", "value": 9},
                    {"op": "add", "path": "/options/list/-", "value": 8},
                    {"op": "remove", "path": "/options/list/0"}]),
                json!({"id": "h", "options": {"a/b": 1, "list": [9, 2, 8]}}),
            ),
            (
                json!([{"op": "move", "from": "/options/list", "path": "/l"}, {"op": "copy", "from": "/id", "path": "/options/z"}]),
                json!({"id": "h", "options": {"a/b": 1, "z": "h"}, "l": [1, 2]}),
            ),
            (
                json!([{"op": "test", "path": "/id", "value": "h"}, {"op": "remove", "path": "/options"}]),
                json!({"id": "h"}),
            ),
        ] {
            assert_eq!(apply_patch(&document, &patch), Ok(wanted));
        }
    }

    #[test]
    fn wrong_patches_are_refused_as_a_whole() {
        let document = json!({"id": "h", "list": [1]});
        for (patch, error) in [
            (json!({}), "invalid patch: expected a list of operations"),
            (json!([{"op": "fly", "path": "/id"}]), "invalid patch: unknown operation \"fly\""),
            (json!([{"op": "add", "path": "/id"}]), "invalid patch: operation without \"value\""),
            (
                json!([{"op": "remove", "path": "/x"}]),
                "remove operation does not apply: doc is missing path \"/x\"",
            ),
            (
                json!([{"op": "add", "path": "/list/3", "value": 1}]),
                "add operation does not apply: doc is missing path \"/list/3\"",
            ),
            (
                json!([{"op": "add", "path": "/x/y/z", "value": 1}]),
                "add operation does not apply: doc is missing path \"/x/y/z\"",
            ),
            (json!([{"op": "test", "path": "/id", "value": "i"}]), "testing value \"/id\" failed"),
            (
                json!([{"op": "move", "from": "/list", "path": "/list/0"}]),
                "invalid patch: cannot move a value into itself",
            ),
        ] {
            let got = apply_patch(&document, &patch).expect_err("refused");
            assert_eq!(got.to_string(), error);
        }
    }
}
