//! Durations as kapacitor.conf writes them: `10s`, `1h30m`, `250ms`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What the schema lets through; the daemon and CEL's `duration()` read it alike.
const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// A duration, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(String);

impl Duration {
    /// From its text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As time; `None` when the text is no duration, which the schema has refused before.
    pub fn time(&self) -> Option<std::time::Duration> {
        let mut rest = self.0.as_str();
        let mut seconds = 0.0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let unit = rest[number..]
                .find(|c: char| c.is_ascii_digit())
                .map_or(rest.len(), |after| number + after);
            let factor = match &rest[number..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            seconds += rest[..number].parse::<f64>().ok()? * factor;
            rest = &rest[unit..];
        }
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 20, "pattern": PATTERN})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_daemon_reads_them() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("0s", Some(0)),
            ("1h30m", Some(5_400_000)),
            ("5m0s", Some(300_000)),
            ("1.5s", Some(1500)),
            ("250ms", Some(250)),
            ("", None),
            ("10", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
        ] {
            let expect = milliseconds.map(std::time::Duration::from_millis);
            assert_eq!(Duration::new(text).time(), expect, "{text:?}");
        }
    }
}
