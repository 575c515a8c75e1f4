//! Regular expressions in Go's syntax, run by Rust's engine.

use std::fmt;
use std::sync::Arc;

/// A compiled regular expression with the text it was written as.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    regex: regex::Regex,
}

impl Pattern {
    /// Compiles `source`, written in Go's `regexp` syntax. The error is Go's wording:
    /// ``error parsing regexp: missing closing ): `a(b` ``.
    pub fn parse(source: &str) -> Result<Self, String> {
        let regex = regex::Regex::new(source)
            .map_err(|e| format!("error parsing regexp: {e}: `{source}`"))?;
        Ok(Self { source: source.into(), regex })
    }

    /// The text between the slashes, `\/` resolved.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The engine.
    pub fn regex(&self) -> &regex::Regex {
        &self.regex
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
