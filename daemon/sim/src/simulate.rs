//! The command line of `simulate`: chaos over seeds, scenarios, their output and exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::chaos::{Kind, Plan, Report, run, run_with, settings};
use crate::world::Settings;
use crate::{choose, measure, scenario};

/// The production machines of a cluster in a simulated world.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
pub struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run seeds of chaos and judge them; exit 1 when one breaks an invariant.
    Chaos(Chaos),
    /// Measure what clusters of these sizes do without chaos; exit 1 when a floor is missed.
    Measure {
        /// Sizes, with commas.
        #[arg(long, value_delimiter = ',', default_value = "3,10,32,100")]
        members: Vec<usize>,
        /// Seeds per figure.
        #[arg(long, default_value_t = measure::SEEDS)]
        seeds: u64,
        /// Print the figures as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what `redundancy` and `delay-per-member` cost and bring.
    Choose {
        /// Sizes, with commas.
        #[arg(long, value_delimiter = ',', default_value = "3,5")]
        members: Vec<usize>,
        /// Seeds per row.
        #[arg(long, default_value_t = 20)]
        seeds: u64,
    },
    /// Play a scenario and compare it with its transcript; UPDATE=1 rewrites it.
    Play {
        /// The scenario's file.
        file: PathBuf,
        /// Write the transcript anew.
        #[arg(long, env = "UPDATE", num_args = 0..=1, default_missing_value = "1")]
        update: Option<String>,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Chaos {
    /// Members, all in one cluster at the beginning.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Seeds, A..B without B, or one seed.
    #[arg(long, default_value = "0..20")]
    seeds: String,
    /// Minutes of chaos; the calm comes after.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Faults, with commas; `none` for a faultless run. Default: all.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// `[alert] redundancy`; 0 means every member.
    #[arg(long, default_value_t = 0)]
    redundancy: usize,
    /// `[alert] delay-per-member`, seconds.
    #[arg(long, default_value_t = 10)]
    delay: u64,
    /// Mean milliseconds between events.
    #[arg(long, default_value_t = 5000)]
    every: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Tell what happens; for one seed.
    #[arg(long)]
    story: bool,
    /// Stop at the first seed that fails.
    #[arg(long)]
    first: bool,
    /// Run each seed twice and compare the traces (S11).
    #[arg(long)]
    twice: bool,
}

/// What was to be printed, and whether all went well.
pub struct Output {
    /// Text for standard output.
    pub text: String,
    /// Exit code 0.
    pub well: bool,
}

/// Carries the command line out.
pub fn run_command(arguments: Arguments) -> Result<Output, String> {
    match arguments.command {
        Action::Chaos(chaos) => chaos.run(),
        Action::Measure { members, seeds, json } => {
            if members.iter().any(|n| !(2..=1000).contains(n)) || seeds == 0 {
                return Err("members must be 2 to 1000, seeds at least 1".into());
            }
            let rows = measure::measure(&members, seeds);
            let well = rows.iter().all(measure::Row::holds);
            let text = if json {
                serde_json::to_string_pretty(&measure::json(&rows)).map_err(|e| e.to_string())?
                    + "\n"
            } else {
                measure::table(&rows)
            };
            Ok(Output { text, well })
        }
        Action::Choose { members, seeds } => {
            if members.iter().any(|n| !(2..=100).contains(n)) || seeds == 0 {
                return Err("members must be 2 to 100, seeds at least 1".into());
            }
            let choices = choose::choices(&members, seeds);
            Ok(Output { text: choose::table(&choices), well: true })
        }
        Action::Play { file, update } => {
            let text =
                std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let played = scenario::play(&text);
            if update.is_some() && played != text {
                std::fs::write(&file, &played).map_err(|e| format!("{}: {e}", file.display()))?;
                return Ok(Output { text: format!("rewrote {}\n", file.display()), well: true });
            }
            Ok(Output { well: played == text, text: scenario::difference(&text, &played) })
        }
    }
}

impl Chaos {
    fn run(&self) -> Result<Output, String> {
        let plan = self.plan()?;
        let seeds = parse_seeds(&self.seeds)?;
        if self.story {
            return Ok(Self::tell(seeds.start, &plan));
        }
        let reports = self.reports(&plan, seeds);
        let mut text = String::new();
        for report in &reports {
            if let Some(first) = report.violations.first() {
                let seed = report.seed;
                let _ = writeln!(text, "seed {seed}: {first}\n  {}", self.replay(seed));
            }
        }
        let well = reports.iter().all(|r| r.violations.is_empty());
        let summary = Summary::of(&reports);
        if self.json {
            text = serde_json::to_string_pretty(&summary.json(self, &reports))
                .map_err(|e| e.to_string())?;
            text.push('\n');
        } else {
            text.push_str(&summary.text(self));
        }
        Ok(Output { text, well })
    }

    /// Runs the seeds on all cores; the reports in order of the seeds.
    fn reports(&self, plan: &Plan, seeds: Range<u64>) -> Vec<Report> {
        let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
        let failed = AtomicBool::new(false);
        let work = || {
            let mut reports = Vec::new();
            while !(self.first && failed.load(Ordering::Relaxed)) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    break;
                }
                let report = self.report(seed, plan);
                failed.fetch_or(!report.violations.is_empty(), Ordering::Relaxed);
                reports.push(report);
            }
            reports
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let mut reports: Vec<Report> = thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|w| w.join().expect("a run does not panic")).collect()
        });
        reports.sort_by_key(|report| report.seed);
        reports
    }

    fn report(&self, seed: u64, plan: &Plan) -> Report {
        let mut report = run(seed, plan);
        if self.twice && run(seed, plan).trace != report.trace {
            report.violations.push(crate::Violation {
                invariant: "S11",
                at: Duration::ZERO,
                text: "the same seed gave another trace".into(),
            });
        }
        report
    }

    fn tell(seed: u64, plan: &Plan) -> Output {
        let settings = Settings { narrate: true, ..settings(plan) };
        let (report, world) = run_with(seed, plan, settings);
        let mut text = world.story.join("\n");
        text.push('\n');
        for violation in &report.violations {
            let _ = writeln!(text, "{violation}");
        }
        Output { text, well: report.violations.is_empty() }
    }

    fn plan(&self) -> Result<Plan, String> {
        let faults = match self.faults.as_slice() {
            [] => Kind::ALL.to_vec(),
            [none] if none == "none" => Vec::new(),
            names => names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        };
        if self.members == 0 || self.members > 1000 {
            return Err("members must be 1 to 1000".into());
        }
        Ok(Plan {
            members: self.members,
            length: Duration::from_mins(self.minutes),
            faults,
            redundancy: self.redundancy,
            delay: Duration::from_secs(self.delay.max(1)),
            every: Duration::from_millis(self.every.max(1)),
        })
    }

    fn replay(&self, seed: u64) -> String {
        let mut command = format!(
            "simulate chaos --members {} --seeds {seed} --minutes {} --every {} --redundancy {} --delay {}",
            self.members, self.minutes, self.every, self.redundancy, self.delay
        );
        if !self.faults.is_empty() {
            let _ = write!(command, " --faults {}", self.faults.join(","));
        }
        command + " --story"
    }
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |t: &str| t.parse::<u64>().map_err(|e| format!("seeds {text:?}: {e}"));
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

