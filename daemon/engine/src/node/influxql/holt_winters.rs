//! `holtWinters` and `holtWintersWithFit`: the damped forecast of Holt and Winters, with or without
//! seasons.
//!
//! Points are put on a grid of the interval (the first of a place counts, empty places are skipped).
//! The factors for level, trend, season and damping, and the start values, are fitted to the least
//! squared error from sixteen first guesses. Nothing is given for fewer than two points or for less
//! than one season. Numbers follow InfluxDB 1.8, see `simplex.rs`.

use model::{Duration, Kind as ValueKind, Time, Value};
use tick::{ArgType, Signature};

use super::{
    Args, Define, Definer, Edge, Function, Gives, Kind, Numbers, Outcome, Picked, Reduce, Sample,
    simplex,
};

/// Points a forecast may have, and places the points may take on the grid.
const MAX_POINTS: usize = 100_000;

/// Points a season may have; the work grows with its square.
const MAX_SEASON: usize = 1_000;

/// The search for factors ends when the errors deviate by less.
const EPSILON: f64 = 1e-4;

/// First guesses of each factor.
const GUESSES: [f64; 2] = [0.3, 0.3 + 0.4];

/// `|holtWinters('f', 10, 4, 1m)`
pub(crate) static KIND: Kind = kind("holtWinters", |args, _| define(&PLAIN, args));

/// `|holtWintersWithFit('f', 10, 4, 1m)`; in all but the call it goes by the other's name.
pub(crate) static WITH_FIT: Kind =
    Kind { label: "holtWinters", ..kind("holtWintersWithFit", |args, _| define(&FIT, args)) };

static PLAIN: Function = Function {
    name: "holtWinters",
    reducer: |kind, numbers| reducer(kind, numbers, false),
    empty: None,
};

static FIT: Function = Function {
    name: "holtWinters",
    reducer: |kind, numbers| reducer(kind, numbers, true),
    empty: None,
};

const fn kind(name: &'static str, define: Definer) -> Kind {
    const ARGS: &[ArgType] = &[ArgType::String, ArgType::Int, ArgType::Int, ArgType::Duration];
    super::kind_of(Signature::method(name, ARGS), Gives::Always(Edge::Batch), define)
}

fn define(function: &'static Function, args: &Args<'_>) -> Result<Box<dyn Define>, String> {
    let name = function.name;
    let count = usize::try_from(args.int(1).max(0)).unwrap_or(usize::MAX);
    let season = usize::try_from(args.int(2).max(0)).unwrap_or(usize::MAX);
    let unit = args.duration(3);
    if count > MAX_POINTS || season > MAX_SEASON {
        return Err(format!(
            "{name} forecasts at most {MAX_POINTS} points, with seasons of at most {MAX_SEASON}"
        ));
    }
    if unit.0 <= 0 {
        return Err(format!("{name} must have a positive interval"));
    }
    Ok(super::define_with(function, args.str(0), Numbers { count, season, unit, percent: 0.0 }))
}

fn reducer(kind: ValueKind, numbers: &Numbers, fit: bool) -> Option<Box<dyn Reduce>> {
    match kind {
        ValueKind::Float | ValueKind::Int => Some(Box::new(Forecaster {
            horizon: numbers.count,
            season: if numbers.season < 2 { 0 } else { numbers.season },
            interval: numbers.unit,
            fit,
            points: Vec::new(),
        })),
        _ => None,
    }
}

struct Forecaster {
    horizon: usize,
    /// Points of a season; 0 without seasons.
    season: usize,
    interval: Duration,
    /// Whether the fitted values are given too.
    fit: bool,
    points: Vec<(Time, f64)>,
}

impl Reduce for Forecaster {
    fn take(&mut self, sample: Sample<'_>) {
        self.points.extend(sample.value.as_float().map(|value| (sample.time, value)));
    }

    fn result(&self) -> Option<Outcome> {
        let (first, last) = (self.points.first()?.0, self.points.last()?.0);
        if self.points.len() < self.season || self.horizon == 0 {
            return None;
        }
        let series = self.on_grid()?;
        if series.len() < self.season.max(2) {
            return None;
        }
        let model = Model { series: &series, season: self.season };
        let forecast = model.forecast(&mut model.fit(), self.horizon);
        let (skipped, from) =
            if self.fit { (0, first) } else { (series.len(), last.plus(self.interval)) };
        let step = self.interval.0;
        let time = |i: usize| from.plus(Duration(step.saturating_mul(i as i64)));
        let picked = |(i, value): (usize, &f64)| Picked {
            value: Value::Float(*value),
            time: time(i),
            tags: None,
        };
        let values = forecast[skipped..].iter().enumerate();
        let points = values.filter(|(_, value)| !value.is_nan()).map(picked).collect();
        Some(Outcome::Many { points, own_times: true })
    }
}

