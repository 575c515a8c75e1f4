//! What comes out of a member.

use std::sync::Arc;
use std::time::Duration;

use alert::{Attempt, Handler, HandlerSpec};
use gossip::{Destination, Service};
use model::{ClusterId, MemberId, Str};
use rpc::{Answer, Header, Request, State};

use crate::error::CommandError;
use crate::input::{CallId, InboundId, Ticket};
use crate::persist::{Position, Write};

/// One effect. Outputs come in an order that may be executed as it is; what waits for a write comes
/// out only after the write was reported durable, so the driver holds nothing back.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write this. Start writing at once; report with [`crate::Input::Committed`].
    Persist {
        /// Its number.
        position: Position,
        /// What to write.
        write: Write,
    },
    /// Send one UDP packet from the gossip port; resolve the name anew.
    Datagram {
        /// To whom.
        to: Destination,
        /// The whole packet.
        bytes: Vec<u8>,
    },
    /// Open a TCP stream to the peer's gossip address and exchange a push/pull; report with
    /// [`crate::Input::GossipSyncReply`].
    GossipSync {
        /// To whom.
        to: Destination,
        /// The request's body.
        bytes: Vec<u8>,
    },
    /// Answer a push/pull and close its stream.
    GossipSyncReply {
        /// The stream.
        id: InboundId,
        /// The answer's body.
        bytes: Vec<u8>,
    },
    /// Make a call; report with [`crate::Input::Answer`].
    Call {
        /// Its number.
        id: CallId,
        /// `host:port` of the RPC listener; resolve the name anew.
        to: Str,
        /// Goes into the body.
        header: Header,
        /// Goes into the body.
        request: Box<Request>,
        /// How long to wait, connecting included.
        deadline: Duration,
    },
    /// Answer a call.
    Answer {
        /// Which.
        id: InboundId,
        /// With what.
        answer: Answer,
    },
    /// Dial an advertised address: connect to the gossip port; say hello on the RPC port
    /// and compare the member's id; `GET /kapacitor/v1/ping` on the API port. Report with
    /// [`crate::Input::Probed`].
    Probe {
        /// Its number.
        id: CallId,
        /// Which listener.
        service: Service,
        /// `host:port`.
        address: Str,
        /// Who should answer there.
        member: MemberId,
        /// How long to wait.
        deadline: Duration,
    },
    /// Make one attempt to hand an event to its handler; report with [`crate::Input::Attempted`].
    Attempt {
        /// What to attempt, and its token.
        attempt: Attempt,
        /// What the handler does.
        handler: Arc<Handler>,
    },
    /// A member asks whether the task `task` here raises the event `event` of `topic` at `time`: answer
    /// with [`crate::Input::WarmReply`] once the task's data has passed that time.
    WarmQuery {
        /// Its number.
        id: CallId,
        /// The question.
        key: dedup::Key,
    },
    /// A command has ended.
    Completed {
        /// Which.
        ticket: Ticket,
        /// How; durable where that matters.
        result: Result<Done, CommandError>,
    },
    /// This member is part of another cluster now: rewrite `cluster.id`, link subscriptions anew.
    ClusterChanged {
        /// The cluster.
        cluster: ClusterId,
        /// Its state.
        state: State,
    },
    /// This member was removed: these were the cluster's handlers; save them beside the data.
    SaveHandlers(Vec<Arc<HandlerSpec>>),
    /// This member used its fresh cluster id: give another ([`crate::Command::FreshClusterId`]).
    NeedClusterId,
    /// After [`crate::Input::Stop`]: nothing is in flight any more.
    Stopped,
    /// Something worth a line in the log.
    Log(LogLine),
}

/// How a command ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is so now.
    Ok,
    /// It was so already.
    Unchanged,
    /// The member was added.
    Added(MemberId),
    /// The member was removed; `handed_over` tells whether it could hand over its pending events first.
    Removed {
        /// It handed over, or it was this member.
        handed_over: bool,
    },
    /// A file was not loaded, because a later write replaced what it says.
    FileReplaced,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For developers.
    Debug,
    /// Normal life.
    Info,
    /// Someone should look.
    Warn,
    /// Something was lost or refused.
    Error,
}

/// A structured log line. Never holds secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How important.
    pub severity: Severity,
    /// What happened, a fixed text.
    pub message: &'static str,
    /// Details as key and value.
    pub fields: Vec<(&'static str, String)>,
}
