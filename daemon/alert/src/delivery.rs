//! Delivery: what is pending for each handler, in which order it is attempted, and when it is given up.
//!
//! A machine without IO. Inputs: [`Delivery::offer`], [`Delivery::cancel`],
//! [`Delivery::handle_outcome`], [`Delivery::handle_timeout`] and the changes of handlers. After any
//! of them poll, in this order: [`Delivery::poll_finished`] until `None`, [`Delivery::poll_attempt`]
//! until `None` (start each attempt and report its outcome, exactly once), then
//! [`Delivery::poll_timeout`] for when to call [`Delivery::handle_timeout`]. `now` is monotonic.
//!
//! Rules (DESIGN 7): the first attempts of one handler start in the order of offers, several at a time
//! over different event ids, one at a time per id, each after an end or a short stagger. What failed is retried after a growing, jittered
//! pause, in slots of its own; only later events of the same id wait for it. After a timeout, counted
//! from the offer, an event is given up. Every end is counted.

mod backoff;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::Str;
use rustc_hash::FxHashMap;

use crate::Event;
use backoff::Backoff;
use queue::Queue;

/// Names a handler: inline handlers belong to the anonymous topic of their node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandlerName {
    /// Topic it listens to.
    pub topic: Str,
    /// Its id within the topic.
    pub handler: Str,
}

impl fmt::Display for HandlerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.handler)
    }
}

/// Limits and pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// `[alert] delivery-timeout`: an event is given up this long after its offer.
    pub timeout: Duration,
    /// `[alert] topic-buffer-length`: most events pending for one handler.
    pub entries: usize,
    /// Most bytes of events pending for one handler.
    pub bytes: usize,
    /// Pause before the second attempt; doubles with each further one.
    pub pause_min: Duration,
    /// Longest pause between attempts.
    pub pause_max: Duration,
    /// While a first attempt runs, the next one starts when one has ended, or this long after the
    /// last start: one that hangs delays the others by no more than this; for a receiver that takes
    /// longer, ever more run at a time while events wait.
    pub stagger: Duration,
    /// The same while no more than [`DeliveryLimits::CALM`] events wait to be started: a receiver
    /// that answers within this time gets them in the order of the topic, over all event ids.
    pub patience: Duration,
}

impl DeliveryLimits {
    /// First attempts of one handler at a time, and, apart from them, as many retries.
    pub const PARALLEL: usize = 32;

    /// Most events that wait with patience; with more, pace goes before order.
    pub const CALM: usize = 8;
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_hours(1),
            entries: 5_000,
            bytes: 64 << 20,
            pause_min: Duration::from_millis(500),
            pause_max: Duration::from_mins(1),
            stagger: Duration::from_millis(2),
            patience: Duration::from_millis(50),
        }
    }
}

/// Names an attempt until its outcome is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Something to try now, once.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// To be given to [`Delivery::handle_outcome`].
    pub token: Token,
    /// The handler.
    pub handler: HandlerName,
    /// The key it was offered with.
    pub key: u128,
    /// What to deliver.
    pub event: Arc<Event>,
    /// 1 for the first attempt.
    pub number: u32,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It did not.
    Failed {
        /// Whether trying again may help.
        retryable: bool,
        /// Why, for logs and status.
        text: String,
    },
}

impl Outcome {
    /// The outcome of an HTTP answer: any 2xx is success; 4xx but 408, 425 and 429 is final; the rest
    /// may be tried again.
    pub fn of_http_status(status: u16, text: impl FnOnce() -> String) -> Self {
        match status {
            200..300 => Self::Delivered,
            _ => {
                let last = (400..500).contains(&status) && !matches!(status, 408 | 425 | 429);
                Self::Failed { retryable: !last, text: text() }
            }
        }
    }
}

/// How an event ended for a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Delivered.
    Delivered,
    /// Failed for good at once.
    Refused(String),
    /// Failed until the timeout; the last reason.
    GivenUp(String),
    /// Not wanted any more: somebody else is done with it, or the handler is gone.
    Cancelled,
}

