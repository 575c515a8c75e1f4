//! Every call that members make on each other, as one enum of requests and one of replies.
//!
//! Each call is idempotent: a caller that heard nothing repeats it. A new call touches the two enums,
//! [`Request::call`] and the table of [`Call`].

use dedup::Message;
use model::{BootGeneration, ClusterId, MemberId};
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::hello::{Hello, HelloReply};
use crate::membership::{Drain, Drained, Join, Joined, PushRoster, Removed};
use crate::refusal::Refusal;
use crate::spec::{SpecKey, SpecState};
use crate::sync::{Digests, EventKeys, StateKey, Task, TopicState};
use crate::wire::{WireError, decode, encode};

/// Who calls, on behalf of which cluster, and whom the caller takes the callee for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The caller.
    pub from: MemberId,
    /// Its boot generation.
    pub boot: BootGeneration,
    /// Its cluster.
    pub cluster: ClusterId,
    /// The member that is meant: an address can have passed to another one. `None` when the caller
    /// wants to know who is there.
    pub to: Option<MemberId>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Who are you?
    Hello(Hello),
    /// Be a member of my cluster.
    Join(Box<Join>),
    /// Roster entries that changed.
    PushRoster(PushRoster),
    /// Spec states that changed, or that a sync found missing.
    PushSpecs(Vec<(SpecKey, SpecState)>),
    /// Your states of the specs whose buckets differ from these 256 of mine.
    PullSpecs(Vec<u64>),
    /// Dedup messages and topic states, in the order they were made.
    Frame(Frame),
    /// My digests; what are yours?
    Sync(Digests),
    /// Your keys of the event states in buckets that differ from these 256 of mine.
    EventKeys {
        /// The caller's bucket digests.
        buckets: Vec<u64>,
        /// Only keys after this one.
        after: Option<StateKey>,
    },
    /// Your event states of these keys.
    PullEvents(Vec<StateKey>),
    /// Event states that you lack or have older, as far as your keys show. Answered with those that are
    /// newer with you.
    PushEvents(Vec<TopicState>),
    /// The tasks I run, all of them.
    PushTasks(Vec<Task>),
    /// Stop sending, hand your pending events over, then answer.
    Drain(Drain),
    /// You are removed: hand over what you still hold, then reset yourself.
    Removed(Box<Removed>),
    /// Events of a leaving or removed member, for a survivor to keep. Accepted from removed members.
    HandOver(Frame),
}

/// Many dedup messages to one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Dedup messages, in order.
    pub messages: Vec<Message>,
    /// Topic states for a member that owns none of the events behind them.
    pub states: Vec<TopicState>,
}

/// What a call answers when it was not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, and durable where the call asks for that.
    Ok,
    /// To [`Request::Hello`].
    Hello(Box<HelloReply>),
    /// To [`Request::Join`].
    Joined(Joined),
    /// To [`Request::PullSpecs`].
    Specs {
        /// Numbers of the buckets that differ.
        differing: Vec<u8>,
        /// The callee's states in them.
        states: Vec<(SpecKey, SpecState)>,
    },
    /// To [`Request::Sync`].
    Digests(Digests),
    /// To [`Request::EventKeys`].
    EventKeys(EventKeys),
    /// To [`Request::PullEvents`] (a part when the page was full, ask again for the rest) and
    /// [`Request::PushEvents`].
    Events(Vec<TopicState>),
    /// To [`Request::Drain`].
    Drained(Drained),
}

/// What a call came back with.
pub type Answer = Result<Reply, Refusal>;

impl Request {
    /// Which call this is.
    pub fn call(&self) -> Call {
        match self {
            Self::Hello(_) => Call::Hello,
            Self::Join(_) => Call::Join,
            Self::PushRoster(_) => Call::PushRoster,
            Self::PushSpecs(_) => Call::PushSpecs,
            Self::PullSpecs(_) => Call::PullSpecs,
            Self::Frame(_) => Call::Frame,
            Self::Sync(_) => Call::Sync,
            Self::EventKeys { .. } => Call::EventKeys,
            Self::PullEvents(_) => Call::PullEvents,
            Self::PushEvents(_) => Call::PushEvents,
            Self::PushTasks(_) => Call::PushTasks,
            Self::Drain(_) => Call::Drain,
            Self::Removed(_) => Call::Removed,
            Self::HandOver(_) => Call::HandOver,
        }
    }
}

/// Writes the body of a call.
pub fn encode_request(header: &Header, request: &Request) -> Vec<u8> {
    encode(&(header, request))
}

/// Reads the body of a call that came to `path`.
pub fn decode_request(path: &str, body: &[u8]) -> Result<(Header, Request), WireError> {
    let call = Call::of_path(path).ok_or_else(|| WireError::UnknownPath(path.to_owned()))?;
    // Frames of dedup are among them.
    let (header, request): (Header, Request) =
        decode(body, call.request_limit(), dedup::MEMORY_FACTOR)?;
    if request.call() == call {
        Ok((header, request))
    } else {
        let got = request.call().path();
        Err(WireError::OtherCall { path: path.to_owned(), got })
    }
}

/// Writes the body of an answer.
pub fn encode_answer(answer: &Answer) -> Vec<u8> {
    encode(answer)
}

/// Reads the answer to `call`.
pub fn decode_answer(call: Call, body: &[u8]) -> Result<Answer, WireError> {
    decode(body, call.answer_limit(), model::wire::FACTOR)
}

impl From<WireError> for Refusal {
    fn from(e: WireError) -> Self {
        match e {
            WireError::Version(got) => {
                Self::Version { got, oldest: crate::OLDEST_VERSION, newest: crate::VERSION }
            }
            other => Self::Malformed(other.to_string().into()),
        }
    }
}
