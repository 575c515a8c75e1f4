//! What happens by the clock: the detector's timers, reconnect, push/pull, housekeeping.

use std::time::Duration;

use model::MemberId;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::inbound::NOTICE_INTERVAL;
use super::{Gossip, Life};
use crate::formulas::push_pull_period;
use crate::timers::Task;

const RECONNECT_INTERVAL: Duration = Duration::from_secs(5);
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(1);
/// The first push/pull comes within this time, so that a restart does not wait for the interval.
const FIRST_PUSH_PULL_WITHIN: Duration = Duration::from_millis(500);
/// Members that are announced to at a start; the feed of one names the others.
const FIRST_ANNOUNCES: usize = 3;
/// Push/pull periods vary by this much to either side, in percent.
const JITTER_PERCENT: u32 = 10;

impl Gossip {
    /// Runs what is due, in the order (due, kind, arrival). Read waiting packets first.
    pub fn handle_timeout(&mut self, now: Duration) {
        while self.life != Life::Stopped
            && let Some(task) = self.timers.pop(now)
        {
            match task {
                Task::Detector(timer) => {
                    self.detect(now, |detector, effects| detector.handle_timer(timer, effects));
                }
                Task::Reconnect => {
                    self.timers.submit(now + RECONNECT_INTERVAL, Task::Reconnect);
                    self.reconnect(now, 1);
                }
                Task::PushPull => {
                    let period = self.jittered_push_pull();
                    self.timers.submit(now + period, Task::PushPull);
                    self.push_pull();
                }
                Task::Housekeeping => {
                    self.timers.submit(now + HOUSEKEEPING_INTERVAL, Task::Housekeeping);
                    self.keep_house(now);
                }
            }
        }
    }

    /// First announces and timers of a life, a cluster or a boot generation.
    pub(super) fn begin(&mut self, now: Duration) {
        let mut others = self.missing();
        others.shuffle(&mut self.rng);
        for id in others.into_iter().take(FIRST_ANNOUNCES) {
            self.announce(now, id);
        }
        if !self.timers.has_driver_tasks() {
            let within = FIRST_PUSH_PULL_WITHIN.as_millis() as u64;
            let first = Duration::from_millis(self.rng.random_range(0..within));
            self.timers.submit(now + RECONNECT_INTERVAL, Task::Reconnect);
            self.timers.submit(now + first, Task::PushPull);
            self.timers.submit(now + HOUSEKEEPING_INTERVAL, Task::Housekeeping);
        }
    }

    fn others(&self) -> Vec<MemberId> {
        self.roster
            .live_members()
            .map(|(id, _)| *id)
            .filter(|id| *id != self.config.member)
            .collect()
    }

    /// Roster members that the detector does not have as active.
    fn missing(&self) -> Vec<MemberId> {
        let is_active = |id: &MemberId| self.presence.get(id).is_some_and(|seen| seen.active);
        self.others().into_iter().filter(|id| !is_active(id)).collect()
    }

    /// At zero active members the detector goes idle and voids all its timers, its own announces to
    /// members that are down included; and a member that it never heard of it never looks for.
    pub(super) fn reconnect(&mut self, now: Duration, to: usize) {
        if !self.config.duties.reconnect {
            return;
        }
        let mut missing = self.missing();
        missing.shuffle(&mut self.rng);
        for id in missing.into_iter().take(to) {
            self.announce(now, id);
        }
    }

    fn push_pull(&mut self) {
        if !self.config.duties.push_pull {
            return;
        }
        let (all, missing) = (self.others(), self.missing());
        let active: Vec<_> = all.iter().copied().filter(|id| !missing.contains(id)).collect();
        let choice = if active.is_empty() { &all } else { &active };
        if let Some(id) = choice.choose(&mut self.rng).copied() {
            self.request_sync(id, &[]);
        }
    }

    fn jittered_push_pull(&mut self) -> Duration {
        let period = push_pull_period(self.roster.size(), self.config.sync_interval());
        let percent = self.rng.random_range(100 - JITTER_PERCENT..=100 + JITTER_PERCENT);
        period * percent / 100
    }

    fn keep_house(&mut self, now: Duration) {
        self.scan_suspects();
        self.bury_removed(now);
        self.retune();
        if self.roster.collect_tombstones(now, self.config.member) {
            self.outputs.push_back(crate::output::Output::RosterChanged);
        }
        self.noticed.retain(|_, at| now < *at + NOTICE_INTERVAL);
        self.pulled.retain(|_, at| now < *at + NOTICE_INTERVAL);
        let roster = &self.roster;
        self.envelope.retain(|id| roster.live(id).is_some());
        self.broadcasts.retain(|id| roster.live(id).is_some());
    }
}
