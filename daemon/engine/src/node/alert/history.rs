//! What an alert node remembers of a group, and when it fires.

use alert::Level;
use model::{Duration, Time};

/// When to fire, of the whole node.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Levels that are remembered for flapping.
    pub(super) history: usize,
    /// Flapping ends below the first and starts above the second share of changes.
    pub(super) flapping: Option<(f64, f64)>,
    /// Only changes fire …
    pub(super) state_changes_only: bool,
    /// … or this long after the last firing; zero never.
    pub(super) interval: Duration,
}

/// Weight of the first change in the share of changes; the weight of the last would be 1.2.
const WEIGHT_MIN: f64 = 0.8;
const WEIGHT_RISE: f64 = 0.4;

/// The levels of a group and its times.
#[derive(Clone, Debug)]
pub(super) struct History {
    level: Level,
    /// Last levels in a ring; empty unless flapping is looked for.
    ring: Box<[Level]>,
    newest: usize,
    flapping: bool,
    /// When it last left OK, as far as it is known.
    first: Option<Time>,
    last: Time,
}

/// What one message did to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Level before.
    pub(super) previous: Level,
    /// Level now.
    pub(super) level: Level,
    /// Neither flapping nor an unchanged state that is not to be repeated.
    unsuppressed: bool,
}

impl Step {
    /// Whether a message on a stream edge fires.
    pub(super) fn fires_on_stream(self) -> bool {
        self.unsuppressed && (self.level > Level::Ok || self.level != self.previous)
    }

    /// Whether a batch fires: a recovery does so even while flapping.
    pub(super) fn fires_on_batch(self) -> bool {
        match self.level {
            Level::Ok => self.previous != Level::Ok,
            _ => self.unsuppressed,
        }
    }
}

impl History {
    /// A group that is OK, or at the level and time that a topic had for it.
    pub(super) fn new(rules: &Rules, restored: Option<(Level, Time)>) -> Self {
        let level = restored.map_or(Level::Ok, |(level, _)| level);
        let first = restored.map(|(_, time)| time);
        let length = if rules.flapping.is_some() { rules.history.max(2) } else { 0 };
        let mut ring = vec![Level::Ok; length].into_boxed_slice();
        if let Some(slot) = ring.first_mut() {
            *slot = level;
        }
        Self { level, ring, newest: 0, flapping: false, first, last: first.unwrap_or(Time(0)) }
    }

    /// The level now.
    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Takes the level of the next message in.
    pub(super) fn step(&mut self, rules: &Rules, time: Time, level: Level) -> Step {
        let previous = std::mem::replace(&mut self.level, level);
        let changed = previous != level;
        let expired = !changed && rules.interval.0 != 0 && time.since(self.last) >= rules.interval;
        if let Some((low, high)) = rules.flapping {
            self.newest = (self.newest + 1) % self.ring.len();
            self.ring[self.newest] = level;
            let share = self.share_of_changes();
            self.flapping = if self.flapping { share >= low } else { share > high };
        }
        let repeats = rules.state_changes_only && !changed && !expired;
        Step { previous, level, unsuppressed: !self.flapping && !repeats }
    }

    /// The group fires: notes the time, and says how long it is or was not OK.
    pub(super) fn fire(&mut self, step: Step, time: Time) -> Duration {
        self.last = time;
        if step.previous == Level::Ok {
            self.first = Some(time);
        }
        // What left OK while it was flapping counts from its first event.
        time.since(*self.first.get_or_insert(time))
    }

    /// Weighted share of changes between neighbours in the ring. The walk starts at the newest level
    /// and goes on with the oldest, as the original's does: a change that just happened weighs least
    /// at first, the seam between newest and oldest counts, and the pair before the newest does not
    /// (recorded: case alert__flapping_default_history).
    fn share_of_changes(&self) -> f64 {
        let length = self.ring.len();
        let pairs = (length - 1) as f64;
        let mut weight = WEIGHT_MIN;
        let mut changes = 0.0;
        for i in 0..length - 1 {
            let at = (self.newest + i) % length;
            let before = (at + length - 1) % length;
            if self.ring[at] != self.ring[before] {
                changes += weight;
            }
            weight += WEIGHT_RISE / pairs;
        }
        changes / pairs
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const RULES: Rules =
        Rules { history: 21, flapping: None, state_changes_only: false, interval: Duration(0) };

    /// Plays levels (`O I W C`), one per second, and gives those that fired with their durations in
    /// seconds.
    fn play(rules: &Rules, levels: &str) -> String {
        let mut history = History::new(rules, None);
        let mut fired = String::new();
        for (at, letter) in levels.chars().enumerate() {
            let level = match letter {
                'I' => Level::Info,
                'W' => Level::Warning,
                'C' => Level::Critical,
                _ => Level::Ok,
            };
            let time = Time(at as i64 * 1_000_000_000);
            let step = history.step(rules, time, level);
            if step.fires_on_stream() {
                let duration = history.fire(step, time).0 / 1_000_000_000;
                let _ = write!(fired, "{letter}{duration} ");
            }
        }
        fired
    }

    #[test]
    fn a_group_that_was_never_bad_is_silent_and_a_recovery_has_the_full_duration() {
        assert_eq!(play(&RULES, "OOCCWOOCO"), "C0 C1 W2 O3 C0 O1 ");
    }

    #[test]
    fn state_changes_only_fires_on_changes_or_after_the_interval() {
        let rules = Rules { state_changes_only: true, ..RULES };
        assert_eq!(play(&rules, "CCCWWOO"), "C0 W3 O5 ");
        let rules = Rules { interval: Duration::from_secs(3), ..rules };
        assert_eq!(play(&rules, "CCCCCCCCOOOO"), "C0 C3 C6 O8 ");
    }

    #[test]
    fn flapping_suppresses_after_the_recorded_number_of_changes() {
        let rules = Rules { flapping: Some((0.1, 0.2)), ..RULES };
        assert_eq!(play(&rules, "OCOCOCOCCCCCCCCOOOOOOOCCC"), "C0 O1 C0 O1 ");
    }

    #[test]
    fn what_left_ok_while_flapping_counts_from_its_first_event() {
        let rules = Rules { history: 2, flapping: Some((0.9, 0.0)), ..RULES };
        assert_eq!(play(&rules, "CCC"), "C0 C1 ");
    }

    #[test]
    fn flapping_ends_below_the_lower_share() {
        let rules = Rules { history: 5, flapping: Some((0.2, 0.5)), ..RULES };
        assert_eq!(play(&rules, "OCOCOCCCCCCC"), "C0 O1 C8 C9 C10 ");
    }

    #[test]
    fn a_restored_group_goes_on_from_the_stored_event() {
        let mut history = History::new(&RULES, Some((Level::Critical, Time(1))));
        let step = history.step(&RULES, Time(30), Level::Ok);
        assert!(step.fires_on_stream());
        assert_eq!(history.fire(step, Time(30)), Duration(29));
    }

    #[test]
    fn a_batch_recovers_even_while_flapping() {
        let step = Step { previous: Level::Critical, level: Level::Ok, unsuppressed: false };
        assert!(step.fires_on_batch());
        assert!(!step.fires_on_stream());
        let step = Step { level: Level::Critical, ..step };
        assert!(!step.fires_on_batch());
    }
}
