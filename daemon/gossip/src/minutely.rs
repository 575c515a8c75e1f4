//! Telling a thing at most once a minute, so that nobody outside can fill a log.

use std::collections::BTreeMap;
use std::time::Duration;

/// The minute.
const PERIOD: Duration = Duration::from_mins(1);

/// What was told when. As many as there are kinds: a kind is a word of the program, never of a peer.
#[derive(Clone, Debug)]
pub struct Minutely<K> {
    told: BTreeMap<K, Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Duration,
    since: u64,
}

impl<K: Ord> Minutely<K> {
    /// Nothing was told yet.
    pub const fn new() -> Self {
        Self { told: BTreeMap::new() }
    }

    /// It happened again. When it is to be told now: how often it happened since it was last told, this
    /// time included.
    pub fn note(&mut self, now: Duration, kind: K) -> Option<u64> {
        match self.told.get_mut(&kind) {
            None => {
                self.told.insert(kind, Told { at: now, since: 0 });
                Some(1)
            }
            Some(told) => {
                told.since += 1;
                if now.saturating_sub(told.at) < PERIOD {
                    return None;
                }
                told.at = now;
                Some(std::mem::take(&mut told.since))
            }
        }
    }
}

impl<K: Ord> Default for Minutely<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_at_once_and_then_once_a_minute_with_its_count() {
        let mut minutely = Minutely::new();
        let mut told = Vec::new();
        for second in 0..=120 {
            for kind in ["key", "replay"] {
                if kind == "key" || second % 50 == 0 {
                    let count = minutely.note(Duration::from_secs(second), kind);
                    told.extend(count.map(|count| (second, kind, count)));
                }
            }
        }
        assert_eq!(
            told,
            [
                (0, "key", 1),
                (0, "replay", 1),
                (60, "key", 60),
                (100, "replay", 2),
                (120, "key", 60)
            ]
        );
    }
}
