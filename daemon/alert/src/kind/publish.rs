//! `publish`: collects the same event under other topics, in order.

use super::{KindError, Options};

/// Options of `publish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The topics.
    pub topics: Vec<String>,
}

impl Publish {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let topics = options.strings("topics")?;
        let refuse = |text: &str| Err(KindError::Value(text.to_owned()));
        if topics.is_empty() {
            return refuse("publish needs at least one topic");
        }
        if topics.iter().any(String::is_empty) {
            return refuse("publish topic must not be empty");
        }
        Ok(Self { topics })
    }
}
