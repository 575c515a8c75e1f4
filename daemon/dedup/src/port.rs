//! What goes into the machine and what comes out.

use std::sync::Arc;
use std::time::Duration;

use model::MemberId;

use crate::event::{Event, HandlerId};
use crate::key::{Key, KeyHash};
use crate::members::Members;
use crate::message::{Message, Outcome};
use crate::record::Record;

/// The n-th [`Output::Persist`] of this machine, counted from 1; 0 = nothing to wait for. An output with
/// `after: n` must not leave before the first n records are durable. Positions rise in output order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Nothing to wait for.
    pub const NONE: Self = Self(0);
}

/// An event of this member's own task (or of its `publish` and `aggregate` handlers).
#[derive(Clone, Debug)]
pub struct Raise {
    /// The event.
    pub event: Arc<Event>,
    /// The task's windows have not filled since it started.
    pub cold: bool,
    /// Other members known to raise the event themselves (they run the task): they are offered the key
    /// without the body first. Empty is always right.
    pub raisers: Arc<[MemberId]>,
}

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// An event raised here.
    Raise(Raise),
    /// A message from a peer.
    Message {
        /// The authenticated sender.
        from: MemberId,
        /// What it says.
        message: Message,
    },
    /// The peer refuses connections or cannot be addressed: nothing is on its way to or from it.
    Unreachable {
        /// The peer.
        member: MemberId,
    },
    /// The view has changed.
    Members(Members),
    /// The members that run the task behind an inline topic; `None`: it is no inline topic any more.
    Runners {
        /// The topic of handlers written in a TICKscript.
        topic: Arc<str>,
        /// Who runs the task, in any order.
        members: Option<Vec<MemberId>>,
    },
    /// Answer to [`Output::Judge`]; `None`: this member cannot tell (it does not know the topic's
    /// handlers), the event stays with the others for a round.
    Judged {
        /// The event.
        hash: KeyHash,
        /// The handlers that match. May be empty.
        handlers: Option<Arc<[HandlerId]>>,
    },
    /// Delivery has ended or stopped. Accepted also after a cancel.
    Outcome {
        /// The event.
        hash: KeyHash,
        /// The handler.
        handler: HandlerId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Answer to [`Output::FindWarm`]: reachable members that run the task warm.
    Warm {
        /// The event.
        hash: KeyHash,
        /// In order of preference.
        members: Vec<MemberId>,
    },
    /// Answer to [`Output::WarmQuery`].
    WarmReply {
        /// Who asked.
        to: MemberId,
        /// The event.
        hash: KeyHash,
        /// Whether this member's task raised it; `None`: it cannot tell.
        raised: Option<bool>,
    },
    /// Sync with this peer now (timer, join, heal, or its root digest was seen to differ).
    Sync {
        /// The peer.
        peer: MemberId,
    },
    /// This member has synced since its start: restored events resume.
    Synced,
    /// This member leaves: stop sending, then hand over.
    Leave {
        /// It has been removed: unless it was leaving already its done set may be old, so it hands over
        /// only after [`Output::SyncEnded`]; and nobody takes its Done any more.
        removed: bool,
    },
    /// Time has passed; use it when [`crate::Dedup::poll_timeout`] is due.
    Tick,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Append to the journal. Its position is the count of `Persist` outputs so far.
    Persist {
        /// The position of this record.
        position: Position,
        /// What to write.
        record: Record,
    },
    /// Send to a peer, in order.
    Send {
        /// The peer.
        to: MemberId,
        /// What to say.
        message: Message,
        /// Not before these records are durable.
        after: Position,
    },
    /// Which handlers of the topic match? Answer with [`Input::Judged`].
    Judge {
        /// The event.
        event: Arc<Event>,
    },
    /// Give the event to the handler's delivery.
    Start {
        /// The event.
        event: Arc<Event>,
        /// The handler.
        handler: HandlerId,
        /// How long the cluster has held the event, as far as known here: the delivery timeout counts it.
        waited: Duration,
        /// Not before these records are durable.
        after: Position,
    },
    /// Make no further attempt; let one in flight end; answer with [`Input::Outcome`] in any case.
    Stop {
        /// The event.
        hash: KeyHash,
        /// The handler.
        handler: HandlerId,
    },
    /// The handler was finished elsewhere: forget it. No answer needed.
    Cancel {
        /// The event.
        hash: KeyHash,
        /// The handler.
        handler: HandlerId,
    },
    /// A member, perhaps this one, asks about a cold event: answer with [`Input::WarmReply`] once the own task's data has
    /// passed the key's time.
    WarmQuery {
        /// Who asks.
        from: MemberId,
        /// The event's key.
        key: Key,
    },
    /// Which members run the task of this cold event warm? Answer with [`Input::Warm`].
    FindWarm {
        /// The event.
        event: Arc<Event>,
    },
    /// The event is done, as known here; for views of pending work. `here`: handled by this member.
    Done {
        /// The event.
        hash: KeyHash,
        /// This member was the actor.
        here: bool,
    },
    /// A sync that was begun has ended: `complete` when everything of the peer was seen.
    SyncEnded {
        /// The peer.
        peer: MemberId,
        /// False when the peer went away in the middle.
        complete: bool,
    },
    /// After [`Input::Leave`]: nothing is held any more.
    HandedOver,
}
