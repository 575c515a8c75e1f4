//! Times and durations as Go counts, prints and formats them.

mod layout;

pub(crate) use layout::{month_name, weekday_name};

use jiff::civil::DateTime;
use jiff::tz::{Dst, Offset, TimeZone};
use jiff::{Span, Timestamp};

/// A time in a zone.
pub(crate) struct Moment {
    civil: DateTime,
    offset: Offset,
    abbreviation: String,
    dst: bool,
    at: i64,
}

impl Moment {
    /// A time in the zone, or in UTC; nanoseconds since the Unix epoch.
    pub(crate) fn new(at: i64, zone: Option<&TimeZone>) -> Self {
        let stamp = Timestamp::from_nanosecond(at.into())
            .expect("64 bits of nanoseconds lie within the range of a timestamp");
        let Some(zone) = zone else {
            let (offset, abbreviation) = (Offset::UTC, "UTC".to_owned());
            return Self { civil: offset.to_datetime(stamp), offset, abbreviation, dst: false, at };
        };
        let info = zone.to_offset_info(stamp);
        let offset = info.offset();
        Self {
            civil: offset.to_datetime(stamp),
            offset,
            abbreviation: info.abbreviation().to_owned(),
            dst: info.dst() == Dst::Yes,
            at,
        }
    }

    pub(crate) fn civil(&self) -> DateTime {
        self.civil
    }

    pub(crate) fn is_dst(&self) -> bool {
        self.dst
    }

    /// Go's `String`: `2017-07-14 02:40:10.25 +0000 UTC`.
    pub(crate) fn text(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// As JSON carries it.
    pub(crate) fn rfc3339(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    /// Go's `Format`.
    pub(crate) fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    /// Go's `AddDate`: days that overflow a month run into the next.
    pub(crate) fn add_date(&self, years: i64, months: i64, days: i64) -> i64 {
        let total = i64::from(self.civil.month()) - 1 + months.clamp(-12_000, 12_000);
        let year = i64::from(self.civil.year()) + years.clamp(-9_000, 9_000) + total.div_euclid(12);
        let first = jiff::civil::Date::new(
            year.clamp(-9999, 9999) as i16,
            total.rem_euclid(12) as i8 + 1,
            1,
        );
        let days = days.saturating_add(i64::from(self.civil.day()) - 1);
        let moved = first
            .ok()
            .zip(Span::new().try_days(days).ok())
            .and_then(|(first, days)| first.checked_add(days).ok())
            .map(|date| date.to_datetime(self.civil.time()));
        let stamp = moved.and_then(|moved| self.offset.to_timestamp(moved).ok());
        stamp.and_then(|stamp| i64::try_from(stamp.as_nanosecond()).ok()).unwrap_or(self.at)
    }
}

/// Go's `Duration.String`: `1h1m39s`, `1.5µs`, `0s`.
pub(crate) fn duration_text(length: i64) -> String {
    let sign = if length < 0 { "-" } else { "" };
    let length = length.unsigned_abs();
    let (unit, name) = match length {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => {
            let seconds = length / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let small = fraction(length % 60_000_000_000, 1_000_000_000);
            return match (hours, minutes) {
                (0, 0) => format!("{sign}{small}s"),
                (0, minutes) => format!("{sign}{minutes}m{small}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{small}s"),
            };
        }
    };
    format!("{sign}{}{name}", fraction(length, unit))
}

/// A count in a larger unit, without trailing zeros.
fn fraction(length: u64, unit: u64) -> String {
    let (whole, part) = (length / unit, length % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{part:0width$}").trim_end_matches('0'))
}

/// Go's `Duration.Truncate`.
pub(crate) fn truncate(length: i64, unit: i64) -> i64 {
    if unit <= 0 { length } else { length - length % unit }
}

/// Go's `Duration.Round`: halves away from zero.
pub(crate) fn round(length: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return length;
    }
    let rest = length % unit;
    let down = length - rest;
    if rest.unsigned_abs() * 2 < unit.unsigned_abs() {
        down
    } else {
        down.saturating_add(unit * rest.signum())
    }
}

/// Seconds from Go's zero time, the year 1, to the Unix epoch: `Time.Truncate` counts from there.
const ZERO_TIME_SECONDS: i128 = 62_135_596_800;

fn since_unit(at: i64, unit: i64) -> i64 {
    ((i128::from(at) + ZERO_TIME_SECONDS * 1_000_000_000).rem_euclid(i128::from(unit))) as i64
}

/// Go's `Time.Truncate`.
pub(crate) fn truncate_time(at: i64, unit: i64) -> i64 {
    if unit <= 0 { at } else { at.saturating_sub(since_unit(at, unit)) }
}

/// Go's `Time.Round`.
pub(crate) fn round_time(at: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return at;
    }
    let rest = since_unit(at, unit);
    if rest < unit - rest { at.saturating_sub(rest) } else { at.saturating_add(unit - rest) }
}
