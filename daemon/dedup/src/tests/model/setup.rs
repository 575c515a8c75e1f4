//! What a configuration of the model fixes: members, events, what may go wrong, and a planted fault.

use std::fmt::Write as _;

use model::MemberId;

/// How often each thing may go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// Frames that vanish.
    pub(super) losses: u8,
    /// Processes that die.
    pub(super) crashes: u8,
    /// Dead processes that come back.
    pub(super) restarts: u8,
    /// Timers that fire while something is on the wire or in flight.
    pub(super) spurious: u8,
}

/// An event that a member raises at any time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raised {
    /// Place of the member in the order of the topic.
    pub(super) by: usize,
    /// Which event of the id, oldest first.
    pub(super) event: usize,
    /// By a task whose windows have not filled.
    pub(super) cold: bool,
}

/// An event raised by a warm task.
pub(super) const fn raised(by: usize, event: usize) -> Raised {
    Raised { by, event, cold: false }
}

/// A change of membership while the events are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// `joiner` knows all; these do not know it, for ever or until they learn of it.
    Unknown {
        joiner: usize,
        to: &'static [usize],
        for_ever: bool,
    },
    /// `target` is asked to leave, drains, hands over and is removed; `impatient`: the remover may give
    /// up waiting for it and remove it all the same.
    Removal {
        target: usize,
        impatient: bool,
    },
    /// `target` is cut off, may be removed meanwhile, and returns.
    Away {
        target: usize,
    },
}

/// A rule that is broken on purpose, in what surrounds the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    /// Claims and views do not tell one life of a member from the next.
    UnboundClaims,
    /// HandlerDone and Done are not retried.
    DoneOnce,
    /// A claim does not carry the judged handler set.
    NoJudgedSet,
    /// A claimant never waits for grants.
    NeverWaits,
    /// A claimant waits only where an Offer's list differed from its own.
    WaitsWhereListsDiffer,
    /// As above, and while not every member of its list has shown the same list.
    WaitsWhileUnconfirmed,
    /// A leaving member hands over while a send is in flight.
    NoDrain,
    /// A leaving member forgets what it has offered before anyone acked.
    NotKept,
    /// Survivors refuse a removed member's hand-over.
    NotAccepted,
    /// The last lease of a removed member is not honoured.
    NoLastLease,
    /// A member that returns and was removed hands over before it has synced.
    NoSync,
    /// Cold events are dropped where a warm member is known.
    ColdDropped,
    /// Cold events are held while a warm member lives, and it is not asked.
    ColdHeld,
}

/// What a restarted member does before it resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resumes {
    /// It counts as synced at once: as if its bounded wait were over.
    Unsynced,
    /// It syncs with every other member first.
    Synced,
}

/// A configuration.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) members: usize,
    pub(super) redundancy: usize,
    pub(super) raises: &'static [Raised],
    /// The handlers that a member judges to match.
    pub(super) judge: fn(usize) -> &'static [&'static str],
    pub(super) faults: Faults,
    /// Members learn of deaths and births one by one; else all at once.
    pub(super) views_spread: bool,
    pub(super) resumes: Resumes,
    pub(super) change: Change,
    /// The receiver may leave attempts without an answer for as long as it likes.
    pub(super) hangs: bool,
    /// A member whose task is warm: it decides at any time, or never, whether it raises event 0.
    pub(super) warm: Option<usize>,
    pub(super) planted: Option<Planted>,
}

impl Setup {
    /// Owners and a producer that owns nothing and raises one event with one handler.
    pub(super) fn owners(name: &'static str, owners: usize, faults: Faults) -> Self {
        let raises: &'static [Raised] = match owners {
            2 => const { &[raised(2, 0)] },
            3 => const { &[raised(3, 0)] },
            _ => const { &[raised(0, 0)] },
        };
        Self {
            name,
            members: owners + 1,
            redundancy: owners,
            raises,
            judge: |_| &["h"],
            faults,
            views_spread: false,
            resumes: Resumes::Unsynced,
            change: Change::None,
            hangs: false,
            warm: None,
            planted: None,
        }
    }

    /// As the table of DEDUP.md names it.
    pub(super) fn title(&self) -> String {
        let Faults { losses, crashes, restarts, spurious } = self.faults;
        let counts = [
            (losses, "loss", "losses"),
            (crashes, "crash", "crashes"),
            (restarts, "restart", "restarts"),
            (spurious, "spurious timeout", "spurious timeouts"),
        ];
        let mut title = self.name.to_owned();
        for (count, one, many) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            let _ = write!(title, ", {count} {}", if count == 1 { one } else { many });
        }
        if self.views_spread && matches!(self.change, Change::Removal { .. } | Change::Away { .. })
        {
            title += ", views spread";
        }
        if self.resumes == Resumes::Synced {
            title += ", synced";
        }
        match self.planted {
            Some(fault) => format!("{title}; planted: {fault:?}"),
            None => title,
        }
    }

    pub(super) fn planted(mut self, fault: Planted) -> Self {
        self.planted = Some(fault);
        self
    }

    pub(super) fn events(&self) -> usize {
        self.raises.iter().map(|raised| raised.event + 1).max().unwrap_or_default()
    }

    /// The members that never know `id`, by place.
    pub(super) fn is_deaf(&self, member: usize) -> bool {
        matches!(self.change, Change::Unknown { to, for_ever: true, .. } if to.contains(&member))
    }
}

/// Members of the topic in its order.
pub(super) fn members(count: usize) -> Vec<MemberId> {
    crate::order("t", (1..=count as u8).map(crate::world::member))
}
