//! Counts how often one source raised the same event, so that what a single Kapacitor sends twice
//! is sent twice by a cluster too.

use model::{Str, Time};
use rustc_hash::FxHashMap;

use crate::Level;

/// How many different events are remembered; older ones start at 0 again.
const REMEMBERED: usize = 4096;

/// The counts of one source (an alert node, an aggregate).
#[derive(Debug, Default)]
pub struct Occurrences {
    recent: FxHashMap<(Str, Time, Level), u32>,
    older: FxHashMap<(Str, Time, Level), u32>,
}

impl Occurrences {
    /// The number of this occurrence: 0 for the first event of that id, time and level, then 1, ….
    pub fn next(&mut self, id: &Str, time: Time, level: Level) -> u32 {
        if self.recent.len() >= REMEMBERED / 2 {
            self.older = std::mem::take(&mut self.recent);
        }
        let key = (id.clone(), time, level);
        let before = self.recent.get(&key).or_else(|| self.older.get(&key)).copied();
        let number = before.map_or(0, |n| n.wrapping_add(1));
        self.recent.insert(key, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_memory_is_bounded() {
        let mut counts = Occurrences::default();
        let id: Str = "a".into();
        assert_eq!(counts.next(&id, Time(1), Level::Ok), 0);
        assert_eq!(counts.next(&id, Time(1), Level::Ok), 1);
        assert_eq!(counts.next(&id, Time(1), Level::Info), 0);
        assert_eq!(counts.next(&id, Time(2), Level::Ok), 0);
        for n in 0..10_000 {
            counts.next(&id, Time(100 + n), Level::Ok);
        }
        assert_eq!(counts.next(&id, Time(1), Level::Ok), 0);
        assert!(counts.recent.len() + counts.older.len() <= REMEMBERED);
    }
}
