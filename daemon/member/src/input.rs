//! What goes into a member.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alert::{HandlerSpec, Outcome};
use gossip::KeyRing;
use model::{ClusterId, MemberId, Str, Time};
use rpc::{Answer, Header, Request};

use crate::persist::Position;

/// The moment of an input. Both clocks come from the shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since an arbitrary origin; everything that waits uses it.
    pub elapsed: Duration,
    /// Wall clock; for showing, and for `aggregate` windows.
    pub wall: Time,
}

/// Number of a command, chosen by its sender; comes back in [`crate::Output::Completed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Number of a call or probe that this member makes, chosen by the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Number of a request that came in and waits for its answer, chosen by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundId(pub u64);

/// Everything a member can be told.
#[derive(Clone, Debug)]
pub enum Input {
    /// A UDP packet on the gossip port.
    Datagram {
        /// Sender's address.
        from: SocketAddr,
        /// The whole packet.
        bytes: Vec<u8>,
    },
    /// A push/pull that a peer opened by TCP on the gossip port. Answered with
    /// [`crate::Output::GossipSyncReply`], or with nothing: then close the stream.
    GossipSync {
        /// The stream.
        id: InboundId,
        /// Sender's address.
        from: SocketAddr,
        /// The request's body.
        bytes: Vec<u8>,
    },
    /// The answer to [`crate::Output::GossipSync`], or `None` when it failed.
    GossipSyncReply {
        /// The peer that was asked.
        member: MemberId,
        /// The address that answered and its answer's body.
        reply: Option<(SocketAddr, Vec<u8>)>,
    },
    /// A call on the RPC port, decoded. Answered with [`crate::Output::Answer`].
    Request {
        /// The call.
        id: InboundId,
        /// Who calls whom.
        header: Header,
        /// What is asked.
        request: Request,
    },
    /// The end of [`crate::Output::Call`].
    Answer {
        /// The call.
        id: CallId,
        /// The answer, or why there is none.
        result: Result<Answer, CallError>,
    },
    /// The end of [`crate::Output::Probe`].
    Probed {
        /// The probe.
        id: CallId,
        /// Nothing, or why the address does not answer.
        result: Result<(), Unanswered>,
    },
    /// A connection that a member had made to the RPC port here has ended, by its will or not.
    HungUp {
        /// Who had made it.
        member: MemberId,
    },
    /// A user's command.
    Command {
        /// Comes back with the result.
        ticket: Ticket,
        /// What to do.
        command: Command,
    },
    /// An event of a task here.
    Raise(Raise),
    /// An alert node found that one of its topics must take over the state another one has.
    RestoreState {
        /// The topic to change.
        topic: Str,
        /// The event id.
        id: Str,
        /// Its state from now on.
        state: alert::State,
    },
    /// A task was started here, or its handlers changed.
    TaskStarted(TaskStarted),
    /// A task has become warm: its windows have filled since it started.
    TaskWarm(Str),
    /// A task was stopped here; with `deleted` its topics' states go, too.
    TaskStopped {
        /// Task id.
        id: Str,
        /// It was deleted, not only disabled.
        deleted: bool,
    },
    /// Answer to [`crate::Output::WarmQuery`].
    WarmReply {
        /// The number of the query.
        id: CallId,
        /// Whether the task raised the event; `None`: it was cold itself at that time and cannot tell.
        raised: Option<bool>,
    },
    /// The end of an attempt that [`crate::Output::Attempt`] asked for.
    Attempted {
        /// The attempt.
        token: alert::Token,
        /// How it went.
        outcome: Outcome,
    },
    /// All writes up to here are durable.
    Committed(Position),
    /// The disk refuses writes (with the reason), or takes them again (`None`). Meanwhile commands fail
    /// with [`crate::CommandError::Disk`]; the shell goes on trying what it was given.
    Disk(Option<String>),
    /// The oldest segment of the journal is to be dropped: writes again what of its records still
    /// matters, and completes when that is durable.
    Rewrite {
        /// Comes back with the result.
        ticket: Ticket,
        /// The segment's records.
        records: Vec<Vec<u8>>,
    },
    /// The cluster keys changed.
    Keys(KeyRing),
    /// The daemon is about to stop: tell others, end what is in flight. Answered with
    /// [`crate::Output::Stopped`] when nothing is in flight any more; the shell bounds the wait.
    Stop,
    /// Time has passed; due when [`crate::Member::next_timeout`] says so.
    Tick,
}

/// An event of a task.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The event; `previous` is set here.
    pub event: alert::Event,
    /// The task's windows have not filled since it started.
    pub cold: bool,
}

/// A task as the member must know it.
#[derive(Clone, Debug)]
pub struct TaskStarted {
    /// Task id.
    pub id: Str,
    /// Handlers written in its script, by anonymous topic.
    pub inline: BTreeMap<Str, Vec<HandlerSpec>>,
    /// Nothing in it has to fill, or it is filled already.
    pub warm: bool,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The name does not resolve, or nobody accepts connections there.
    Unreachable(String),
    /// Connected, but no answer within the deadline, or the connection broke.
    Lost(String),
    /// Something answers that does not speak our RPC (the HTTP API, for one).
    NotRpc(String),
}

/// Why an address does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Its host answered that nothing listens there.
    pub refused: bool,
    /// In a few words.
    pub why: String,
}

/// What a user or the shell can ask for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add the member at this RPC address to the cluster.
    AddMember {
        /// `host:port`.
        rpc_address: Str,
    },
    /// Remove a member, this one included.
    RemoveMember {
        /// Its id.
        id: MemberId,
    },
    /// Create or replace a topic handler. `file` is the hash of the file it was loaded from: then
    /// nothing is written when the file is current or was replaced.
    PutHandler {
        /// Topic and id are in the spec.
        spec: Arc<HandlerSpec>,
        /// Fail when a handler of this topic and id exists.
        create: bool,
        /// Hash of the file it was loaded from.
        file: Option<u64>,
    },
    /// Delete a topic handler; success when there is none.
    DeleteHandler {
        /// Its topic.
        topic: Str,
        /// Its id.
        id: Str,
    },
    /// Delete a topic's event states everywhere; its handlers stay.
    DeleteTopic {
        /// The topic.
        topic: Str,
    },
    /// Completes when everything that was written before is durable: what a GET sees then is on disk.
    Barrier,
    /// A fresh cluster id for the case that this member is removed; the shell gives one at start and
    /// after each use (a floor has no entropy).
    FreshClusterId(ClusterId),
}
