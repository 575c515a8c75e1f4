//! Handler specs: what users define for a topic, as JSON and on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

/// A topic handler as it was defined. JSON form: `{id, topic, kind, options, match}`; missing members
/// are empty, unknown ones ignored. On compact wires the options travel as JSON text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerSpec {
    /// Names the handler within its topic.
    #[serde(default)]
    pub id: String,
    /// The topic it listens to.
    #[serde(default)]
    pub topic: String,
    /// What it does: `log`, `post`, ….
    #[serde(default)]
    pub kind: String,
    /// Options of the kind, in order of key.
    #[serde(default, serialize_with = "write_options", deserialize_with = "read_options")]
    pub options: Map<String, Value>,
    /// A lambda that selects events; empty: all.
    #[serde(default, rename = "match")]
    pub matching: String,
}

/// Why a spec has no valid shape (HTTP: 400 `invalid handler spec: …`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// The id is empty or has other characters.
    #[error("handler ID must contain only letters, numbers, '-', '.' and '_'. {0:?}")]
    Id(String),
    /// The topic is empty or has other characters.
    #[error("topic ID must contain only letters, numbers, '-', '.', ':' and '_'. {0:?}")]
    Topic(String),
    /// No kind.
    #[error("handler Kind must not be empty")]
    Kind,
    /// A text that is too long.
    #[error("handler spec is too large, at most {MAX_SPEC_BYTES} bytes are allowed")]
    TooLarge,
}

/// Longest JSON form of a spec.
pub const MAX_SPEC_BYTES: usize = 64 * 1024;

impl HandlerSpec {
    /// Checks id, topic and kind. Options and match are checked by
    /// [`Handler::compile`](crate::Handler::compile).
    pub fn validate(&self) -> Result<(), InvalidSpec> {
        if !is_id(&self.id, "-._") {
            return Err(InvalidSpec::Id(self.id.clone()));
        }
        if !is_id(&self.topic, "-._:") {
            return Err(InvalidSpec::Topic(self.topic.clone()));
        }
        if self.kind.is_empty() {
            return Err(InvalidSpec::Kind);
        }
        if self.to_json().len() > MAX_SPEC_BYTES {
            return Err(InvalidSpec::TooLarge);
        }
        Ok(())
    }

    /// Reads the JSON form; the error is the text after `invalid handler json: `.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|e| e.to_string())
    }

    /// The JSON form, compact.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a spec is plain JSON")
    }
}

/// Options may hold secrets, so only their names are shown.
impl fmt::Debug for HandlerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerSpec")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("kind", &self.kind)
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .field("match", &self.matching)
            .finish()
    }
}

/// `^[-\._\p{L}0-9]+$`, with `others` for the punctuation.
fn is_id(text: &str, others: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || c.is_alphabetic() || others.contains(c))
}

fn write_options<S: Serializer>(options: &Map<String, Value>, s: S) -> Result<S::Ok, S::Error> {
    if s.is_human_readable() {
        return options.serialize(s);
    }
    let text = serde_json::to_string(options).map_err(serde::ser::Error::custom)?;
    s.serialize_str(&text)
}

fn read_options<'de, D: Deserializer<'de>>(d: D) -> Result<Map<String, Value>, D::Error> {
    let options = if d.is_human_readable() {
        Option::<Map<String, Value>>::deserialize(d)?.unwrap_or_default()
    } else {
        serde_json::from_str(&String::deserialize(d)?).map_err(de::Error::custom)?
    };
    Ok(sorted(options))
}

/// The same options in order of key, at every depth.
fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<_> =
        map.into_iter().map(|(key, value)| (key, sorted_value(value))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.into_iter().collect()
}

fn sorted_value(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(list) => Value::Array(list.into_iter().map(sorted_value).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: &str) -> HandlerSpec {
        HandlerSpec::from_json(json.as_bytes()).expect("valid")
    }

    #[test]
    fn a_spec_keeps_its_options_sorted_in_both_forms() {
        let spec = spec(
            r#"{"id":"h","topic":"t:1","kind":"exec","options":{"prog":"x","args":["b","a"]},"more":1}"#,
        );
        let text = r#"{"id":"h","topic":"t:1","kind":"exec","options":{"args":["b","a"],"prog":"x"},"match":""}"#;
        assert_eq!(spec.to_json(), text);
        let wire = postcard::to_allocvec(&spec).expect("wire");
        assert_eq!(postcard::from_bytes::<HandlerSpec>(&wire).expect("wire"), spec);
        assert_eq!(spec.validate(), Ok(()));
    }

    #[test]
    fn ids_are_checked() {
        for (id, topic, kind, error) in [
            ("a.B_c-9ü", "t", "log", None),
            (
                "",
                "t",
                "log",
                Some("handler ID must contain only letters, numbers, '-', '.' and '_'. \"\""),
            ),
            (
                "a:b",
                "t",
                "log",
                Some("handler ID must contain only letters, numbers, '-', '.' and '_'. \"a:b\""),
            ),
            (
                "a",
                "t t",
                "log",
                Some("topic ID must contain only letters, numbers, '-', '.', ':' and '_'. \"t t\""),
            ),
            ("a", "t:t", "", Some("handler Kind must not be empty")),
        ] {
            let spec = HandlerSpec {
                id: id.into(),
                topic: topic.into(),
                kind: kind.into(),
                options: Map::new(),
                matching: String::new(),
            };
            assert_eq!(spec.validate().err().map(|e| e.to_string()).as_deref(), error);
        }
    }

    #[test]
    fn wrong_json_is_an_error_and_null_options_are_none() {
        assert!(HandlerSpec::from_json(b"{\"id\":5}").is_err());
        assert!(HandlerSpec::from_json(b"[").is_err());
        assert!(spec(r#"{"options":null}"#).options.is_empty());
    }

    #[test]
    fn debug_output_has_no_option_values() {
        let spec = spec(r#"{"id":"h","kind":"post","options":{"url":"http://secret"}}"#);
        assert!(!format!("{spec:?}").contains("secret"));
    }
}
