//! `combine`: makes points of the combinations of points of a group that share a time.
//!
//! Of each combination, every lambda in order takes the first remaining point it is true for; when
//! all got one, a point of all their fields leaves. A point at another (rounded) time, or the end of
//! a batch, lets the combinations go. An error of a lambda is counted and no match.

use model::{Batch, BatchPoint, Duration, Fields, Group, Point, Str, Tags, Time};
use tick::{ArgType, Lambda, Signature};

use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start, prefixes};
use crate::graph::{Grouped, Message, Out};
use crate::group::Groups;
use crate::lambda::{Condition, State};

/// `|combine(lambda, …)`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("combine", &[], ArgType::Lambda),
    label: "combine",
    go_type: "CombineNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Always(Edge::Stream),
    properties: &[
        &[
            Signature::variadic("as", &[], ArgType::String),
            Signature::field("delimiter", ArgType::String),
            Signature::field("tolerance", ArgType::Duration),
            Signature::field("max", ArgType::Int),
        ],
        QUIET,
    ],
    define: |args, _| {
        Ok(Box::new(Combine {
            lambdas: args.lambdas(),
            names: Vec::new(),
            delimiter: ".".into(),
            tolerance: Duration::default(),
            max: 1_000_000,
        }))
    },
};

#[derive(Clone, Debug)]
struct Combine {
    lambdas: Vec<Lambda>,
    names: Vec<Str>,
    delimiter: Str,
    tolerance: Duration,
    /// Combinations one time may have.
    max: i64,
}

impl Define for Combine {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "as" => self.names = args.strs(0),
            "delimiter" => self.delimiter = args.str(0),
            "tolerance" => self.tolerance = args.duration(0),
            _ => self.max = args.int(0),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        prefixes::check("combine", &self.names, self.lambdas.len(), &self.delimiter)
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let compile = |(i, lambda)| {
            Condition::compile(lambda, start.settings)
                .map_err(|e| format!("Failed to compile {i} expression: {e}"))
        };
        let conditions = self.lambdas.iter().enumerate().map(compile).collect::<Result<_, _>>()?;
        let prefixes = self.names.iter().map(|name| format!("{name}{}", self.delimiter)).collect();
        let max = u128::try_from(self.max).unwrap_or(0);
        let rule = Rule { conditions, prefixes, tolerance: self.tolerance, max };
        Ok(Box::new(Combiner { rule, nothing: "".into(), groups: Groups::default() }))
    }
}

struct Rule {
    conditions: Vec<Condition>,
    prefixes: Vec<String>,
    tolerance: Duration,
    max: u128,
}

/// Points of one time.
struct Moment {
    /// The first point without fields: name and origin of what is made.
    frame: Point,
    points: Vec<BatchPoint>,
    /// Points beyond what may be combined are only counted.
    count: usize,
    states: Vec<State>,
    cold: bool,
}

/// How many combinations of `k` there are of `n`.
fn combinations(n: usize, k: usize) -> u128 {
    if k > n {
        return 0;
    }
    (0..k as u128).fold(1u128, |product, i| product.saturating_mul(n as u128 - i) / (i + 1))
}

impl Rule {
    fn moment(&self, frame: Point, cold: bool) -> Moment {
        let states = vec![State::default(); self.conditions.len()];
        Moment { frame, points: Vec::new(), count: 0, states, cold }
    }

    fn collect(&self, moment: &mut Moment, point: BatchPoint) {
        moment.count += 1;
        if combinations(moment.count, self.conditions.len()) <= self.max {
            moment.points.push(point);
        }
    }

    /// Sends the combinations of a time and forgets its points.
    fn combine(&self, moment: &mut Moment, group: &Group, out: &mut Out<'_, '_>) {
        let points = std::mem::take(&mut moment.points);
        let count = std::mem::take(&mut moment.count);
        let total = combinations(count, self.conditions.len());
        if total > self.max {
            let max = self.max;
            return out.error(format_args!(
                "refusing to perform combination as total combinations {total} exceeds max combinations {max}"
            ));
        }
        let mut matches = Vec::with_capacity(self.conditions.len());
        for (condition, state) in self.conditions.iter().zip(&mut moment.states) {
            let mut matching = Vec::with_capacity(points.len());
            for point in &points {
                matching.push(condition.judge(point, out.now(), state).unwrap_or_else(|error| {
                    out.error(format_args!("error while evaluating expression: {error}"));
                    false
                }));
            }
            matches.push(matching);
        }
        if total == 0 {
            return;
        }
        let mut chosen: Vec<usize> = (0..self.conditions.len()).collect();
        loop {
            if let Some(parts) = assign(&chosen, &matches) {
                let point = self.woven(&moment.frame, &parts, &points, group);
                let point = Grouped { point: point.into(), group: group.clone() };
                out.held(&Message::Point(point), moment.cold);
            }
            if !advance(&mut chosen, points.len()) {
                return;
            }
        }
    }

