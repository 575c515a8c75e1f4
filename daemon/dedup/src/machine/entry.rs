//! One pending event on one member.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId};

use super::Status;
use crate::event::{Event, HandlerId};
use crate::port::Position;

/// Where a pending event stands on this member; a done one is pending no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Restored; waits for the sync.
    Paused,
    /// Its turn in the line has not come.
    Waiting,
    /// Its turn has come; an older event of its id, the judge or the end of a drain is awaited.
    Blocked,
    /// Cold; warm members were asked.
    Asking,
    /// Claimed; waits for grants.
    Gathering,
    /// Another member handles it.
    Yielding,
    /// This member handles it.
    Acting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Paused,
    Waiting { due: Duration },
    Blocked,
    Asking { until: Duration, asked: Vec<MemberId> },
    Gathering { until: Duration, resent: bool },
    Yielding { to: MemberId, boot: BootGeneration, until: Duration },
    Acting { since: Duration, stopping: bool },
}

impl State {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Paused => Phase::Paused,
            Self::Waiting { .. } => Phase::Waiting,
            Self::Blocked => Phase::Blocked,
            Self::Asking { .. } => Phase::Asking,
            Self::Gathering { .. } => Phase::Gathering,
            Self::Yielding { .. } => Phase::Yielding,
            Self::Acting { .. } => Phase::Acting,
        }
    }
}

/// What this member knows of another one with regard to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Other {
    pub(super) id: MemberId,
    /// In a list of owners that was heard of, or claimed the event: is asked before the first send.
    pub(super) listed: bool,
    /// Is no owner in this member's eyes, but may know of a claim that no owner has heard of: is asked
    /// before the first send, too.
    pub(super) witness: bool,
    /// Raised the event itself.
    pub(super) producer: bool,
    /// Holds the event durably.
    pub(super) holds: bool,
    /// Said to raise the event itself: offered the key alone until it asks for the body.
    pub(super) raises: bool,
    /// Asked by the present claim.
    pub(super) asked: bool,
    /// Answered the present claim: granted, or refuses connections.
    pub(super) granted: bool,
    /// Answered the present claim with the name of another holder, and when its lease ends.
    pub(super) defers_to: Option<(MemberId, BootGeneration, Duration)>,
}

impl Other {
    fn new(id: MemberId) -> Self {
        Self {
            id,
            listed: false,
            witness: false,
            producer: false,
            holds: false,
            raises: false,
            asked: false,
            granted: false,
            defers_to: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) event: Arc<Event>,
    /// Of the record that holds the event.
    pub(super) position: Position,
    pub(super) rank: u32,
    /// Owner in some view of this member; others are mere producers.
    pub(super) owned: bool,
    pub(super) raised: bool,
    pub(super) cold: bool,
    /// The answer about warmth is in, or its wait is over.
    pub(super) warmth_known: bool,
    pub(super) received: Duration,
    pub(super) others: Vec<Other>,
    pub(super) judged: Option<Arc<[HandlerId]>>,
    pub(super) judging: bool,
    pub(super) finished: Vec<HandlerId>,
    pub(super) running: Vec<HandlerId>,
    /// Another member had claimed it before this one acted.
    pub(super) taken_over: bool,
    pub(super) state: State,
    pub(super) timer: Option<Duration>,
}

impl Entry {
    pub(super) fn new(event: Arc<Event>, position: Position, received: Duration) -> Self {
        Self {
            event,
            position,
            rank: 0,
            owned: false,
            raised: false,
            cold: false,
            warmth_known: false,
            received,
            others: Vec::new(),
            judged: None,
            judging: false,
            finished: Vec::new(),
            running: Vec::new(),
            taken_over: false,
            state: State::Blocked,
            timer: None,
        }
    }

    pub(super) fn other(&mut self, id: MemberId) -> &mut Other {
        let at = self.others.iter().position(|other| other.id == id).unwrap_or_else(|| {
            self.others.push(Other::new(id));
            self.others.len() - 1
        });
        &mut self.others[at]
    }

    /// Those whom a claim asks, and who hear of its renewals and of its end.
    pub(super) fn audience(&self) -> impl Iterator<Item = &Other> {
        self.others.iter().filter(|other| other.listed || other.witness)
    }

    pub(super) fn holds(&self, id: MemberId) -> bool {
        self.others.iter().any(|other| other.id == id && other.holds)
    }

    /// Remembers the members of a list of owners; true if one is new.
    pub(super) fn hear(&mut self, me: MemberId, list: &[MemberId]) -> bool {
        let mut new = false;
        for id in list.iter().filter(|id| **id != me) {
            let other = self.other(*id);
            new |= !other.listed;
            other.listed = true;
        }
        new
    }

    /// Nobody knows yet whether a warm member would raise it, and no handler has been given it.
    pub(super) fn awaits_warmth(&self) -> bool {
        let before = matches!(
            self.state,
            State::Paused | State::Waiting { .. } | State::Blocked | State::Asking { .. }
        );
        self.cold && !self.warmth_known && before
    }

    pub(super) fn is_running(&self, handler: &str) -> bool {
        self.running.iter().any(|h| **h == *handler)
    }

    pub(super) fn is_finished(&self, handler: &str) -> bool {
        self.finished.iter().any(|h| **h == *handler)
    }

    /// Judged, and every handler that matched has finished.
    pub(super) fn is_complete(&self) -> bool {
        self.judged.as_ref().is_some_and(|set| set.iter().all(|h| self.is_finished(h)))
    }

    /// Whether a newer event of the id has to wait for this one at `handler`.
    pub(super) fn blocks(&self, handler: &str) -> bool {
        match &self.judged {
            None => true,
            Some(set) => set.iter().any(|h| **h == *handler) && !self.is_finished(handler),
        }
    }

    pub(super) fn status(&self) -> Status {
        Status {
            event: self.event.clone(),
            phase: self.state.phase(),
            holder: match self.state {
                State::Yielding { to, .. } => Some(to),
                _ => None,
            },
            rank: self.rank,
            judged: self.judged.clone(),
            received: self.received,
            finished: self.finished.clone(),
            raised: self.raised,
            cold: self.cold,
        }
    }

    pub(super) fn fingerprint<H: Hasher>(&self, now: Duration, hasher: &mut H) {
        self.state.phase().hash(hasher);
        match &self.state {
            State::Gathering { resent, .. } => resent.hash(hasher),
            State::Yielding { to, boot, .. } => (to, boot).hash(hasher),
            State::Acting { since, stopping } => {
                (now.saturating_sub(*since), stopping).hash(hasher);
            }
            State::Asking { asked, .. } => asked.hash(hasher),
            State::Paused | State::Waiting { .. } | State::Blocked => {}
        }
        (self.rank, self.owned, self.raised, self.cold, self.warmth_known).hash(hasher);
        (&self.judged, self.judging, &self.running, self.taken_over).hash(hasher);
        let mut finished = self.finished.clone();
        finished.sort_unstable();
        finished.hash(hasher);
        let mut others = self.others.clone();
        others.sort_unstable_by_key(|other| other.id);
        for other in &mut others {
            if let Some((.., until)) = &mut other.defers_to {
                *until = until.saturating_sub(now);
            }
        }
        others.hash(hasher);
    }
}
