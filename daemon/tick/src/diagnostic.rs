//! What is wrong with a script, and where.

use std::fmt;

use crate::ast::Pos;

/// One error in a script. `Display` gives the message in Kapacitor's wording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The whole sentence, with the place in it where Kapacitor says it.
    pub message: String,
    /// Line of the error, from 1; 0 when it concerns no place.
    pub line: u32,
    /// Byte in its line, from 1; 0 when it concerns no place.
    pub column: u32,
    /// Advice beyond Kapacitor's wording, to be shown on a line of its own.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error whose message does not name the place `pos`.
    pub(crate) fn new(pos: Pos, message: impl Into<String>) -> Self {
        Self { message: message.into(), line: pos.line, column: pos.column, hint: None }
    }

    /// An error whose message starts with its place: `line 1 char 7: …`.
    pub(crate) fn at(pos: Pos, message: impl fmt::Display) -> Self {
        Self::new(pos, format!("{pos}: {message}"))
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}
