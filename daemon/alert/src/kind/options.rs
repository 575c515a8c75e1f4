//! Strict reading of a handler's options: unknown names and wrong types are refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::KindError;

/// The options of one handler while its kind reads them. Names are found in any case, as upstream.
#[derive(Debug)]
pub struct Options<'a> {
    kind: &'a str,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Options<'a> {
    /// Options of a handler of `kind`.
    pub fn new(kind: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { kind, map, known: Vec::new() }
    }

    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        let exact = self.map.get(name);
        exact.or_else(|| {
            self.map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }

    fn wrong(&self, name: &str, expected: &str, got: &Value) -> KindError {
        let got = match got {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        self.error(format!("{name:?} expected type {expected}, got {got}"))
    }

    fn error(&self, text: String) -> KindError {
        KindError::Options { kind: self.kind.to_owned(), text }
    }

    /// A text; empty when absent.
    pub fn string(&mut self, name: &'static str) -> Result<String, KindError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(self.wrong(name, "string", other)),
        }
    }

    /// A list of texts; empty when absent.
    pub fn strings(&mut self, name: &'static str) -> Result<Vec<String>, KindError> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(value) => value,
        };
        let texts = value.as_array().and_then(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()
        });
        texts.ok_or_else(|| self.wrong(name, "list of strings", value))
    }

    /// A map of texts; empty when absent.
    pub fn string_map(
        &mut self,
        name: &'static str,
    ) -> Result<BTreeMap<String, String>, KindError> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(value) => value,
        };
        let texts = value.as_object().and_then(|map| {
            map.iter()
                .map(|(key, item)| Some((key.clone(), item.as_str()?.to_owned())))
                .collect::<Option<_>>()
        });
        texts.ok_or_else(|| self.wrong(name, "map of strings", value))
    }

    /// A truth value; false when absent.
    pub fn bool(&mut self, name: &'static str) -> Result<bool, KindError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(self.wrong(name, "bool", other)),
        }
    }

    /// An integer, also written as `5.0`; `expected` says more about it in the error.
    pub fn int(&mut self, name: &'static str, expected: &str) -> Result<Option<i64>, KindError> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let whole = |f: f64| (f.trunc() == f && f.abs() < 9e18).then_some(f as i64);
        let number = value.as_i64().or_else(|| value.as_f64().and_then(whole));
        number.map(Some).ok_or_else(|| self.wrong(name, expected, value))
    }

    /// Refuses names that nobody asked for.
    pub fn finish(self) -> Result<(), KindError> {
        let unknown = self
            .map
            .keys()
            .find(|key| !self.known.iter().any(|known| known.eq_ignore_ascii_case(key)));
        match unknown {
            None => Ok(()),
            Some(key) => {
                let known = self.known.join(", ");
                Err(self.error(format!("unknown option {key:?} (known: {known})")))
            }
        }
    }
}
