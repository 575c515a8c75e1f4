//! Numbers writes and holds back what must not leave before they are durable.
//!
//! First in, first out: of what is held, nothing overtakes, so messages to a peer keep their order.

use std::collections::VecDeque;

use crate::error::CommandError;
use crate::input::Ticket;
use crate::output::{Done, Output};
use crate::persist::{Position, Write};

/// Something to be done once a write is durable.
#[derive(Debug)]
pub(crate) enum Held {
    /// Give it to the driver.
    Output(Box<Output>),
    /// Queue it for the peer.
    Message { to: model::MemberId, message: dedup::Message },
    /// Give it to the handler's delivery.
    Start {
        event: std::sync::Arc<dedup::Event>,
        handler: dedup::HandlerId,
        waited: std::time::Duration,
    },
}

/// Counts positions and holds.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    written: u64,
    committed: u64,
    held: VecDeque<(u64, Held)>,
    /// Our positions of dedup's writes that are not durable yet, in order.
    dedup: VecDeque<u64>,
    /// How many of dedup's writes are durable.
    dedup_durable: u64,
}

impl Gate {
    /// Numbers a write.
    pub(crate) fn write(&mut self, write: Write) -> Output {
        self.written += 1;
        Output::Persist { position: Position(self.written), write }
    }

    /// Numbers a write of dedup, whose own count goes on by one.
    pub(crate) fn write_of_dedup(&mut self, write: Write) -> Output {
        let output = self.write(write);
        self.dedup.push_back(self.written);
        output
    }

    /// Dedup was made anew: it counts from 1 again.
    pub(crate) fn restart_dedup(&mut self) {
        self.dedup.clear();
        self.dedup_durable = 0;
    }

    /// The last write so far.
    pub(crate) fn now(&self) -> Position {
        Position(self.written)
    }

    /// Our position of dedup's.
    pub(crate) fn of_dedup(&self, position: dedup::Position) -> Position {
        match position.0.checked_sub(self.dedup_durable + 1) {
            None => Position(0),
            Some(i) => Position(self.dedup.get(i as usize).copied().unwrap_or(self.written)),
        }
    }

    /// Holds until `after` is durable and all that was held before has left.
    pub(crate) fn hold(&mut self, after: Position, held: Held) {
        self.held.push_back((after.0, held));
    }

    /// All writes up to `position` are durable.
    pub(crate) fn commit(&mut self, position: Position) {
        self.committed = self.committed.max(position.0.min(self.written));
        while self.dedup.front().is_some_and(|p| *p <= self.committed) {
            self.dedup.pop_front();
            self.dedup_durable += 1;
        }
    }

    /// The next of what may leave.
    pub(crate) fn release(&mut self) -> Option<Held> {
        let (after, _) = self.held.front()?;
        if *after > self.committed { None } else { self.held.pop_front().map(|(_, held)| held) }
    }

    /// Takes out the ends of commands that wait: their writes are not durable, and may not be for long.
    pub(crate) fn take_commands(&mut self) -> Vec<(Ticket, Result<Done, CommandError>)> {
        let mut taken = Vec::new();
        for (after, held) in std::mem::take(&mut self.held) {
            match held {
                Held::Output(output) => match *output {
                    Output::Completed { ticket, result } => taken.push((ticket, result)),
                    other => self.held.push_back((after, Held::Output(Box::new(other)))),
                },
                held => self.held.push_back((after, held)),
            }
        }
        taken
    }

    /// The first write is durable: the boot generation of this start.
    pub(crate) fn has_started(&self) -> bool {
        self.committed > 0
    }

    /// The write of this number is durable.
    pub(crate) fn is_durable(&self, position: Position) -> bool {
        position.0 <= self.committed
    }

    /// Drops the start of a handler that is held.
    pub(crate) fn forget_start(&mut self, hash: dedup::KeyHash, handler: &dedup::HandlerId) {
        self.held.retain(|(_, held)| {
            !matches!(held, Held::Start { event, handler: h, .. }
                if event.hash == hash && h == handler)
        });
    }

    /// True when every write is durable.
    pub(crate) fn is_settled(&self) -> bool {
        self.committed == self.written
    }

    /// How much is held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }
}
