//! The network between members: latency, loss, duplicates, cuts. UDP and TCP are cut apart.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// Largest UDP packet that passes.
pub const MTU: usize = 1500;

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// One-way latency, least and most; the spread reorders packets.
    pub latency: (Duration, Duration),
    /// Share of UDP packets lost, 0 to 1.
    pub loss: f64,
    /// Share of UDP packets that arrive twice.
    pub duplicate: f64,
    /// Pairs (from, to) between which no UDP packet passes.
    pub udp_cut: BTreeSet<(usize, usize)>,
    /// Pairs (from, to) between which no TCP connection is made and no answer passes.
    pub tcp_cut: BTreeSet<(usize, usize)>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency: (Duration::from_micros(250), Duration::from_micros(750)),
            loss: 0.0,
            duplicate: 0.0,
            udp_cut: BTreeSet::new(),
            tcp_cut: BTreeSet::new(),
        }
    }
}

impl Network {
    /// A way's duration.
    pub(crate) fn delay(&self, rng: &mut StdRng) -> Duration {
        let (least, most) = self.latency;
        let spread = (most.saturating_sub(least).as_nanos() as u64).max(1);
        least + Duration::from_nanos(rng.next_u64() % spread)
    }

    /// How many copies of a UDP packet arrive.
    pub(crate) fn copies(&self, from: usize, to: usize, bytes: usize, rng: &mut StdRng) -> usize {
        if bytes > MTU || self.udp_cut.contains(&(from, to)) {
            return 0;
        }
        // Drawn in any case, so that a change of one share leaves the rest of a run alike.
        let (lost, twice) = (rng.random::<f64>(), rng.random::<f64>());
        if lost < self.loss {
            0
        } else if twice < self.duplicate {
            2
        } else {
            1
        }
    }

    /// Whether a TCP connection passes.
    pub(crate) fn connects(&self, from: usize, to: usize) -> bool {
        !self.tcp_cut.contains(&(from, to)) && !self.tcp_cut.contains(&(to, from))
    }

    /// Cuts everything between the two sides.
    pub fn partition(&mut self, one: &[usize], other: &[usize]) {
        for a in one {
            for b in other {
                for pair in [(*a, *b), (*b, *a)] {
                    self.udp_cut.insert(pair);
                    self.tcp_cut.insert(pair);
                }
            }
        }
    }

    /// Mends every cut.
    pub fn heal(&mut self) {
        self.udp_cut.clear();
        self.tcp_cut.clear();
    }
}
