//! Pauses between attempts: exponential with jitter from a seed.

use std::time::Duration;

use super::DeliveryLimits;

/// A source of pauses. Equal seeds give equal pauses.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The pause after attempt number `attempt` (1, 2, …): doubled each time up to the limit, then
    /// shortened by up to a half.
    pub(super) fn pause(&mut self, attempt: u32, limits: &DeliveryLimits) -> Duration {
        let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = limits.pause_min.saturating_mul(doubled).min(limits.pause_max);
        let half = full / 2;
        half + Duration::from_nanos(self.next() % (half.as_nanos() as u64).max(1))
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_keep_at_least_half() {
        let limits = DeliveryLimits::default();
        let mut backoff = Backoff::new(7);
        for (attempt, full) in [(1, 500), (2, 1000), (5, 8000), (8, 60_000), (40, 60_000)] {
            let pause = backoff.pause(attempt, &limits).as_millis();
            assert!((full / 2..=full).contains(&pause), "{attempt}: {pause}");
        }
        assert_eq!(Backoff::new(3).pause(4, &limits), Backoff::new(3).pause(4, &limits));
    }
}
