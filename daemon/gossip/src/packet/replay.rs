//! The replay window: each counter is accepted once, in any order within the window.

const WORDS: u64 = 17;
/// Counters behind the highest that are still accepted.
pub(crate) const WINDOW: u64 = (WORDS - 1) * 64;

/// Which counters of one sender were seen; a ring of bits behind the highest.
#[derive(Clone, Debug, Default)]
pub struct Window {
    highest: u64,
    seen: [u64; WORDS as usize],
}

impl Window {
    /// True the first time a counter comes, false for a repeat or one that is too old. Counters
    /// start at 1.
    pub fn accept(&mut self, counter: u64) -> bool {
        if counter == 0 {
            return false;
        }
        if counter > self.highest {
            let (from, to) = (self.highest / 64, counter / 64);
            for word in (from + 1..=to).take(WORDS as usize) {
                self.seen[(word % WORDS) as usize] = 0;
            }
            // More than the ring was passed over: its words repeat, all are cleared above.
            self.highest = counter;
        } else if self.highest - counter >= WINDOW {
            return false;
        }
        let word = &mut self.seen[(counter / 64 % WORDS) as usize];
        let bit = 1 << (counter % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
