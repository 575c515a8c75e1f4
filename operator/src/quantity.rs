//! Amounts of storage as Kubernetes writes them: `8Gi`, `1.5G`, `1e9`. Compared by value: `1Gi` is `1024Mi`.

use std::cmp::Ordering;
use std::fmt;

/// An amount.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    text: String,
    thousandths: u128,
}

/// Suffixes and what they multiply thousandths by.
const SUFFIXES: [(&str, u128); 14] = [
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("", 1000),
];
/// Digits that are read: more than any volume needs, fewer than could overflow.
const DIGITS: usize = 15;

impl Quantity {
    /// Reads an amount; `None` if it is none, or one that no volume has.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || digits.len() > DIGITS {
            return None;
        }
        let digits: u128 = digits.parse().ok()?;
        let factor = match SUFFIXES.iter().find(|(name, _)| *name == suffix) {
            Some((_, factor)) => *factor,
            None => {
                let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
                if exponent > 18 {
                    return None;
                }
                1000 * 10_u128.pow(exponent)
            }
        };
        let parts = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        Some(Self { text: text.to_owned(), thousandths: digits * factor / parts })
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.thousandths == other.thousandths
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.thousandths.cmp(&other.thousandths)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn quantities_compare_by_value() {
        for (a, b) in [
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1G", "1000M"),
            ("1e9", "1G"),
            ("1500m", "1.5"),
            ("999999Pi", "999999Pi"),
        ] {
            assert_eq!(of(a), of(b), "{a} {b}");
        }
        for (small, big) in [("8G", "8Gi"), ("8Gi", "9Gi"), ("1023Mi", "1Gi"), ("1", "1k")] {
            assert!(of(small) < of(big), "{small} {big}");
        }
        for bad in ["", "Gi", "1X", "-1", ".5", "1e", "1e99", "1.2.3", "9999999999999999"] {
            assert_eq!(Quantity::parse(bad), None, "{bad}");
        }
        assert_eq!(of("8Gi").to_string(), "8Gi");
    }
}
