//! What members say to each other on port 9091: every message, its wire form and version.
//!
//! FLOOR 3. No sockets: this room turns messages into bytes and back ([`encode_request`],
//! [`decode_request`], [`encode_answer`], [`decode_answer`]) and says how large they may be and how
//! long they may take ([`Call`]), and how they are sealed ([`Session`], [`Door`]). Who calls whom and
//! when is the member's business. RPC.md is the protocol's page.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod call;
mod hello;
mod membership;
mod message;
mod refusal;
mod seal;
mod spec;
mod sync;
mod wire;

#[cfg(test)]
mod tests;

pub use call::{Call, FRAME_TARGET_BYTES, MAX_INBOUND_CALLS, PAGE_TARGET_BYTES};
pub use hello::{Hello, HelloReply, State};
pub use membership::{Drain, Drained, Join, Joined, PushRoster, Removed};
pub use message::{
    Answer, Frame, Header, Reply, Request, decode_answer, decode_request, encode_answer,
    encode_request,
};
pub use refusal::Refusal;
pub use seal::{
    Asked, Door, HALF_OPEN_SESSIONS, OPENING_LIMIT, Opening, Random, SEAL_OVERHEAD, SEAL_VERSION,
    SESSION_IDLE, SESSION_PATH, SESSIONS, Sealed, Session, Signal,
};
pub use spec::{Past, SpecKey, SpecState, Stamp};
pub use sync::{Digests, EventKeys, StateKey, StateMark, Task, TopicState};
pub use wire::{OLDEST_VERSION, VERSION, WireError};