/// All seeds together.
struct Summary {
    failed: usize,
    events: usize,
    arrivals: usize,
    doubled: usize,
    takeovers: u64,
    lateness: Vec<Duration>,
    bytes: u64,
    faults: BTreeMap<&'static str, usize>,
    looked: BTreeMap<&'static str, u64>,
}

impl Summary {
    fn of(reports: &[Report]) -> Self {
        let mut lateness: Vec<Duration> =
            reports.iter().flat_map(|r| r.lateness.iter().copied()).collect();
        lateness.sort_unstable();
        let mut faults = BTreeMap::new();
        let mut looked = BTreeMap::new();
        for report in reports {
            for (kind, count) in &report.faults {
                *faults.entry(*kind).or_default() += count;
            }
            for (invariant, count) in &report.looked {
                *looked.entry(*invariant).or_default() += count;
            }
        }
        Self {
            failed: reports.iter().filter(|r| !r.violations.is_empty()).count(),
            events: reports.iter().map(|r| r.events).sum(),
            arrivals: reports.iter().map(|r| r.arrivals).sum(),
            doubled: reports.iter().map(|r| r.doubled).sum(),
            takeovers: reports.iter().map(|r| r.takeovers).sum(),
            lateness,
            bytes: reports.iter().map(|r| r.bytes).sum(),
            faults,
            looked,
        }
    }

    fn percentile(&self, share: f64) -> f64 {
        let last = self.lateness.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.lateness.get(at).map_or(0.0, Duration::as_secs_f64)
    }

    fn text(&self, chaos: &Chaos) -> String {
        let counts = |what: &BTreeMap<&str, u64>| {
            what.iter().map(|(k, n)| format!("{k} {n}")).collect::<Vec<_>>().join(", ")
        };
        let faults: BTreeMap<&str, u64> =
            self.faults.iter().map(|(k, n)| (*k, *n as u64)).collect();
        format!(
            "{} members, seeds {}, {} minutes: {} failed\n\
             events {}, arrivals {}, doubled {}, takeovers {}\n\
             lateness p50 {:.3}s p99 {:.3}s max {:.3}s; {} bytes per member\n\
             faults: {}\nlooked: {}\n",
            chaos.members,
            chaos.seeds,
            chaos.minutes,
            self.failed,
            self.events,
            self.arrivals,
            self.doubled,
            self.takeovers,
            self.percentile(0.5),
            self.percentile(0.99),
            self.percentile(1.0),
            self.bytes / chaos.members as u64,
            counts(&faults),
            counts(&self.looked),
        )
    }

    fn json(&self, chaos: &Chaos, reports: &[Report]) -> serde_json::Value {
        let violations: Vec<_> = reports
            .iter()
            .filter_map(|r| {
                let first = r.violations.first()?;
                Some(serde_json::json!({
                    "seed": r.seed,
                    "invariant": first.invariant,
                    "text": first.to_string(),
                    "replay": chaos.replay(r.seed),
                }))
            })
            .collect();
        let traces: BTreeMap<String, String> =
            reports.iter().map(|r| (r.seed.to_string(), format!("{:016x}", r.trace))).collect();
        serde_json::json!({
            "members": chaos.members,
            "minutes": chaos.minutes,
            "failed": self.failed,
            "events": self.events,
            "arrivals": self.arrivals,
            "doubled": self.doubled,
            "takeovers": self.takeovers,
            "lateness-p50": self.percentile(0.5),
            "lateness-p99": self.percentile(0.99),
            "lateness-max": self.percentile(1.0),
            "bytes-per-member": self.bytes / chaos.members as u64,
            "faults": self.faults,
            "looked": self.looked,
            "violations": violations,
            "traces": traces,
        })
    }
}
