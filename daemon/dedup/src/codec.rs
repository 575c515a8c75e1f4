//! The wire form: a version byte, then postcard. Messages to one peer travel in one frame.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::Message;

/// Version of frames and records. postcard is not self-describing: any change of a type is a new one.
pub const VERSION: u8 = 1;

/// Largest frame that is read; the writer cuts its batches below it.
pub const MAX_FRAME_BYTES: usize = 20 << 20;

/// Bytes of memory that a byte of a frame or record may cost: a handler with a name of one letter is two
/// bytes there, and here a slot in a list that is copied once, and an allocation.
pub const MEMORY_FACTOR: usize = 64;

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No byte at all.
    Empty,
    /// More than [`MAX_FRAME_BYTES`].
    TooLarge(usize),
    /// Written by a version that this one does not read.
    UnknownVersion(u8),
    /// Not the announced type, or bytes left over.
    Malformed,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty body"),
            Self::TooLarge(size) => {
                write!(f, "body of {size} bytes is over the limit of {MAX_FRAME_BYTES}")
            }
            Self::UnknownVersion(v) => write!(f, "unknown version {v} (this is {VERSION})"),
            Self::Malformed => f.write_str("malformed body"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Writes the messages to one peer as one frame.
pub fn encode_frame(messages: &[Message]) -> Vec<u8> {
    encode(messages)
}

/// Reads a frame. Never panics; allocates no more than the bytes justify.
pub fn decode_frame(bytes: &[u8]) -> Result<Vec<Message>, DecodeError> {
    decode(bytes)
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes).expect("writing to memory cannot fail")
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&version, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    if version != VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    match model::wire::take_for(MEMORY_FACTOR, rest) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Malformed),
    }
}
