//! Log lines: logfmt or JSON to a file, STDERR or STDOUT, with a level that can change while the
//! member runs.
//!
//! Any code logs with `tracing`'s macros: `tracing::info!(service = "http", "http request")`. Without
//! a `service` field the first module below the crate is the service. Secrets are [`Secret`]s and
//! print as `[REDACTED]`. Other crates' lines are shown from level warn on.

mod line;
mod secret;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

pub use secret::Secret;

use crate::config::{Logging, Target};

/// Crates of this project: their lines are shown at the chosen level.
const OURS: [&str; 15] = [
    "kapacitord",
    "model",
    "tick",
    "template",
    "gossip",
    "dedup",
    "alert",
    "engine",
    "rpc",
    "member",
    "client",
    "influx",
    "cli",
    "sim",
    "panic",
];

/// How much is logged; each level includes those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

/// Not one of DEBUG, INFO, WARN, ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid log level")]
pub struct InvalidLevel;

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARN" => Ok(Self::Warn),
            "ERROR" => Ok(Self::Error),
            _ => Err(InvalidLevel),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
        }
    }

    fn from_u8(n: u8) -> Self {
        match n {
            0 => Self::Debug,
            1 => Self::Info,
            2 => Self::Warn,
            _ => Self::Error,
        }
    }
}

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Logfmt,
    Json,
}

/// The log of this process; clones share it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    level: AtomicU8,
    format: Format,
    target: Target,
    sink: Mutex<Sink>,
    lost: AtomicU64,
}

enum Sink {
    Stderr,
    Stdout,
    File(File),
}

/// The log file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("failed to open log file {}: {source}", path.display())]
pub struct LogError {
    path: std::path::PathBuf,
    source: io::Error,
}

/// Opens the log and makes it the one of this process; panics of any thread go there, too.
/// A second call changes nothing and returns a handle without effect.
pub fn start(config: &Logging) -> Result<Log, LogError> {
    let (subscriber, log) = open(config)?;
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(log)
}

/// A subscriber for `tracing` and the handle that steers it.
pub fn open(config: &Logging) -> Result<(impl Subscriber + Send + Sync + use<>, Log), LogError> {
    let shared = Shared {
        level: AtomicU8::new(config.level as u8),
        format: config.format,
        target: config.target.clone(),
        sink: Mutex::new(Sink::open(&config.target)?),
        lost: AtomicU64::new(0),
    };
    let log = Log { shared: Arc::new(shared) };
    Ok((Registry::default().with(Lines { shared: log.shared.clone() }), log))
}

impl Log {
    pub fn level(&self) -> Level {
        Level::from_u8(self.shared.level.load(Ordering::Relaxed))
    }

    /// Changes the level at once, for every thread.
    pub fn set_level(&self, level: Level) {
        self.shared.level.store(level as u8, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Opens the file again under its name, after it was moved away by a log rotation. The old file
    /// stays in use if that fails.
    pub fn reopen(&self) -> Result<(), LogError> {
        if matches!(self.shared.target, Target::File(_)) {
            let sink = Sink::open(&self.shared.target)?;
            *self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
        }
        Ok(())
    }

    /// Lines that could not be written since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Sink {
    fn open(target: &Target) -> Result<Self, LogError> {
        match target {
            Target::Stderr => Ok(Self::Stderr),
            Target::Stdout => Ok(Self::Stdout),
            Target::File(path) => open_file(path)
                .map(Self::File)
                .map_err(|source| LogError { path: path.clone(), source }),
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().lock().write_all(line),
            Self::Stdout => io::stdout().lock().write_all(line),
            Self::File(file) => file.write_all(line),
        }
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The layer that writes one line per event.
struct Lines {
    shared: Arc<Shared>,
}

impl Lines {
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let level = Level::from_u8(self.shared.level.load(Ordering::Relaxed)).filter();
        let root = metadata.target().split("::").next().unwrap_or("");
        let most = if OURS.contains(&root) { level } else { level.min(LevelFilter::WARN) };
        metadata.is_event() && *metadata.level() <= most
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.shows(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(Level::from_u8(self.shared.level.load(Ordering::Relaxed)).filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = model::Time(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
        let line = line::render(self.shared.format, now, event);
        let mut sink = self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if sink.write(line.as_bytes()).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Name of the thread whose panics are caught and told as errors by the store.
pub(crate) const QUIET_THREAD: &str = "store-check";

fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    if thread.name() == Some(QUIET_THREAD) {
        return;
    }
    let text = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(target: "panic", thread = thread.name().unwrap_or("?"), place, "panic: {text}");
}

#[cfg(test)]
mod tests;
