//! memberlist's formulas (gossip.md 1.2) over the number of members.

use std::time::Duration;

/// memberlist's `RetransmitMult` of the LAN profile.
const RETRANSMIT_MULT: u32 = 4;
/// memberlist's `SuspicionMult` of the LAN profile.
const SUSPICION_MULT: f64 = 4.0;
/// Above this many members push/pulls become rarer.
const PUSH_PULL_SCALE: u32 = 32;

/// How often one update is sent: 4 × ceil(log10(N + 1)).
pub fn retransmits(members: usize) -> u8 {
    // Digits of N: ceil(log10(N + 1)) in integers, free of rounding.
    let digits = members.max(1).ilog10() + 1;
    u8::try_from(RETRANSMIT_MULT * digits).unwrap_or(u8::MAX)
}

/// How long a suspect has to refute: 4 × max(1, log10 N) × probe interval.
pub fn suspicion_minimum(members: usize, probe_interval: Duration) -> Duration {
    let nodes = (members.max(1) as f64).log10().max(1.0);
    // Rounded to milliseconds so that platforms with other last bits agree.
    let millis = (SUSPICION_MULT * nodes * probe_interval.as_secs_f64() * 1000.0).round();
    Duration::from_millis(millis as u64)
}

/// Time between push/pulls: interval × (ceil(log2 N − log2 32) + 1) above 32 members.
pub fn push_pull_period(members: usize, interval: Duration) -> Duration {
    let members = u32::try_from(members).unwrap_or(u32::MAX);
    if members <= PUSH_PULL_SCALE {
        return interval;
    }
    let doublings = members.div_ceil(PUSH_PULL_SCALE).next_power_of_two().ilog2();
    interval * (doublings + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retransmits_follow_memberlists_table() {
        for (members, times) in
            [(1, 4), (3, 4), (9, 4), (10, 8), (32, 8), (99, 8), (100, 12), (1000, 16)]
        {
            assert_eq!(retransmits(members), times, "{members} members");
        }
    }

    #[test]
    fn suspicion_grows_with_the_logarithm_of_the_members() {
        for (members, seconds) in [(0, 4), (2, 4), (10, 4), (100, 8), (1000, 12)] {
            assert_eq!(
                suspicion_minimum(members, Duration::from_secs(1)),
                Duration::from_secs(seconds),
                "{members} members"
            );
        }
    }

    #[test]
    fn push_pulls_become_rarer_above_32_members() {
        for (members, seconds) in
            [(2, 30), (32, 30), (33, 60), (64, 60), (65, 90), (100, 90), (128, 90), (1000, 180)]
        {
            assert_eq!(
                push_pull_period(members, Duration::from_secs(30)),
                Duration::from_secs(seconds),
                "{members} members"
            );
        }
    }
}
