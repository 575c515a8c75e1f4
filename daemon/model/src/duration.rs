//! Lengths of time, with InfluxDB's and Go's spellings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A length of time in nanoseconds; may be negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Duration(pub i64);

const UNITS: [(&str, i64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("u", 1_000),
    ("ns", 1),
];

impl Duration {
    /// Whole seconds.
    pub const fn from_secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// Whole milliseconds.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Seconds as a float.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// As the standard library's duration; negative counts as zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Go's spelling: `1m1s`, `25h1m0s`, `1.5s`, `0s`, `250ms`, `-90s` as `-1m30s`.
    pub fn to_go_string(self) -> String {
        let ns = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = |value: u64, scale: u64| -> String {
            let (whole, rest) = (value / scale, value % scale);
            if rest == 0 {
                return whole.to_string();
            }
            let width = scale.ilog10() as usize;
            let digits = format!("{rest:0width$}");
            format!("{whole}.{}", digits.trim_end_matches('0'))
        };
        match ns {
            0 => "0s".to_owned(),
            1..1_000 => format!("{sign}{ns}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", fraction(ns, 1_000)),
            1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(ns, 1_000_000)),
            _ => {
                let minutes = ns / 60_000_000_000;
                let seconds = fraction(ns % 60_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => format!("{sign}{seconds}s"),
                    (0, m) => format!("{sign}{m}m{seconds}s"),
                    (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
                }
            }
        }
    }

    /// Parses InfluxQL's form: one or more of digits and unit (`ns u µ ms s m h d w`), `1h30m`.
    pub fn parse_influx(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.is_empty() {
            return None;
        }
        let mut total = 0i64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let value: i64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let (unit, ns) = [("ns", 1), ("ms", 1_000_000), ("µ", 1_000), ("μ", 1_000)]
                .into_iter()
                .chain(UNITS)
                .find(|(unit, _)| rest.starts_with(unit))?;
            rest = &rest[unit.len()..];
            total = total.checked_add(value.checked_mul(ns)?)?;
        }
        Some(Self(if negative { -total } else { total }))
    }

    /// Parses Go's form: sign, then one or more of decimal number and unit (`ns us µs ms s m h`).
    pub fn parse_go(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total = 0f64;
        let mut exact = 0i64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let number = &rest[..end];
            rest = &rest[end..];
            let (unit, ns) = [
                ("ns", 1i64),
                ("us", 1_000),
                ("µs", 1_000),
                ("μs", 1_000),
                ("ms", 1_000_000),
                ("s", 1_000_000_000),
                ("m", 60_000_000_000),
                ("h", 3_600_000_000_000),
            ]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
            rest = &rest[unit.len()..];
            if let Ok(whole) = number.parse::<i64>() {
                exact = exact.checked_add(whole.checked_mul(ns)?)?;
            } else {
                total += number.parse::<f64>().ok()? * ns as f64;
            }
        }
        let ns = exact.checked_add(total.round() as i64)?;
        Some(Self(if negative { -ns } else { ns }))
    }
}

/// TICKscript's spelling: the largest unit that divides exactly: `90s`, `1m`, `1d`, `6u`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        for (unit, ns) in UNITS {
            if self.0 % ns == 0 {
                return write!(f, "{}{unit}", self.0 / ns);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_in_both_spellings() {
        for (ns, influx, go) in [
            (0, "0s", "0s"),
            (90_000_000_000, "90s", "1m30s"),
            (60_000_000_000, "1m", "1m0s"),
            (86_400_000_000_000, "1d", "24h0m0s"),
            (1_209_600_000_000_000, "2w", "336h0m0s"),
            (1_500_000_000, "1500ms", "1.5s"),
            (6_000, "6u", "6µs"),
            (-90_000_000_000, "-90s", "-1m30s"),
        ] {
            assert_eq!(Duration(ns).to_string(), influx);
            assert_eq!(Duration(ns).to_go_string(), go);
            assert_eq!(Duration::parse_influx(influx), Some(Duration(ns)));
            assert_eq!(Duration::parse_go(go), Some(Duration(ns)));
        }
        assert_eq!(Duration::parse_influx("1h30m"), Some(Duration(5_400_000_000_000)));
        assert_eq!(Duration::parse_influx("5y"), None);
        assert_eq!(Duration::parse_go("10"), None);
    }
}
