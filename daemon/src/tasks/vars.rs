//! Vars of tasks and templates as JSON: `{"NAME": {"type": T, "value": V, "description": D}}`.

use std::collections::BTreeMap;

use model::Duration;
use serde_json::{Map, Value as Json, json};
use tick::{Lambda, Pattern, Value, Var, VarType};

/// Vars by name.
pub(crate) type Vars = BTreeMap<String, Var>;

/// Why vars from a request are refused, in the order in which a request is checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VarError {
    /// An unknown type, or a value of the wrong JSON kind: `invalid JSON`.
    Json,
    /// A JSON kind that no var has; the whole text.
    Unsupported(String),
    /// The text of a regex or lambda does not parse; follows `invalid TICKscript: `.
    Script(String),
}

/// Reads the `vars` of a request.
pub(crate) fn from_json(vars: &Map<String, Json>) -> Result<Vars, VarError> {
    vars.iter().map(|(name, var)| Ok((name.clone(), var_from_json(name, var)?))).collect()
}

fn var_from_json(name: &str, var: &Json) -> Result<Var, VarError> {
    let var = var.as_object().ok_or(VarError::Json)?;
    let kind = var.get("type").and_then(Json::as_str).and_then(VarType::parse);
    let kind = kind.ok_or(VarError::Json)?;
    let description = match var.get("description") {
        None | Some(Json::Null) => String::new(),
        Some(text) => text.as_str().ok_or(VarError::Json)?.to_owned(),
    };
    let value = var.get("value").unwrap_or(&Json::Null);
    let value = value_from_json(name, kind, value)?;
    Ok(Var { kind, value: Some(value), description })
}

fn value_from_json(name: &str, kind: VarType, value: &Json) -> Result<Value, VarError> {
    let script =
        |what: &str, e: String| VarError::Script(format!("invalid var {name}: {what}: {e}"));
    match (kind, value) {
        (VarType::Star, _) => Ok(Value::Star),
        (_, Json::Null) => Err(unsupported(name, "<nil>")),
        (VarType::Bool, Json::Bool(b)) => Ok(Value::Bool(*b)),
        (VarType::Int, Json::Number(n)) => whole(n).map(Value::Int).ok_or(VarError::Json),
        (VarType::Float, Json::Number(n)) => n.as_f64().map(Value::Float).ok_or(VarError::Json),
        (VarType::Duration, Json::Number(n)) => {
            whole(n).map(|ns| Value::Duration(Duration(ns))).ok_or(VarError::Json)
        }
        (VarType::Duration, Json::String(text)) => {
            Duration::parse_influx(text).map(Value::Duration).ok_or(VarError::Json)
        }
        (VarType::String, Json::String(text)) => Ok(Value::String(text.as_str().into())),
        (VarType::Regex, Json::String(text)) => {
            Pattern::parse(text).map(Value::Regex).map_err(|e| script("invalid regex pattern", e))
        }
        (VarType::Lambda, Json::String(text)) => tick::parse_lambda(text)
            .map(Value::Lambda)
            .map_err(|e| script("invalid lambda expression", e.to_string())),
        (VarType::List, Json::Array(items)) => items
            .iter()
            .map(|item| item_from_json(name, item))
            .collect::<Result<_, _>>()
            .map(Value::List),
        (VarType::String | VarType::Regex | VarType::Lambda, Json::Number(_)) => {
            Err(unsupported(name, "json.Number"))
        }
        _ => Err(VarError::Json),
    }
}

fn item_from_json(name: &str, item: &Json) -> Result<Value, VarError> {
    match var_from_json(name, item)? {
        Var { kind: VarType::String | VarType::Star, value: Some(value), .. } => Ok(value),
        _ => Err(VarError::Json),
    }
}

fn unsupported(name: &str, go_type: &str) -> VarError {
    VarError::Unsupported(format!("invalid var {name}: unsupported Var type {go_type}."))
}

/// An integer, or a float without a fraction.
fn whole(n: &serde_json::Number) -> Option<i64> {
    n.as_i64().or_else(|| {
        let f = n.as_f64()?;
        (f.fract() == 0.0 && f.abs() < 9.2e18).then_some(f as i64)
    })
}

/// Writes vars for an answer. Of a template, a var without default has the value `null`.
pub(crate) fn to_json(vars: &Vars, of_template: bool) -> Map<String, Json> {
    vars.iter()
        .map(|(name, var)| {
            let value = var.value.as_ref().map_or(Json::Null, |v| value_to_json(v, of_template));
            (
                name.clone(),
                json!({
                    "type": var.kind.word(),
                    "value": value,
                    "description": var.description,
                }),
            )
        })
        .collect()
}

fn value_to_json(value: &Value, of_template: bool) -> Json {
    match value {
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Float(f) => json!(f),
        Value::String(text) => json!(&**text),
        Value::Duration(d) => json!(d.0),
        Value::Regex(pattern) => json!(&**pattern.source()),
        Value::Lambda(lambda) => json!(lambda_text(lambda)),
        Value::List(items) => items
            .iter()
            .map(|item| {
                let kind = item.var_type().map_or("string", VarType::word);
                json!({"type": kind, "value": value_to_json(item, of_template), "description": ""})
            })
            .collect(),
        Value::Star if of_template => json!({"typeOf": "star"}),
        _ => Json::Null,
    }
}

fn lambda_text(lambda: &Lambda) -> String {
    lambda.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(var: &Json) -> Result<Json, VarError> {
        let vars = from_json(json!({"x": var}).as_object().expect("an object"))?;
        Ok(to_json(&vars, false)["x"]["value"].clone())
    }

    #[test]
    fn values_come_back_in_the_form_of_answers() {
        for (kind, value, back) in [
            ("bool", json!(true), json!(true)),
            ("int", json!(5), json!(5)),
            ("int", json!(5.0), json!(5)),
            ("float", json!(5), json!(5.0)),
            ("duration", json!("90s"), json!(90_000_000_000i64)),
            ("duration", json!(7), json!(7)),
            ("string", json!("a"), json!("a")),
            ("regex", json!("^a"), json!("^a")),
            ("lambda", json!("\"v\" > 1.0"), json!("\"v\" > 1.0")),
            ("star", json!(null), json!(null)),
        ] {
            assert_eq!(read(&json!({"type": kind, "value": value})), Ok(back), "{kind}");
        }
    }

    #[test]
    fn wrong_kinds_are_refused_as_the_original_does() {
        let unsupported = |t: &str| {
            Err(VarError::Unsupported(format!("invalid var x: unsupported Var type {t}.")))
        };
        for (kind, value, error) in [
            ("text", json!("a"), Err(VarError::Json)),
            ("int", json!("5"), Err(VarError::Json)),
            ("int", json!(5.5), Err(VarError::Json)),
            ("int", json!(null), unsupported("<nil>")),
            ("string", json!(5), unsupported("json.Number")),
            ("duration", json!("xyz"), Err(VarError::Json)),
            ("list", json!("x"), Err(VarError::Json)),
        ] {
            assert_eq!(read(&json!({"type": kind, "value": value})), error, "{kind}");
        }
    }
}
