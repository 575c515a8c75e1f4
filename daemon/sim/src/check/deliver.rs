//! S1 never lost, S2 exactly once without faults, S3 copies bounded by faults, S4 lateness bounded,
//! S8 topics isolated: judged from the ledger.

use std::time::Duration;

use super::Checks;
use crate::ledger::{EventName, Ledger, Story};

/// What is expected of a run.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// When it was looked at.
    pub now: Duration,
    /// Nothing was done to the world that excuses a copy.
    pub faultless: bool,
    /// Without faults an event is handled within this.
    pub prompt: Duration,
    /// The calm has lasted long enough for everything to be handled.
    pub calm: bool,
    /// A fault excuses copies of events that were raised this long after it.
    pub grace: Duration,
}

/// Judges all events.
pub fn judge(ledger: &Ledger, how: &Judgement, checks: &mut Checks) {
    for (name, story) in &ledger.events {
        if how.calm {
            lost(name, story, how, checks);
        }
        copies(ledger, name, story, how, checks);
        late(name, story, how, checks);
    }
}

fn lost(name: &EventName, story: &Story, how: &Judgement, checks: &mut Checks) {
    let Some((accepted, holder)) = story.accepted.filter(|_| !story.excused) else { return };
    checks.look("S1");
    checks.look("S8");
    for handler in &story.handlers {
        if !story.is_settled(handler) {
            let text = format!(
                "{name} for {handler} was accepted by m{holder} at {:.3}s and never arrived",
                accepted.as_secs_f64()
            );
            checks.report("S1", how.now, text);
        }
    }
}

fn copies(ledger: &Ledger, name: &EventName, story: &Story, how: &Judgement, checks: &mut Checks) {
    let Some((raised, _)) = story.raised else { return };
    for (handler, arrivals) in &story.settled() {
        let invariant = if how.faultless { "S2" } else { "S3" };
        checks.look(invariant);
        let last = arrivals.last().map_or(raised, |(at, _)| *at);
        let allowed =
            if how.faultless { 1 } else { 1 + ledger.excused_copies(raised, last, how.grace) };
        if arrivals.len() > allowed {
            let by: Vec<String> = arrivals
                .iter()
                .map(|(at, n)| format!("m{n} at {:.3}s", at.as_secs_f64()))
                .collect();
            let text = format!(
                "{name} for {handler} arrived {} times, {allowed} allowed: {}",
                arrivals.len(),
                by.join(", ")
            );
            checks.report(invariant, how.now, text);
        }
    }
}

fn late(name: &EventName, story: &Story, how: &Judgement, checks: &mut Checks) {
    let Some((raised, _)) = story.raised.filter(|_| how.faultless) else { return };
    for (handler, arrivals) in &story.arrivals {
        checks.look("S4");
        let Some((first, by)) = arrivals.first() else { continue };
        let took = first.saturating_sub(raised);
        if took > how.prompt {
            let text = format!("{name} for {handler} took {took:?} (m{by})");
            checks.report("S4", how.now, text);
        }
    }
}
