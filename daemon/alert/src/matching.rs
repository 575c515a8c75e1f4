//! `match`: the lambda that selects which events a handler gets.

use crate::Event;

/// A compiled match expression.
#[derive(Clone, Debug)]
pub struct Match {
    text: String,
}

impl Match {
    /// Compiles a match; the error is the whole text (`invalid match expression: …`).
    pub fn compile(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned() })
    }

    /// Whether the handler gets the event. An error (absent tag, result that is not boolean) means no.
    pub fn matches(&self, event: &Event) -> Result<bool, String> {
        let _ = event;
        Err(format!("match {:?} cannot be evaluated yet", self.text))
    }
}
