//! The invariants S1 to S12 as checkers: safety at each step, liveness in the calm at the end.
//!
//! Each checker counts how often it looked, so that a campaign in which it never did is noticed, and
//! each has a planted violation in its tests that it reports.

mod agree;
mod cold;
mod deliver;
mod limits;
mod order;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use model::Str;

pub use agree::{Seen, agreement};
pub use deliver::{Judgement, judge};
pub use limits::MOST_WAITING;

/// An invariant that was found broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `S1` to `S12`.
    pub invariant: &'static str,
    /// When it was noticed.
    pub at: Duration,
    /// Which event or member, who held it, what broke it.
    pub text: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {:.3}s: {}", self.invariant, self.at.as_secs_f64(), self.text)
    }
}

/// What the checkers found and how often each looked.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// What was found, first first.
    pub violations: Vec<Violation>,
    /// How often each invariant was looked at.
    pub looked: BTreeMap<&'static str, u64>,
    pub(crate) order: order::Order,
    pub(crate) edits: BTreeMap<rpc::SpecKey, (rpc::Stamp, Option<Str>)>,
}

impl Checks {
    /// Violations kept; more of a run tell nothing new.
    const KEPT: usize = 20;

    pub(crate) fn look(&mut self, invariant: &'static str) {
        *self.looked.entry(invariant).or_default() += 1;
    }

    pub(crate) fn report(&mut self, invariant: &'static str, at: Duration, text: String) {
        if self.violations.len() < Self::KEPT {
            self.violations.push(Violation { invariant, at, text });
        }
    }
}
