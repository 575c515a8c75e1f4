//! InfluxDB's line protocol: bytes of a write become shared points, and points become lines.
//!
//! A body is taken whole or refused whole; every bad line is named with its reason. Two readers
//! stand behind [`parse`]: the quick one handles a plain line of a series seen before, the strict
//! one everything else. They agree wherever the quick one answers (a test compares them).

mod intern;
mod number;
mod quick;
mod render;
mod strict;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use intern::Interner;
pub use render::render;

use crate::{Duration, Point, Str, Time};

/// Longest series key (measurement and tags) plus field name in bytes, as InfluxDB limits it.
pub const MAX_KEY_BYTES: usize = 65_535;

/// Bad lines are named until their texts fill this many bytes; the rest is only counted.
pub const MAX_ERROR_BYTES: usize = 1 << 20;

/// Earliest and latest time a line may carry, nanoseconds since the epoch (InfluxDB's range).
pub const TIME_RANGE: (i64, i64) = (i64::MIN + 2, i64::MAX - 1);

/// Unit of the timestamps in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Nanoseconds (`n`, and whatever is not known).
    #[default]
    Nanos,
    /// Microseconds (`u`).
    Micros,
    /// Milliseconds (`ms`).
    Millis,
    /// Seconds (`s`).
    Seconds,
    /// Minutes (`m`).
    Minutes,
    /// Hours (`h`).
    Hours,
}

impl Precision {
    /// The precision a request's `precision` parameter means; an unknown one means nanoseconds.
    pub fn from_param(text: &str) -> Self {
        match text {
            "u" => Self::Micros,
            "ms" => Self::Millis,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => Self::Nanos,
        }
    }

    /// Nanoseconds per unit.
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
        }
    }

    /// The time that `count` units after the epoch is, when it is in [`TIME_RANGE`].
    pub fn time(self, count: i64) -> Option<Time> {
        let nanos = count.checked_mul(self.nanos())?;
        (TIME_RANGE.0..=TIME_RANGE.1).contains(&nanos).then_some(Time(nanos))
    }
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The line without its end; bytes that are not UTF-8 are replaced.
    pub line: String,
    /// What is wrong with it, in InfluxDB's words.
    pub reason: String,
}

/// Why a body was refused: its bad lines in order. Prints as InfluxDB does:
/// `unable to parse 'LINE': REASON`, one per line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineErrors {
    /// Bad lines, up to [`MAX_ERROR_BYTES`].
    pub lines: Vec<LineError>,
    /// How many more there were.
    pub more: usize,
}

impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, bad) in self.lines.iter().enumerate() {
            let separator = if i > 0 { "\n" } else { "" };
            write!(f, "{separator}unable to parse '{}': {}", bad.line, bad.reason)?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more lines", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for LineErrors {}

/// What a body says nothing about, but its points need.
struct Context<'a> {
    default_time: Time,
    precision: Precision,
    database: &'a Str,
    retention_policy: &'a Str,
}

/// Bytes of the shortest line with a point, its end included: `m f=1`.
const LEAST_LINE: usize = 6;

/// Reads a body of line protocol.
///
/// A line without a time gets `default_time` truncated to the precision. Lines end with `\n` or
/// `\r\n`; blank lines and lines that start with `#` are skipped; a quoted string may contain line
/// ends. Of a field named twice the last value stays. Names and series are shared through
/// `interner`, which is bounded and may serve any number of bodies.
pub fn parse(
    body: &[u8],
    default_time: Time,
    precision: Precision,
    interner: &mut Interner,
    database: &Str,
    retention_policy: &Str,
) -> Result<Vec<Arc<Point>>, LineErrors> {
    let default_time = default_time.truncate(Duration(precision.nanos()));
    let context = Context { default_time, precision, database, retention_policy };
    let lines = memchr::memchr_iter(b'\n', body).count() + 1;
    let mut points = Vec::with_capacity(lines.min(body.len() / LEAST_LINE + 1));
    let mut errors = LineErrors::default();
    let mut error_bytes = 0;
    let mut at = 0;
    while at < body.len() {
        if let Some((point, next)) = quick::read(body, at, &context, interner) {
            points.push(Arc::new(point));
            at = next;
            continue;
        }
        let end = strict::line_end(body, at);
        let line = strict::trim(&body[at..end]);
        at = end + 1;
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        match strict::read(line, &context, interner) {
            Ok(point) => points.push(Arc::new(point)),
            Err(_) if error_bytes > MAX_ERROR_BYTES => errors.more += 1,
            Err(reason) => {
                error_bytes += line.len() + reason.len();
                errors
                    .lines
                    .push(LineError { line: String::from_utf8_lossy(line).into_owned(), reason });
            }
        }
    }
    if errors.lines.is_empty() { Ok(points) } else { Err(errors) }
}
