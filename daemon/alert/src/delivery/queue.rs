//! What is pending for one handler.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::Str;
use rustc_hash::FxHashMap;

use super::backoff::Backoff;
use super::{Attempt, Counters, DeliveryLimits, End, Finished, Full, HandlerName, Outcome, Token};
use crate::Event;

/// The events of one handler. Each event id has a line; its head is attempted, the others wait.
#[derive(Debug)]
pub(super) struct Queue {
    name: HandlerName,
    pub(super) parallel: usize,
    /// When the machine will look at this queue again.
    pub(super) timer: Option<Duration>,
    /// By token, which is the order of offers.
    entries: BTreeMap<u64, Entry>,
    by_key: FxHashMap<u128, u64>,
    lines: FxHashMap<Str, Line>,
    /// Heads that were never attempted.
    fresh: BTreeSet<u64>,
    /// Heads whose pause is over.
    due: BTreeSet<u64>,
    /// Heads that pause, by when they are due.
    pausing: BTreeSet<(Duration, u64)>,
    fresh_running: usize,
    /// First attempts that may start although others run: one for each that ended meanwhile.
    credits: usize,
    /// When one more may start; `None` while no stagger is on.
    staggered_until: Option<Duration>,
    /// The same while few wait.
    patient_until: Option<Duration>,
    /// The first attempt that ended last took no longer than the stagger.
    quick: bool,
    retries_running: usize,
    counters: Counters,
}

#[derive(Debug)]
struct Entry {
    key: u128,
    event: Arc<Event>,
    weight: usize,
    deadline: Duration,
    attempts: u32,
    /// When the last attempt started.
    started: Duration,
    running: bool,
    cancelled: bool,
    /// When a pause ends.
    paused_until: Option<Duration>,
    last_error: String,
}

/// The pending events of one id, in order of offers.
#[derive(Debug)]
struct Line {
    head: u64,
    waiting: VecDeque<u64>,
}

impl Queue {
    pub(super) fn new(name: HandlerName) -> Self {
        Self {
            name,
            parallel: DeliveryLimits::PARALLEL,
            timer: None,
            entries: BTreeMap::new(),
            by_key: FxHashMap::default(),
            lines: FxHashMap::default(),
            fresh: BTreeSet::new(),
            due: BTreeSet::new(),
            pausing: BTreeSet::new(),
            fresh_running: 0,
            credits: 0,
            staggered_until: None,
            patient_until: None,
            quick: true,
            retries_running: 0,
            counters: Counters::default(),
        }
    }

    pub(super) fn has_room(&self, weight: usize, limits: &DeliveryLimits) -> bool {
        self.entries.len() < limits.entries && self.counters.bytes + weight <= limits.bytes
    }

    pub(super) fn push(
        &mut self,
        token: u64,
        key: u128,
        event: Arc<Event>,
        deadline: Duration,
        limits: &DeliveryLimits,
    ) -> Result<(), Full> {
        if self.by_key.contains_key(&key) {
            return Ok(());
        }
        let weight = event.weight();
        if !self.has_room(weight, limits) {
            self.counters.overflowed += 1;
            return Err(Full);
        }
        match self.lines.get_mut(&event.body.id) {
            Some(line) => line.waiting.push_back(token),
            None => {
                let line = Line { head: token, waiting: VecDeque::new() };
                self.lines.insert(event.body.id.clone(), line);
                self.fresh.insert(token);
            }
        }
        self.by_key.insert(key, token);
        self.counters.offered += 1;
        self.counters.bytes += weight;
        let entry = Entry {
            key,
            event,
            weight,
            deadline,
            attempts: 0,
            started: Duration::ZERO,
            running: false,
            cancelled: false,
            paused_until: None,
            last_error: String::new(),
        };
        self.entries.insert(token, entry);
        Ok(())
    }

    pub(super) fn can_start(&self) -> bool {
        self.can_start_fresh() || self.can_start_retry()
    }

    fn can_start_fresh(&self) -> bool {
        let free = self.credits > 0 || self.fresh_running == 0 || self.pause_until().is_none();
        free && !self.fresh.is_empty() && self.fresh_running < self.parallel
    }

    /// When one more may start beside those that run.
    fn pause_until(&self) -> Option<Duration> {
        let calm = self.fresh.len() <= DeliveryLimits::CALM;
        if calm { self.patient_until.max(self.staggered_until) } else { self.staggered_until }
    }

    fn can_start_retry(&self) -> bool {
        !self.due.is_empty() && self.retries_running < self.parallel
    }

    /// Starts the oldest head that may start. Only when [`Queue::can_start`].
    pub(super) fn start_next(&mut self, now: Duration, limits: &DeliveryLimits) -> Attempt {
        let retry = self.can_start_retry().then(|| self.due.first().copied()).flatten();
        let fresh = self.can_start_fresh().then(|| self.fresh.first().copied()).flatten();
        let token = match (retry, fresh) {
            (Some(retry), Some(fresh)) => retry.min(fresh),
            (retry, fresh) => retry.or(fresh).expect("something can start"),
        };
        let entry = self.entries.get_mut(&token).expect("heads are pending");
        entry.running = true;
        entry.started = now;
        entry.attempts += 1;
        if entry.attempts == 1 {
            self.fresh.remove(&token);
            self.fresh_running += 1;
            // Behind a receiver that takes its time the stagger goes on beside the ends: were it
            // begun anew with each of them, never more than stagger and answer allow would run.
            if self.credits == 0 || self.quick {
                self.staggered_until = (!limits.stagger.is_zero()).then(|| now + limits.stagger);
            }
            self.patient_until = (!limits.patience.is_zero()).then(|| now + limits.patience);
            self.credits = self.credits.saturating_sub(1);
        } else {
            self.due.remove(&token);
            self.retries_running += 1;
            self.counters.retries += 1;
        }
        Attempt {
            token: Token(token),
            handler: self.name.clone(),
            key: entry.key,
            event: Arc::clone(&entry.event),
            number: entry.attempts,
        }
    }

