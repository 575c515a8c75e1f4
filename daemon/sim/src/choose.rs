//! What `redundancy` and `delay-per-member` cost and what they bring: the figures of the table in docs/operate.md.

use std::fmt::Write as _;
use std::time::Duration;

use crate::chaos::{Kind, Plan, Report, run};

/// What happens to the members: processes die, and stall for half a minute.
const FAULTS: [Kind; 2] = [Kind::Kill, Kind::Pause];
/// Length of a run.
const LENGTH: Duration = Duration::from_mins(10);
/// Mean time between events.
const EVERY: Duration = Duration::from_secs(1);

/// One choice and what follows from it.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Size of the cluster.
    pub members: usize,
    /// `[alert] redundancy`.
    pub redundancy: usize,
    /// `[alert] delay-per-member`.
    pub delay: Duration,
    /// Members whose disks may be lost at once without an event being lost.
    pub losses: usize,
    /// Of a thousand events those that came more than once, under faults.
    pub doubled: f64,
    /// Time from raise to arrival under faults, below which 99 of 100 stay.
    pub late: Duration,
    /// Bytes that all members send for an event, without faults.
    pub bytes: f64,
}

/// Every choice for clusters of these sizes.
pub fn choices(sizes: &[usize], seeds: u64) -> Vec<Choice> {
    let mut all = Vec::new();
    for members in sizes.iter().copied() {
        for redundancy in [1, 2, 0] {
            for delay in [1, 10, 30].map(Duration::from_secs) {
                all.push(choice(members, redundancy, delay, seeds));
            }
        }
    }
    all
}

fn choice(members: usize, redundancy: usize, delay: Duration, seeds: u64) -> Choice {
    let plan = |faults: &[Kind], every| Plan {
        members,
        length: LENGTH,
        faults: faults.to_vec(),
        redundancy,
        delay,
        every,
    };
    let faulty = plan(&FAULTS, EVERY);
    let reports: Vec<Report> = (0..seeds).map(|seed| run(seed, &faulty)).collect();
    let events: usize = reports.iter().map(|report| report.events).sum();
    let doubled: usize = reports.iter().map(|report| report.doubled).sum();
    let mut lateness: Vec<Duration> = reports.into_iter().flat_map(|r| r.lateness).collect();
    lateness.sort_unstable();
    let at = lateness.len().saturating_sub(1) * 99 / 100;
    let busy = run(0, &plan(&[], EVERY));
    let quiet = run(0, &plan(&[], 10 * LENGTH));
    Choice {
        members,
        redundancy,
        delay,
        losses: if redundancy == 0 { members } else { redundancy.min(members) } - 1,
        doubled: doubled as f64 * 1000.0 / events.max(1) as f64,
        late: lateness.get(at).copied().unwrap_or_default(),
        bytes: busy.bytes.saturating_sub(quiet.bytes) as f64 / busy.events.max(1) as f64,
    }
}

/// The choices as a table.
pub fn table(choices: &[Choice]) -> String {
    let mut text = String::from(
        "| members | redundancy | delay-per-member | disks that may be lost | doubled of 1 000 | late, p99 | bytes per event |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for choice in choices {
        let Choice { members, redundancy, delay, losses, doubled, late, bytes } = choice;
        let redundancy = if *redundancy == 0 { "0 (all)".into() } else { redundancy.to_string() };
        let _ = writeln!(
            text,
            "| {members} | {redundancy} | {} s | {losses} | {doubled:.1} | {:.1} s | {bytes:.0} |",
            delay.as_secs(),
            late.as_secs_f64()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_redundancy_sends_more_and_a_longer_delay_comes_later() {
        let choose = |redundancy, delay| choice(3, redundancy, Duration::from_secs(delay), 3);
        let (one, all) = (choose(1, 10), choose(0, 10));
        assert!(one.losses == 0 && all.losses == 2);
        assert!(one.bytes < all.bytes, "{one:?} {all:?}");
        assert!(choose(0, 1).late < choose(0, 30).late);
        assert!(table(&[one, all]).contains("| 3 | 0 (all) | 10 s | 2 |"));
    }
}