    /// The point of a combination: `parts` are the points the lambdas took.
    fn woven(&self, frame: &Point, parts: &[usize], points: &[BatchPoint], group: &Group) -> Point {
        let dimensions = &group.dimensions().tags;
        let mut fields = Vec::new();
        let mut tags: Vec<(Str, Str)> = group.tags().iter().cloned().collect();
        for (prefix, part) in self.prefixes.iter().zip(parts) {
            let point = &points[*part];
            let named = |name: &Str| Str::from(format!("{prefix}{name}"));
            fields.extend(point.fields.iter().map(|(name, value)| (named(name), value.clone())));
            let own = point.tags.iter().filter(|(name, _)| !dimensions.contains(name));
            tags.extend(own.map(|(name, text)| (named(name), text.clone())));
        }
        let (fields, tags) = (Fields::from_unsorted(fields), Tags::from_unsorted(tags));
        Point { fields, tags, ..frame.clone() }
    }
}

/// Which of the chosen points each lambda takes; `None` when one gets none.
fn assign(chosen: &[usize], matches: &[Vec<bool>]) -> Option<Vec<usize>> {
    let mut left = chosen.to_vec();
    let take = |matching: &Vec<bool>| {
        let at = left.iter().position(|point| matching[*point])?;
        Some(left.remove(at))
    };
    matches.iter().map(take).collect()
}

/// The next combination in order of indices; false after the last.
fn advance(chosen: &mut [usize], n: usize) -> bool {
    let k = chosen.len();
    let Some(at) = (0..k).rev().find(|i| chosen[*i] < n - k + i) else { return false };
    let first = chosen[at] + 1;
    for (place, value) in chosen[at..].iter_mut().zip(first..) {
        *place = value;
    }
    true
}

struct Combiner {
    rule: Rule,
    nothing: Str,
    groups: Groups<Moment>,
}

impl Run for Combiner {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let Point { name, time, fields, tags, .. } = &*point.point;
        let rounded = time.round(self.rule.tolerance);
        let cold = out.is_cold();
        let frame = |name: Str| Point {
            name,
            fields: Fields::empty(),
            tags: Tags::empty(),
            time: rounded,
            ..(*point.point).clone()
        };
        let moment =
            self.groups.entry(&point.group, || self.rule.moment(frame(name.clone()), cold));
        if moment.frame.time != rounded {
            self.rule.combine(moment, &point.group, out);
            moment.frame = frame(moment.frame.name.clone());
            moment.cold = cold;
        }
        let point = BatchPoint { fields: fields.clone(), tags: tags.clone(), time: *time };
        self.rule.collect(moment, point);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let frame = |time: Time| Point {
            database: self.nothing.clone(),
            retention_policy: self.nothing.clone(),
            name: batch.name.clone(),
            tags: Tags::empty(),
            fields: Fields::empty(),
            time,
        };
        let mut moment = self.rule.moment(frame(batch.tmax), out.is_cold());
        for point in &*batch.points {
            let time = point.time.round(self.rule.tolerance);
            if moment.frame.time != time {
                self.rule.combine(&mut moment, &batch.group, out);
                moment.frame.time = time;
            }
            self.rule.collect(&mut moment, point.clone());
        }
        self.rule.combine(&mut moment, &batch.group, out);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_come_in_order_of_indices() {
        let mut chosen = vec![0, 1];
        let mut all = vec![chosen.clone()];
        while advance(&mut chosen, 4) {
            all.push(chosen.clone());
        }
        assert_eq!(all, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(combinations(4, 2), 6);
        assert_eq!(combinations(1, 2), 0);
        assert!(combinations(1_000_000, 60) > u128::from(u64::MAX));
    }

    #[test]
    fn each_lambda_takes_the_first_point_left_that_matches() {
        let matches = vec![vec![true, true, false], vec![true, false, true]];
        assert_eq!(assign(&[0, 1], &matches), None);
        assert_eq!(assign(&[0, 2], &matches), Some(vec![0, 2]));
        assert_eq!(assign(&[1, 2], &matches), Some(vec![1, 2]));
    }
}