/// An event that is no longer pending for a handler.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The handler.
    pub handler: HandlerName,
    /// The key it was offered with.
    pub key: u128,
    /// The event.
    pub event: Arc<Event>,
    /// How it ended.
    pub end: End,
    /// Attempts made.
    pub attempts: u32,
}

/// The handler's queue is full; the event was not taken, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handler's queue is full")]
pub struct Full;

/// What became of a handler's events, and what is pending now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events taken.
    pub offered: u64,
    /// Events not taken because the queue was full.
    pub overflowed: u64,
    /// Ends by kind.
    pub delivered: u64,
    /// Failed for good at once.
    pub refused: u64,
    /// Failed until the timeout.
    pub given_up: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Pending now, running ones included.
    pub pending: usize,
    /// Bytes pending now.
    pub bytes: usize,
    /// Attempts running now.
    pub running: usize,
    /// The last reason of a failure.
    pub last_error: Option<String>,
}

/// The pending deliveries of one member. See the module's doc for the order of calls.
#[derive(Debug)]
pub struct Delivery {
    limits: DeliveryLimits,
    backoff: Backoff,
    names: BTreeMap<HandlerName, usize>,
    queues: Vec<Option<Queue>>,
    /// Queues that may start an attempt.
    runnable: BTreeSet<usize>,
    /// When which queue wants [`Delivery::handle_timeout`].
    timers: BTreeSet<(Duration, usize)>,
    /// The queue of each running attempt.
    running: FxHashMap<u64, usize>,
    finished: VecDeque<Finished>,
    last_token: u64,
    /// The queue that started an attempt last: the next one goes first.
    turn: usize,
    draining: bool,
    /// The newest time that came in.
    now: Duration,
}

impl Delivery {
    /// Nothing pending. The seed is for the jitter of pauses.
    pub fn new(limits: DeliveryLimits, seed: u64) -> Self {
        Self {
            limits,
            backoff: Backoff::new(seed),
            names: BTreeMap::new(),
            queues: Vec::new(),
            runnable: BTreeSet::new(),
            timers: BTreeSet::new(),
            running: FxHashMap::default(),
            finished: VecDeque::new(),
            last_token: 0,
            turn: 0,
            draining: false,
            now: Duration::ZERO,
        }
    }

    /// Sets how many first attempts of a handler may run at a time (at least 1); without it
    /// [`DeliveryLimits::PARALLEL`]. See [`Action::parallel`](crate::kind::Action::parallel).
    pub fn set_parallel(&mut self, handler: &HandlerName, parallel: usize) {
        let at = self.queue(handler);
        self.queues[at].as_mut().expect("named").parallel = parallel.max(1);
        self.refresh(at);
    }

    /// Takes an event for a handler. A key that is pending for it already is ignored.
    pub fn offer(
        &mut self,
        now: Duration,
        handler: &HandlerName,
        key: u128,
        event: Arc<Event>,
    ) -> Result<(), Full> {
        self.now = self.now.max(now);
        let at = self.queue(handler);
        self.last_token += 1;
        let token = self.last_token;
        let queue = self.queues[at].as_mut().expect("named");
        let taken = queue.push(token, key, event, now + self.limits.timeout, &self.limits);
        self.refresh(at);
        taken
    }

    /// Whether the handler's queue takes one more event.
    pub fn has_room(&self, handler: &HandlerName) -> bool {
        let queue = self.names.get(handler).and_then(|at| self.queues[*at].as_ref());
        queue.is_none_or(|queue| queue.has_room(0, &self.limits))
    }

    /// Somebody else is done with it. An attempt that runs is not stopped: if it succeeds it ends as
    /// delivered, else as cancelled. False when nothing was pending.
    pub fn cancel(&mut self, handler: &HandlerName, key: u128) -> bool {
        let Some(&at) = self.names.get(handler) else { return false };
        let queue = self.queues[at].as_mut().expect("named");
        let found = queue.cancel(key, &mut self.finished);
        self.refresh(at);
        found
    }