    pub(super) fn end_attempt(
        &mut self,
        now: Duration,
        token: u64,
        outcome: Outcome,
        limits: &DeliveryLimits,
        backoff: &mut Backoff,
        finished: &mut VecDeque<Finished>,
    ) {
        let Some(entry) = self.entries.get_mut(&token) else { return };
        entry.running = false;
        if entry.attempts == 1 {
            self.fresh_running -= 1;
            self.quick = now.saturating_sub(entry.started) <= limits.stagger;
            self.credits = if self.fresh_running == 0 { 0 } else { self.credits + 1 };
        } else {
            self.retries_running -= 1;
        }
        let end = match outcome {
            Outcome::Delivered => End::Delivered,
            Outcome::Failed { retryable, text } => {
                self.counters.last_error = Some(text.clone());
                if entry.cancelled {
                    End::Cancelled
                } else if !retryable {
                    End::Refused(text)
                } else if now >= entry.deadline {
                    End::GivenUp(text)
                } else {
                    entry.last_error = text;
                    let until = now + backoff.pause(entry.attempts, limits);
                    entry.paused_until = Some(until);
                    self.pausing.insert((until, token));
                    return;
                }
            }
        };
        self.end(token, end, finished);
    }

    /// Lets time pass: ends pauses and gives up what is too old.
    pub(super) fn pass(&mut self, now: Duration, finished: &mut VecDeque<Finished>) {
        if self.staggered_until.is_some_and(|until| until <= now) {
            self.staggered_until = None;
        }
        if self.patient_until.is_some_and(|until| until <= now) {
            self.patient_until = None;
        }
        // Deadlines are in the order of tokens; what runs is judged when its attempt ends.
        let old: Vec<u64> = self
            .entries
            .iter()
            .take_while(|(_, entry)| entry.deadline <= now)
            .filter(|(_, entry)| !entry.running)
            .map(|(token, _)| *token)
            .collect();
        for token in old {
            let entry = self.entries.get_mut(&token).expect("just seen");
            let text = match std::mem::take(&mut entry.last_error) {
                text if text.is_empty() => "no attempt within the delivery timeout".to_owned(),
                text => text,
            };
            self.end(token, End::GivenUp(text), finished);
        }
        while let Some(&(until, token)) = self.pausing.first() {
            if until > now {
                break;
            }
            self.pausing.pop_first();
            if let Some(entry) = self.entries.get_mut(&token) {
                entry.paused_until = None;
            }
            self.due.insert(token);
        }
    }

    /// When [`Queue::pass`] has something to do.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        let pause = self.pausing.first().map(|(until, _)| *until);
        let oldest = self.entries.values().find(|entry| !entry.running).map(|entry| entry.deadline);
        let waits = !self.fresh.is_empty() && self.fresh_running < self.parallel;
        let stagger = self.pause_until().filter(|_| waits);
        [pause, oldest, stagger].into_iter().flatten().min()
    }

    pub(super) fn cancel(&mut self, key: u128, finished: &mut VecDeque<Finished>) -> bool {
        let Some(&token) = self.by_key.get(&key) else { return false };
        let entry = self.entries.get_mut(&token).expect("keys belong to entries");
        if entry.running {
            entry.cancelled = true;
        } else {
            self.end(token, End::Cancelled, finished);
        }
        true
    }

    pub(super) fn cancel_all(&mut self, finished: &mut VecDeque<Finished>) {
        for token in self.entries.keys().copied().collect::<Vec<_>>() {
            self.end(token, End::Cancelled, finished);
        }
    }

    pub(super) fn take_pending(&mut self, pending: &mut Vec<(HandlerName, u128, Arc<Event>)>) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            pending.push((self.name.clone(), entry.key, entry.event));
        }
        self.by_key.clear();
        self.lines.clear();
        self.fresh.clear();
        self.due.clear();
        self.pausing.clear();
        (self.fresh_running, self.retries_running, self.credits) = (0, 0, 0);
        self.counters.bytes = 0;
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            pending: self.entries.len(),
            running: self.fresh_running + self.retries_running,
            ..self.counters.clone()
        }
    }

    /// Takes an entry out, lets the next of its id come forward, counts and reports the end.
    fn end(&mut self, token: u64, end: End, finished: &mut VecDeque<Finished>) {
        let entry = self.entries.remove(&token).expect("ended once");
        self.by_key.remove(&entry.key);
        self.fresh.remove(&token);
        self.due.remove(&token);
        if let Some(until) = entry.paused_until {
            self.pausing.remove(&(until, token));
        }
        self.leave_line(&entry.event.body.id, token);
        self.counters.bytes -= entry.weight;
        match &end {
            End::Delivered => self.counters.delivered += 1,
            End::Refused(_) => self.counters.refused += 1,
            End::GivenUp(_) => self.counters.given_up += 1,
            End::Cancelled => self.counters.cancelled += 1,
        }
        finished.push_back(Finished {
            handler: self.name.clone(),
            key: entry.key,
            event: entry.event,
            end,
            attempts: entry.attempts,
        });
    }

    fn leave_line(&mut self, id: &Str, token: u64) {
        let line = self.lines.get_mut(id).expect("each entry stands in a line");
        if line.head != token {
            line.waiting.retain(|waiting| *waiting != token);
            return;
        }
        match line.waiting.pop_front() {
            Some(next) => {
                line.head = next;
                self.fresh.insert(next);
            }
            None => {
                self.lines.remove(id);
            }
        }
    }
}
