//! The wire form of a call: a version byte, then postcard; limits; what is refused and why.
//!
//! postcard does not describe itself, so any change of a message is a new version. A release reads
//! [`VERSION`] and the one before and writes the lowest that both ends announced in hello.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version this release writes.
pub const VERSION: u8 = 1;
/// The oldest version this release reads.
pub const OLDEST_VERSION: u8 = 1;

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Nothing in it.
    #[error("the body is empty")]
    Empty,
    /// Written in a version that this release does not read.
    #[error("wire version {0} is not one of {OLDEST_VERSION} to {VERSION}")]
    Version(u8),
    /// Not a message, or cut short.
    #[error("the body is damaged: {0}")]
    Malformed(String),
    /// Bytes after the end of the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
    /// More bytes than this call may have.
    #[error("the body has {got} bytes, the limit of this call is {limit}")]
    TooLarge {
        /// Bytes of the body.
        got: usize,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The message is of another call than the path says.
    #[error("a body of {got} came to {path}")]
    OtherCall {
        /// Path of the request.
        path: String,
        /// Name of the message.
        got: &'static str,
    },
    /// No call has this path.
    #[error("no such call: {0}")]
    UnknownPath(String),
}

/// Writes a message: version byte, then postcard.
pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_extend(message, vec![VERSION]).expect("messages are plain data of known length")
}

/// Reads a message of at most `limit` bytes, for `factor` times their memory at most.
pub(crate) fn decode<T: DeserializeOwned>(
    body: &[u8],
    limit: usize,
    factor: usize,
) -> Result<T, WireError> {
    if body.len() > limit {
        return Err(WireError::TooLarge { got: body.len(), limit });
    }
    let (version, rest) = body.split_first().ok_or(WireError::Empty)?;
    if !(OLDEST_VERSION..=VERSION).contains(version) {
        return Err(WireError::Version(*version));
    }
    let (message, rest) =
        model::wire::take_for(factor, rest).map_err(|e| WireError::Malformed(e.to_string()))?;
    if rest.is_empty() { Ok(message) } else { Err(WireError::Trailing(rest.len())) }
}
