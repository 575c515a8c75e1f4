//! Every interleaving over the real machine: deliver, lose, crash, restart, time, send, learn, join, leave.
//! Time passes only while nothing is on the wire and no attempt is under way, for all clocks alike, which
//! stands for a delay far above the round trip; a spurious timer fires earlier. `make model` checks all
//! configurations of `rows` and prints the table of DEDUP.md; the quick ones run with every test.
//!
//! MODEL=WORDS checks those whose title has the words, STEPS=1 tells how an invariant was broken.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long a check took, not what the machine is told"
)]

mod judge;
mod rows;
mod setup;
mod step;
mod world;

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use rows::{Row, Shows, When};
use world::World;

/// Wall time of one configuration.
const LIMIT: Duration = Duration::from_mins(5);

/// What a check has found.
struct Found {
    states: usize,
    copies: u8,
    took: Duration,
    whole: bool,
    /// The invariants that are broken, with the steps that lead there.
    broken: Vec<(&'static str, Vec<String>)>,
}

fn check(row: &Row) -> Found {
    let began = Instant::now();
    // One thread finds the shortest way to a broken invariant.
    let threads = if row.shows == Shows::Holds { 2 } else { 1 };
    let checker = World::new(row.setup.clone())
        .checker()
        .threads(threads)
        .timeout(LIMIT)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let broken = checker.discoveries().into_iter().map(|(name, path)| {
        (name, path.into_actions().iter().map(|step| format!("{step:?}")).collect())
    });
    Found {
        states: checker.unique_state_count(),
        copies: checker.model().most.load(Ordering::Relaxed),
        took: began.elapsed(),
        whole: began.elapsed() < LIMIT,
        broken: broken.collect(),
    }
}

impl Found {
    /// What differs from what the row must show.
    fn wrong(&self, row: &Row) -> Option<String> {
        match row.shows {
            Shows::Holds => {
                if let Some((name, steps)) = self.broken.first() {
                    return Some(format!("{name}\n    {}", steps.join("\n    ")));
                }
                let copies = self.whole && self.copies != row.copies;
                copies.then(|| format!("{} copies are reachable, not {}", self.copies, row.copies))
            }
            Shows::Breaks(name) => {
                let found = self.broken.iter().any(|(broken, _)| *broken == name);
                (!found).then(|| format!("not broken: {name}"))
            }
        }
    }

    fn line(&self, row: &Row) -> String {
        let result = match row.shows {
            Shows::Holds if self.whole => format!("hold; at most {}", copies(self.copies)),
            Shows::Holds => format!("hold as far as {} s go", LIMIT.as_secs()),
            Shows::Breaks(name) => {
                let steps = self.broken.iter().find(|(broken, _)| *broken == name);
                format!("**{name}** broken in {} steps", steps.map_or(0, |(_, s)| s.len()))
            }
        };
        format!("| {} | {} | {result} |", row.setup.title(), spaced(self.states))
    }
}

fn copies(count: u8) -> String {
    if count == 1 { "one copy".to_owned() } else { format!("{count} copies") }
}

/// Thousands apart.
fn spaced(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Checks these rows; what is wrong with any of them.
fn check_all(rows: impl Iterator<Item = Row>) -> String {
    let (words, steps) = (std::env::var("MODEL").unwrap_or_default(), std::env::var("STEPS"));
    let mut wrong = String::new();
    for row in rows.filter(|row| row.setup.title().contains(&words)) {
        let found = check(&row);
        println!("{} <!-- {:.1} s -->", found.line(&row), found.took.as_secs_f64());
        if steps.is_ok() {
            found.broken.iter().for_each(|(name, s)| println!("{name}\n    {}", s.join("\n    ")));
        }
        if let Some(why) = found.wrong(&row) {
            let _ = writeln!(wrong, "{}: {why}", row.setup.title());
        }
    }
    wrong
}

#[test]
fn quick_configurations_show_what_they_must() {
    let quick = rows::all().into_iter().filter(|row| row.when == When::Always);
    let wrong = check_all(quick);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
#[ignore = "up to five minutes a configuration: make model"]
fn all_configurations_show_what_they_must() {
    let wrong = check_all(rows::all().into_iter());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or_default());
    assert!(wrong.is_empty(), "{wrong}");
}
