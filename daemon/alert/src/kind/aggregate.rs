//! `aggregate`: collects one summary per interval under another topic. Its state is
//! [`crate::Aggregate`].

use model::Duration;

use super::{KindError, Options};

/// Message of a summary when none is given; a template over `.Count` and `.Interval`.
pub const DEFAULT_MESSAGE: &str = "Received {{ .Count }} events in the last {{.Interval}}.";

/// Options of `aggregate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Event id of the summaries.
    pub id: String,
    /// Length of the windows, which start at its multiples.
    pub interval: Duration,
    /// Topic of the summaries.
    pub topic: String,
    /// Message template.
    pub message: String,
}

impl Aggregate {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let id = options.string("id")?;
        let interval = Duration(options.int("interval", "integer (nanoseconds)")?.unwrap_or(0));
        let topic = options.string("topic")?;
        let mut message = options.string("message")?;
        let refuse = |text: &str| Err(KindError::Value(text.to_owned()));
        if interval.0 <= 0 {
            return refuse("aggregate interval must be positive");
        }
        if topic.is_empty() {
            return refuse("aggregate topic must not be empty");
        }
        if let Err(text) = template::Template::parse("message", &message, template::Mode::Text) {
            return refuse(&text);
        }
        if message.is_empty() {
            DEFAULT_MESSAGE.clone_into(&mut message);
        }
        Ok(Self { id, interval, topic, message })
    }
}
