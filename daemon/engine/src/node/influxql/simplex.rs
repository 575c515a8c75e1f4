//! Minimises a function of several numbers with the downhill simplex method of Nelder and Mead.
//!
//! Step by step as InfluxDB 1.8 does it, so that forecasts agree to the last digits: the function may
//! move the corner it is asked about, and what it moved stays moved.

/// Rounds of the search.
const MAX_ROUNDS: usize = 1_000;

/// Corners and what the function says of them.
struct Simplex {
    corners: Vec<Vec<f64>>,
    values: Vec<f64>,
}

/// Searches from `start` until the values at the corners deviate by less than `epsilon`; gives the
/// smallest value found and where it is.
pub(super) fn minimise(
    start: &[f64],
    epsilon: f64,
    mut f: impl FnMut(&mut [f64]) -> f64,
) -> (f64, Vec<f64>) {
    let mut simplex = Simplex::around(start, &mut f);
    for _ in 0..MAX_ROUNDS {
        simplex.improve(&mut f);
        if simplex.deviation() < epsilon {
            break;
        }
    }
    let best = simplex.best();
    let corner = simplex.corners[best].clone();
    (f(&mut simplex.corners[best]), corner)
}

impl Simplex {
    /// A regular simplex with edges of length 1 and one corner at `start`.
    fn around(start: &[f64], f: &mut impl FnMut(&mut [f64]) -> f64) -> Self {
        let n = start.len() as f64;
        let near = ((n + 1.0).sqrt() - 1.0) / (n * 2f64.sqrt());
        let far = ((n + 1.0).sqrt() - 1.0 + n) / (n * 2f64.sqrt());
        let corner = |at: usize| -> Vec<f64> {
            let moved = |(i, x): (usize, &f64)| match at {
                0 => *x,
                at if at - 1 == i => far + x,
                _ => near + x,
            };
            start.iter().enumerate().map(moved).collect()
        };
        let mut corners: Vec<Vec<f64>> = (0..=start.len()).map(corner).collect();
        let values = corners.iter_mut().map(|c| f(c)).collect();
        Self { corners, values }
    }

    fn best(&self) -> usize {
        let values = &self.values;
        (0..values.len()).fold(0, |best, i| if values[i] < values[best] { i } else { best })
    }

    fn worst(&self) -> usize {
        let values = &self.values;
        (0..values.len()).fold(0, |worst, i| if values[i] > values[worst] { i } else { worst })
    }

    /// The worst but one.
    fn second(&self, best: usize, worst: usize) -> usize {
        let values = &self.values;
        (0..values.len()).fold(best, |second, i| {
            if values[i] > values[second] && values[i] < values[worst] { i } else { second }
        })
    }

    /// The centre of all corners but one.
    fn centre_without(&self, left_out: usize) -> Vec<f64> {
        let n = self.corners.len() - 1;
        let sum = |i: usize| {
            let others = self.corners.iter().enumerate().filter(|(at, _)| *at != left_out);
            others.fold(0.0, |sum, (_, corner)| sum + corner[i])
        };
        (0..n).map(|i| sum(i) / n as f64).collect()
    }

    /// One round: reflects the worst corner, goes further when that is the best so far, contracts
    /// when it is among the worst, shrinks when nothing helps.
    fn improve(&mut self, f: &mut impl FnMut(&mut [f64]) -> f64) {
        let (best, worst) = (self.best(), self.worst());
        let second = self.second(best, worst);
        let centre = self.centre_without(worst);
        let mut reflected = between(&centre, &self.corners[worst], -1.0);
        let value = f(&mut reflected);
        if value < self.values[second] && value >= self.values[best] {
            self.replace(worst, &reflected, value);
        }
        if value < self.values[best] {
            let mut further = between(&centre, &reflected, 2.0);
            let beyond = f(&mut further);
            if beyond < value {
                self.replace(worst, &further, beyond);
            } else {
                self.replace(worst, &reflected, value);
            }
        }
        if value >= self.values[second] {
            let towards =
                if value < self.values[worst] { &reflected } else { &self.corners[worst] };
            let mut inner = between(&centre, towards, 0.5);
            let inside = f(&mut inner);
            if inside < self.values[worst] {
                self.replace(worst, &inner, inside);
            } else {
                self.shrink(best);
                for at in [worst, second] {
                    self.values[at] = f(&mut self.corners[at]);
                }
            }
        }
    }

    fn replace(&mut self, at: usize, corner: &[f64], value: f64) {
        self.corners[at].copy_from_slice(corner);
        self.values[at] = value;
    }

    /// Halves all distances from one corner.
    fn shrink(&mut self, towards: usize) {
        let to = self.corners[towards].clone();
        for (_, corner) in self.corners.iter_mut().enumerate().filter(|(at, _)| *at != towards) {
            for (x, to) in corner.iter_mut().zip(&to) {
                *x = to + (*x - to) / 2.0;
            }
        }
    }

    fn deviation(&self) -> f64 {
        let mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
        let n = (self.values.len() - 1) as f64;
        let squares = self.values.iter().fold(0.0, |sum, v| sum + (v - mean) * (v - mean) / n);
        squares.sqrt()
    }
}

/// The point `share` of the way from `from` to `to`.
fn between(from: &[f64], to: &[f64], share: f64) -> Vec<f64> {
    from.iter().zip(to).map(|(from, to)| from + share * (to - from)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_finds_the_bottom_of_a_bowl() {
        let bowl = |x: &mut [f64]| (x[0] - 3.0).powi(2) + (x[1] + 1.0).powi(2) + 7.0;
        let (value, at) = super::minimise(&[0.0, 0.0], 1e-9, bowl);
        assert!((value - 7.0).abs() < 1e-6, "{value}");
        assert!((at[0] - 3.0).abs() < 1e-3 && (at[1] + 1.0).abs() < 1e-3, "{at:?}");
    }
}