    /// The handler is gone: cancels what is pending for it.
    pub fn remove_handler(&mut self, handler: &HandlerName) {
        let Some(at) = self.names.remove(handler) else { return };
        let mut queue = self.queues[at].take().expect("named");
        queue.cancel_all(&mut self.finished);
        self.runnable.remove(&at);
        if let Some(timer) = queue.timer {
            self.timers.remove(&(timer, at));
        }
        // Outcomes of its running attempts find no queue any more and are ignored.
        self.running.retain(|_, queue| *queue != at);
    }

    /// What came of an attempt. Unknown tokens (of removed handlers) are ignored.
    pub fn handle_outcome(&mut self, now: Duration, token: Token, outcome: Outcome) {
        self.now = self.now.max(now);
        let Some(at) = self.running.remove(&token.0) else { return };
        let Some(queue) = self.queues[at].as_mut() else { return };
        queue.end_attempt(
            now,
            token.0,
            outcome,
            &self.limits,
            &mut self.backoff,
            &mut self.finished,
        );
        self.refresh(at);
    }

    /// Time has passed: retries become due, old events are given up.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(&(due, at)) = self.timers.first() {
            if due > now {
                break;
            }
            let queue = self.queues[at].as_mut().expect("timers belong to queues");
            queue.pass(now, &mut self.finished);
            self.refresh(at);
        }
    }

    /// When to call [`Delivery::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The next attempt to start; handlers take turns. `None` while draining.
    pub fn poll_attempt(&mut self) -> Option<Attempt> {
        if self.draining {
            return None;
        }
        let after = self.runnable.range(self.turn + 1..).next();
        let at = *after.or_else(|| self.runnable.first())?;
        self.turn = at;
        let attempt =
            self.queues[at].as_mut().expect("runnable").start_next(self.now, &self.limits);
        self.running.insert(attempt.token.0, at);
        self.refresh(at);
        Some(attempt)
    }

    /// The next event that is no longer pending for a handler.
    pub fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Shutdown or removal from the cluster: no attempt starts any more. When [`Delivery::running`]
    /// is 0, [`Delivery::take_pending`] gives what is left.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Attempts running now.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Everything that is pending, in order of handler and offer; to be handed over. Afterwards
    /// nothing is pending, and no end is reported for these.
    pub fn take_pending(&mut self) -> Vec<(HandlerName, u128, Arc<Event>)> {
        let mut pending = Vec::new();
        for at in self.names.values().copied().collect::<Vec<_>>() {
            self.queues[at].as_mut().expect("named").take_pending(&mut pending);
            self.refresh(at);
        }
        self.running.clear();
        pending
    }

    /// Handlers with their counters, in order of name.
    pub fn counters(&self) -> impl Iterator<Item = (&HandlerName, Counters)> {
        self.names.iter().map(|(name, at)| {
            let queue = self.queues[*at].as_ref().expect("named");
            (name, queue.counters())
        })
    }

    fn queue(&mut self, handler: &HandlerName) -> usize {
        if let Some(at) = self.names.get(handler) {
            return *at;
        }
        let queue = Some(Queue::new(handler.clone()));
        let at = match self.queues.iter().position(Option::is_none) {
            Some(free) => {
                self.queues[free] = queue;
                free
            }
            None => {
                self.queues.push(queue);
                self.queues.len() - 1
            }
        };
        self.names.insert(handler.clone(), at);
        at
    }

    /// Notes whether queue number `at` can start something and when it wants to be woken.
    fn refresh(&mut self, at: usize) {
        let queue = self.queues[at].as_mut().expect("refreshed queues exist");
        if queue.can_start() {
            self.runnable.insert(at);
        } else {
            self.runnable.remove(&at);
        }
        let timer = queue.next_timer();
        if timer != queue.timer {
            if let Some(old) = std::mem::replace(&mut queue.timer, timer) {
                self.timers.remove(&(old, at));
            }
            if let Some(new) = timer {
                self.timers.insert((new, at));
            }
        }
    }
}