impl Forecaster {
    /// The number of the place of `time` on the grid, halves down.
    fn place(&self, time: Time) -> i64 {
        let (interval, half) = (self.interval.0, self.interval.0 / 2);
        time.0 / interval + i64::from(time.0 % interval > half)
    }

    /// The values by place, NaN where there is none; `None` when all are in one place, or too far
    /// apart.
    fn on_grid(&self) -> Option<Vec<f64>> {
        let ((first, value), rest) = self.points.split_first()?;
        let start = self.place(*first);
        let mut series = vec![*value];
        if self.place(rest.last()?.0) <= start {
            return None;
        }
        for (time, value) in rest {
            let place = usize::try_from(self.place(*time).saturating_sub(start)).unwrap_or(0);
            if place < series.len() {
                continue;
            }
            if place >= MAX_POINTS {
                return None;
            }
            series.resize(place, f64::NAN);
            series.push(*value);
        }
        Some(series)
    }
}

/// Where in the parameters the start values of the seasons begin; before them stand the factors of
/// level, trend, season and damping, the first level and the first trend.
const SEASONS: usize = 6;

struct Model<'a> {
    series: &'a [f64],
    season: usize,
}

impl Model<'_> {
    /// First guess of level, trend and seasons; the factors are left 0.
    fn guess(&self) -> Vec<f64> {
        let (y, m) = (self.series, self.season);
        let mut parameters = vec![0.0; SEASONS + m];
        let known = |x: f64| if x.is_nan() { 0.0 } else { x };
        if m == 0 {
            parameters[4] = 0.5 * y[0];
            parameters[5] = known(0.5 * (y[1] - y[0]));
            return parameters;
        }
        let level = y[..m].iter().fold(0.0, |sum, x| sum + known((1.0 / m as f64) * x));
        let pairs = y.iter().zip(&y[m..]).take(m);
        let share = 1.0 / (m * m) as f64;
        parameters[4] = level;
        parameters[5] = pairs.fold(0.0, |sum, (now, later)| sum + known(share * (later - now)));
        for (start, x) in parameters[SEASONS..].iter_mut().zip(y) {
            *start = if x.is_nan() { 0.0 } else { x / level };
        }
        parameters
    }

    /// The parameters with the least squared error.
    fn fit(&self) -> Vec<f64> {
        let mut start = self.guess();
        let mut best: Option<(f64, Vec<f64>)> = None;
        for guess in 0..16 {
            for (i, factor) in start[..4].iter_mut().enumerate() {
                *factor = GUESSES[(guess >> (3 - i)) & 1];
            }
            let (error, found) = simplex::minimise(&start, EPSILON, |p| self.error(p));
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, found));
            }
        }
        best.map_or(start, |(_, found)| found)
    }

    /// The squared error of the fitted values.
    fn error(&self, parameters: &mut [f64]) -> f64 {
        let fitted = self.forecast(parameters, 0);
        let known = self.series.iter().zip(&fitted).filter(|(y, _)| !y.is_nan());
        let mut sum = 0.0;
        for (y, fitted) in known {
            if fitted.is_nan() {
                return f64::INFINITY;
            }
            sum += (fitted - y) * (fitted - y);
        }
        sum
    }

    /// The fitted values and `horizon` more. Clamps the factors, and leaves the seasons as they
    /// ended: the search goes on with both.
    fn forecast(&self, parameters: &mut [f64], horizon: usize) -> Vec<f64> {
        for factor in &mut parameters[..4] {
            *factor = factor.clamp(0.0, 1.0);
        }
        let (head, seasons) = parameters.split_at_mut(SEASONS);
        let [alpha, beta, gamma, phi, mut level, mut trend] = *head else { return Vec::new() };
        let m = seasons.len();
        let mut damping = phi;
        let mut y = self.series[0];
        let mut values = Vec::with_capacity(self.series.len() + horizon);
        values.push(y);
        for t in 1..self.series.len() + horizon {
            // The ring of seasons turns by one place beside the clock: its place for t is 2t-2.
            let (season, ahead) = if m == 0 {
                (1.0, 1.0)
            } else {
                (seasons[(2 * t - 2) % m], seasons[(2 * t - 2 + t % m) % m])
            };
            let expected = level + phi * trend;
            let new_level = alpha * (y / season) + (1.0 - alpha) * expected;
            let new_trend = beta * (new_level - level) + (1.0 - beta) * phi * trend;
            let new_season = gamma * (y / expected) + (1.0 - gamma) * season;
            y = (new_level + damping * new_trend) * ahead;
            (level, trend) = (new_level, new_trend);
            damping += power(phi, t);
            if m > 0 {
                seasons[(2 * t - 2) % m] = new_season;
            }
            values.push(y);
        }
        values
    }
}

/// `x` to the power of `n`, lowest bits first.
fn power(mut x: f64, mut n: usize) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= x;
        }
        x *= x;
        n >>= 1;
    }
    result
}
