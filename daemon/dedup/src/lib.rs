//! Who handles an alert event, and when: owners, offers, claims, grants, done markers, full sync.
//!
//! FLOOR 1. Imports `model` alone. Knows no handler kinds, no sockets, no clock: an event's body is
//! opaque, a handler is a name, time is a value, effects come out as [`Output`]s. The protocol is in
//! `DEDUP.md`. Start with [`Dedup`], then [`Input`] and [`Output`].
//!
//! Invariant: without failures each handler of an event is started on exactly one member; with
//! failures it is started at least once while one member that holds the event survives.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod codec;
mod config;
mod done;
mod event;
mod key;
mod machine;
mod members;
mod message;
mod occurrence;
mod order;
mod port;
mod prefix;
mod record;

pub use codec::{DecodeError, MAX_FRAME_BYTES, MEMORY_FACTOR, VERSION, decode_frame, encode_frame};
pub use config::{Config, Counters, Limits};
pub use done::Digest;
pub use event::{Body, Event, HandlerId};
pub use key::{Key, KeyHash, NO_LEVEL};
pub use machine::{Dedup, Phase, Status};
pub use members::{Members, Peer, Removal};
pub use message::{
    BucketDigest, Claim, Message, Offer, Outcome, Pull, PullAnswer, Settled, TopicDigest,
};
pub use occurrence::Occurrences;
pub use order::{order, owners};
pub use port::{Input, Output, Position, Raise};
pub use prefix::Prefix;
pub use record::Record;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
