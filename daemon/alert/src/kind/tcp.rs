//! `tcp`: one connection per event, the alert data line and one more newline; no answer is read.

use super::{KindError, Options};

/// Options of `tcp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// `host:port`; a wrong one is an error of each attempt, as upstream.
    pub address: String,
}

impl Tcp {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let address = options.string("address")?;
        if address.is_empty() {
            return Err(KindError::Value("tcp address must not be empty".to_owned()));
        }
        Ok(Self { address })
    }
}
