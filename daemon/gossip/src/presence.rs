//! How each roster member is seen: the roster's entries with the detector's verdict.

use std::time::Duration;

use model::{BootGeneration, MemberId};

use crate::roster::Entry;

/// What `member list` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Active; a suspect too.
    Alive,
    /// Declared down, or never heard of since we started.
    Failed,
    /// Active, and announced that it will stop.
    Leaving,
    /// Removed from the cluster.
    Left,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Failed => "failed",
            Self::Leaving => "leaving",
            Self::Left => "left",
        }
    }

    /// Takes part: alive or leaving.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Alive | Self::Leaving)
    }
}

/// One member as this one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub id: MemberId,
    /// Its roster entry.
    pub entry: Entry,
    /// Its status.
    pub status: Status,
    /// Some probe failed and was not refuted yet; the status is alive still.
    pub suspect: bool,
    /// When the status became what it is, on the machine's clock.
    pub since: Duration,
    /// Its life; none if it was never heard of since we started.
    pub boot: Option<BootGeneration>,
}

/// What is known of one other member, apart from its entry.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    /// Highest boot generation heard of.
    pub(crate) boot: Option<BootGeneration>,
    /// The detector has it as active.
    pub(crate) active: bool,
    pub(crate) suspect: bool,
    /// The life that announced its end.
    pub(crate) leaving: Option<BootGeneration>,
    /// Status as last told by an event.
    pub(crate) told: Status,
    pub(crate) since: Duration,
}

impl Presence {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            boot: None,
            active: false,
            suspect: false,
            leaving: None,
            told: Status::Failed,
            since: now,
        }
    }

    pub(crate) fn status(&self) -> Status {
        if !self.active {
            Status::Failed
        } else if self.leaving.is_some() && self.leaving == self.boot {
            Status::Leaving
        } else {
            Status::Alive
        }
    }
}
