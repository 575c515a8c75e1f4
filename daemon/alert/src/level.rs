//! How bad things are: OK, INFO, WARNING, CRITICAL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The level of an event, an alert node's group or a topic. Ordered: OK is lowest.
///
/// As JSON it is its upper-case name, on compact wires its number (0…3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Nothing is wrong; an event of this level is a recovery.
    #[default]
    Ok = 0,
    /// Worth knowing.
    Info = 1,
    /// Worth a look.
    Warning = 2,
    /// Worth waking somebody.
    Critical = 3,
}

/// A text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown alert level '{0}'")]
pub struct InvalidLevel(String);

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Info, Self::Warning, Self::Critical];

    /// The upper-case name: `OK INFO WARNING CRITICAL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// The number that lambdas see: 0…3.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The level of a number, if there is one.
    pub const fn from_number(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::Ok),
            1 => Some(Self::Info),
            2 => Some(Self::Warning),
            3 => Some(Self::Critical),
            _ => None,
        }
    }

    /// Parses the `min-level` parameter: any case, a prefix of a name is enough, empty is OK.
    pub fn parse_min(text: &str) -> Result<Self, InvalidLevel> {
        let upper = text.to_uppercase();
        Self::ALL
            .into_iter()
            .find(|level| level.name().starts_with(&upper))
            .ok_or(InvalidLevel(upper))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Any case, the whole name.
impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidLevel(text.to_owned()))
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(self.name())
        } else {
            s.serialize_u8(*self as u8)
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(de::Error::custom)
        } else {
            let n = u8::deserialize(d)?;
            Self::from_number(n).ok_or_else(|| de::Error::custom("level out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimum_level_may_be_a_prefix_in_any_case() {
        for (text, level) in [
            ("", Some(Level::Ok)),
            ("w", Some(Level::Warning)),
            ("Crit", Some(Level::Critical)),
            ("INFO", Some(Level::Info)),
            ("ok", Some(Level::Ok)),
            ("x", None),
            ("WARNINGS", None),
        ] {
            assert_eq!(Level::parse_min(text).ok(), level, "{text}");
        }
        let text = Level::parse_min("bad").expect_err("no level").to_string();
        assert_eq!(text, "unknown alert level 'BAD'");
    }

    #[test]
    fn json_has_names_and_compact_wires_have_numbers() {
        assert_eq!(serde_json::to_string(&Level::Warning).expect("json"), "\"WARNING\"");
        assert_eq!(postcard::to_allocvec(&Level::Warning).expect("wire"), [2]);
        assert_eq!(postcard::from_bytes::<Level>(&[3]).expect("wire"), Level::Critical);
        assert!(postcard::from_bytes::<Level>(&[4]).is_err());
    }
}
