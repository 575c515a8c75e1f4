//! The outside: an HTTP receiver that counts what arrives, and can be slow, failing or hanging.

use std::time::Duration;

use alert::Outcome;
use rand::Rng;
use rand::rngs::StdRng;

/// After this an attempt that hears nothing has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How the receiver behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Takes everything within milliseconds.
    #[default]
    Well,
    /// Takes everything, a second later.
    Slow,
    /// Answers 503.
    Failing,
    /// Accepts and never answers; takes nothing.
    Hanging,
    /// Answers 400: it takes this event neither now nor later.
    Refusing,
}

/// The receiver.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    /// Its behaviour now.
    pub mood: Mood,
}

impl Receiver {
    /// What becomes of an attempt: when it is taken or refused for good (if it is), when the sender
    /// knows, and what.
    pub(crate) fn take(&self, rng: &mut StdRng) -> (Option<Duration>, Duration, Outcome) {
        let jitter = Duration::from_micros(rng.next_u64() % 2_000);
        let failed = |text: &str| Outcome::Failed { retryable: true, text: text.into() };
        let refused = || Outcome::Failed { retryable: false, text: "400".into() };
        match self.mood {
            Mood::Well => {
                let arrives = Duration::from_millis(1) + jitter;
                (Some(arrives), arrives + Duration::from_millis(5), Outcome::Delivered)
            }
            Mood::Slow => {
                let arrives = Duration::from_millis(5) + jitter;
                (Some(arrives), arrives + Duration::from_secs(1), Outcome::Delivered)
            }
            Mood::Failing => (None, Duration::from_millis(5) + jitter, failed("503")),
            Mood::Hanging => (None, TIMEOUT, failed("no answer")),
            Mood::Refusing => {
                let arrives = Duration::from_millis(1) + jitter;
                (Some(arrives), arrives + Duration::from_millis(5), refused())
            }
        }
    }
}
