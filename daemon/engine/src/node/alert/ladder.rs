//! Levels: the conditions of an alert node and how the next level follows from them.

use alert::Level;

use super::{Alert, rung};
use crate::lambda::{Condition, Failure, Source, State};
use crate::task::Settings;
use model::Time;

/// The compiled conditions.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// Of INFO, WARNING, CRITICAL.
    conditions: [Option<Condition>; 3],
    resets: [Option<Condition>; 3],
}

/// The conditions' state in one group.
#[derive(Default)]
pub(super) struct LadderState {
    conditions: [State; 3],
    resets: [State; 3],
}

impl Ladder {
    /// Compiles the conditions; a reset without its level is ignored.
    pub(super) fn compile(alert: &Alert, settings: &Settings) -> Result<Self, String> {
        let mut ladder = Self { conditions: [None, None, None], resets: [None, None, None] };
        let names = [("info", "infoReset"), ("warn", "warnReset"), ("crit", "critReset")];
        for (i, (name, reset)) in names.into_iter().enumerate() {
            let Some(lambda) = &alert.conditions[i] else { continue };
            let failed = |name: &str, e: String| {
                format!("Failed to compile stateful expression for {name}: {e}")
            };
            let condition = Condition::compile(lambda, settings).map_err(|e| failed(name, e))?;
            ladder.conditions[i] = Some(condition);
            if let Some(lambda) = &alert.resets[i] {
                let condition =
                    Condition::compile(lambda, settings).map_err(|e| failed(reset, e))?;
                ladder.resets[i] = Some(condition);
            }
        }
        Ok(ladder)
    }

    /// The level after a point, from the level before. A condition that fails is handed to `failed`
    /// and counts as false, a failing reset as true.
    ///
    /// The condition of the current level is asked twice when it is not true: before the reset and
    /// after it. Stateful functions and the count of errors depend on that (recorded: cases
    /// alert__condition_error, alert__stateful_condition).
    pub(super) fn judge(
        &self,
        point: &impl Source,
        now: Time,
        current: Level,
        state: &mut LadderState,
        mut failed: impl FnMut(Failure),
    ) -> Level {
        let over = (current as usize).saturating_sub(1);
        let higher = self.first_true(Level::ALL.len(), over, point, now, state, &mut failed);
        if let Some(level) = higher {
            return level;
        }
        if current == Level::Ok {
            return Level::Ok;
        }
        let i = rung(current);
        if let Some(reset) = &self.resets[i]
            && !reset.judge(point, now, &mut state.resets[i]).unwrap_or_else(|failure| {
                failed(failure);
                true
            })
        {
            return current;
        }
        self.first_true(current as usize + 1, 0, point, now, state, &mut failed).unwrap_or_default()
    }

    /// The highest level below number `above` and over number `over` whose condition is true.
    fn first_true(
        &self,
        above: usize,
        over: usize,
        point: &impl Source,
        now: Time,
        state: &mut LadderState,
        failed: &mut impl FnMut(Failure),
    ) -> Option<Level> {
        (over + 1..above).rev().find_map(|number| {
            let i = number - 1;
            match self.conditions[i].as_ref()?.judge(point, now, &mut state.conditions[i]) {
                Ok(true) => Level::from_number(number as u8),
                Ok(false) => None,
                Err(failure) => {
                    failed(failure);
                    None
                }
            }
        })
    }
}
