//! Event time: nanoseconds since the Unix epoch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Duration;

/// A point in time, nanoseconds since 1970-01-01T00:00:00Z; about 1677 to 2262.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(pub i64);

/// Nanoseconds from 0001-01-01T00:00:00Z to the Unix epoch. Truncation and rounding count from the
/// former, as Go's `time` package does, so weeks start on Monday.
const ZERO_TO_EPOCH: i128 = 62_135_596_800 * 1_000_000_000;

impl Time {
    /// Rounds down to a multiple of `unit` counted from year 1; zero or negative units change nothing.
    pub fn truncate(self, unit: Duration) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let past = (i128::from(self.0) + ZERO_TO_EPOCH).rem_euclid(i128::from(unit.0));
        Self(self.0.saturating_sub(past as i64))
    }

    /// Rounds half up to a multiple of `unit` counted from year 1.
    pub fn round(self, unit: Duration) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let down = self.truncate(unit);
        let past = self.0 - down.0;
        if i128::from(past) * 2 < i128::from(unit.0) {
            down
        } else {
            Self(down.0.saturating_add(unit.0))
        }
    }

    /// This time plus `d`, kept inside the range.
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(d.0))
    }

    /// This time minus `d`, kept inside the range.
    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(d.0))
    }

    /// How long after `earlier` this is; negative when before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Civil date and time in UTC: (year, month, day, hour, minute, second, nanosecond).
    pub fn civil(self) -> (i64, u32, u32, u32, u32, u32, u32) {
        let secs = self.0.div_euclid(1_000_000_000);
        let nanos = self.0.rem_euclid(1_000_000_000) as u32;
        let days = secs.div_euclid(86_400);
        let of_day = secs.rem_euclid(86_400) as u32;
        let (y, m, d) = civil_of_days(days);
        (y, m, d, of_day / 3600, of_day / 60 % 60, of_day % 60, nanos)
    }
}

/// Days since 1970-01-01 to year, month, day (proleptic Gregorian).
fn civil_of_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of_civil(y: i64, m: u32, d: u32) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = i64::from(if m > 2 { m - 3 } else { m + 9 });
    let doy = (153 * mp + 2) / 5 + i64::from(d) - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// RFC 3339 with nanoseconds, trailing zeros cut, UTC as `Z`: `2017-07-14T02:40:10.5Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, mo, d, h, mi, s, n) = self.civil();
        write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}")?;
        if n != 0 {
            let digits = format!("{n:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// What was wrong with a time text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid RFC 3339 time {0:?}")]
pub struct InvalidTime(String);

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        parse_rfc3339(text).ok_or_else(|| InvalidTime(text.to_owned()))
    }
}

fn parse_rfc3339(text: &str) -> Option<Time> {
    let b = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = b.get(from..to)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0i64, |n, c| n * 10 + i64::from(c - b'0')))
    };
    let at = |i: usize, c: u8| b.get(i) == Some(&c);
    if !(at(4, b'-')
        && at(7, b'-')
        && (at(10, b'T') || at(10, b't'))
        && at(13, b':')
        && at(16, b':'))
    {
        return None;
    }
    let (y, mo, d) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (h, mi, s) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&mo) || !(1..=31).contains(&d) || h > 23 || mi > 59 || s > 59 {
        return None;
    }
    let mut i = 19;
    let mut nanos = 0i64;
    if at(i, b'.') {
        i += 1;
        let start = i;
        while b.get(i).is_some_and(u8::is_ascii_digit) {
            if i - start < 9 {
                nanos = nanos * 10 + i64::from(b[i] - b'0');
            }
            i += 1;
        }
        if i == start {
            return None;
        }
        for _ in (i - start)..9 {
            nanos *= 10;
        }
    }
    let offset = match b.get(i)? {
        b'Z' | b'z' if i + 1 == b.len() => 0,
        sign @ (b'+' | b'-') if i + 6 == b.len() && at(i + 3, b':') => {
            let seconds = number(i + 1, i + 3)? * 3600 + number(i + 4, i + 6)? * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let days = days_of_civil(y, mo as u32, d as u32);
    let seconds = days * 86_400 + h * 3600 + mi * 60 + s - offset;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_and_parse_as_rfc3339() {
        for (ns, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_500_000_010_500_000_000, "2017-07-14T02:40:10.5Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(Time(ns).to_string(), text);
            assert_eq!(text.parse(), Ok(Time(ns)));
        }
        assert_eq!("2017-07-14T04:40:10+02:00".parse(), Ok(Time(1_500_000_010_000_000_000)));
        assert!("2017-07-14".parse::<Time>().is_err());
        assert!("2017-13-14T04:40:10Z".parse::<Time>().is_err());
    }

    #[test]
    fn truncation_counts_from_year_one() {
        let week = Duration(7 * 86_400_000_000_000);
        assert_eq!(Time(0).truncate(week).to_string(), "1969-12-29T00:00:00Z");
        let t: Time = "2017-07-14T02:40:15Z".parse().expect("valid");
        assert_eq!(t.truncate(Duration::from_secs(10)).to_string(), "2017-07-14T02:40:10Z");
        assert_eq!(t.round(Duration::from_secs(10)).to_string(), "2017-07-14T02:40:20Z");
        assert_eq!(t.round(Duration(0)), t);
    }
}
