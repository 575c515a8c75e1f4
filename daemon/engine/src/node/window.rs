//! `window`: turns a stream into batches, by time or by count.
//!
//! By time, event time drives it: a point at or after the time of the next emission makes the window
//! emit, and belongs to the next one. At most one emission per point, so gaps make no empty windows.
//! With `every` 0 each point emits. In a cluster, windows without `align` are aligned all the same,
//! so that every member emits at the same times.
//!
//! A window is *cold* until it has emitted a batch whose whole period it has seen; what follows from
//! a cold batch is marked so (see [`Out::window`]).

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Batch, BatchPoint, Duration, Group, Point, Str, Time};
use tick::{ArgType, Signature};

use super::{Args, Define, Edge, Filling, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// Points one group's count window may hold.
const MAX_PERIOD_COUNT: i64 = 10_000_000;

/// `|window()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("window", &[]),
    label: "window",
    go_type: "WindowNode",
    place: Place::Anywhere,
    wants: Some(Edge::Stream),
    gives: Gives::Always(Edge::Batch),
    properties: &[
        &[
            Signature::field("period", ArgType::Duration),
            Signature::field("every", ArgType::Duration),
            Signature::field("periodCount", ArgType::Int),
            Signature::field("everyCount", ArgType::Int),
            Signature::method("align", &[]),
            Signature::method("fillPeriod", &[]),
        ],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(Window::default())),
};

#[derive(Clone, Debug, Default)]
struct Window {
    period: Duration,
    every: Duration,
    period_count: i64,
    every_count: i64,
    align: bool,
    fill: bool,
}

impl Define for Window {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "period" => self.period = args.duration(0),
            "every" => self.every = args.duration(0),
            "periodCount" => self.period_count = args.int(0),
            "everyCount" => self.every_count = args.int(0),
            "align" => self.align = true,
            _ => self.fill = true,
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        if self.period_count != 0 && self.period.0 != 0 {
            return Err("cannot specify both period and periodCount".to_owned());
        }
        if self.align && self.period_count != 0 {
            return Err("can only align windows based off time, not count".to_owned());
        }
        if self.period_count != 0 && self.every_count <= 0 {
            return Err("everyCount must be greater than zero".to_owned());
        }
        Ok(())
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        if self.period.0 != 0 {
            let align = self.align || (start.settings.align_windows && self.every.0 > 0);
            return Ok(Box::new(ByTime {
                period: self.period,
                every: self.every,
                align,
                fill: self.fill,
                groups: Groups::default(),
                origin: None,
                warm: None,
            }));
        }
        if self.period_count > MAX_PERIOD_COUNT {
            return Err(format!("periodCount must be at most {MAX_PERIOD_COUNT}"));
        }
        let (Ok(period), Ok(every)) =
            (usize::try_from(self.period_count), u64::try_from(self.every_count))
        else {
            return Err("periodCount must not be negative".to_owned());
        };
        if period == 0 {
            return Err("window node must have either a non zero period or non zero period count"
                .to_owned());
        }
        Ok(Box::new(ByCount {
            period,
            every,
            fill: self.fill,
            groups: Groups::default(),
            warm: None,
        }))
    }

    fn unaligned(&self) -> Option<Duration> {
        (self.period.0 != 0 && self.every.0 > 0 && !self.align).then_some(self.every)
    }

    fn counted(&self) -> bool {
        // One point a window is the same everywhere.
        self.period_count != 0 && self.every_count > 1
    }
}

/// A batch of the points in a buffer.
fn batch_of(name: &Str, group: &Group, tmax: Time, points: &VecDeque<Arc<Point>>) -> Batch {
    let points = points.iter().map(|p| BatchPoint {
        fields: p.fields.clone(),
        tags: p.tags.clone(),
        time: p.time,
    });
    Batch { name: name.clone(), group: group.clone(), tmax, points: points.collect() }
}

struct ByTime {
    period: Duration,
    every: Duration,
    align: bool,
    fill: bool,
    groups: Groups<Buffer>,
    /// Event time of the first point that counts for filling.
    origin: Option<Time>,
    /// Time of the first batch that was full.
    warm: Option<Time>,
}

struct Buffer {
    name: Str,
    next: Time,
    points: VecDeque<Arc<Point>>,
}

impl Buffer {
    /// Drops old points from the front, up to the first that is young enough.
    fn purge(&mut self, is_old: impl Fn(Time) -> bool) {
        while self.points.front().is_some_and(|p| is_old(p.time)) {
            self.points.pop_front();
        }
    }
}

impl ByTime {
    /// When a window that saw something at `time` emits next.
    fn after(&self, time: Time) -> Time {
        let next = time.plus(self.every);
        if self.align { next.truncate(self.every) } else { next }
    }

    /// When a group whose first message came at `time` emits first.
    fn first(&self, time: Time) -> Time {
        if self.every.0 <= 0 {
            return if self.fill { time.plus(self.period) } else { time };
        }
        if !self.fill {
            return self.after(time);
        }
        let full = time.plus(self.period);
        if self.align { full.truncate(self.every).plus(self.every) } else { full }
    }

    /// Handles what happens at `time` in a group, `point` if it is more than a barrier.
    fn advance(
        &mut self,
        group: &Group,
        time: Time,
        point: Option<&Arc<Point>>,
        out: &mut Out<'_, '_>,
    ) {
        if self.origin.is_none() && !out.is_cold() && point.is_some() {
            self.origin = Some(time);
        }
        let first = self.first(time);
        let name = || point.map_or_else(|| Str::from(""), |p| p.name.clone());
        let buffer = self.groups.entry(group, || Buffer {
            name: name(),
            next: first,
            points: VecDeque::new(),
        });
        if self.every.0 <= 0 {
            buffer.points.extend(point.cloned());
            if time < buffer.next {
                return;
            }
            let oldest = time.minus(self.period);
            buffer.purge(|t| t <= oldest);
            buffer.next = time;
            let batch = batch_of(&buffer.name, group, time, &buffer.points);
            return self.emit(&batch, out);
        }
        if time < buffer.next {
            buffer.points.extend(point.cloned());
            return;
        }
        let tmax = buffer.next;
        let oldest = tmax.minus(self.period);
        buffer.purge(|t| t < oldest);
        let batch = batch_of(&buffer.name, group, tmax, &buffer.points);
        let next = time.plus(self.every);
        buffer.next = if self.align { next.truncate(self.every) } else { next };
        buffer.points.extend(point.cloned());
        self.emit(&batch, out);
    }

    fn emit(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let start = batch.tmax.minus(self.period);
        let cold = self.warm.is_none() && self.origin.is_none_or(|origin| start < origin);
        if !cold && self.warm.is_none() {
            self.warm = Some(batch.tmax);
        }
        out.window(batch, cold);
    }
}

impl Run for ByTime {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        self.advance(&point.group, point.point.time, Some(&point.point), out);
    }

    fn batch(&mut self, _: &Batch, out: &mut Out<'_, '_>) {
        out.error("cannot window a batch");
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        self.advance(group, time, None, out);
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }

    fn filling(&self) -> Filling {
        self.warm.map_or(Filling::Cold, Filling::Since)
    }
}

struct ByCount {
    period: usize,
    every: u64,
    fill: bool,
    groups: Groups<Ring>,
    warm: Option<Time>,
}

struct Ring {
    name: Str,
    seen: u64,
    next: u64,
    points: VecDeque<Arc<Point>>,
}

impl Run for ByCount {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let next = if self.fill { self.period as u64 } else { self.every };
        let ring = self.groups.entry(&point.group, || Ring {
            name: point.point.name.clone(),
            seen: 0,
            next,
            points: VecDeque::new(),
        });
        if ring.points.len() == self.period {
            ring.points.pop_front();
        }
        ring.points.push_back(point.point.clone());
        ring.seen += 1;
        if ring.seen < ring.next {
            return;
        }
        ring.next += self.every;
        let cold = ring.points.len() < self.period;
        let tmax = point.point.time;
        let batch = batch_of(&ring.name, &point.group, tmax, &ring.points);
        if !cold && self.warm.is_none() && !out.is_cold() {
            self.warm = Some(tmax);
        }
        out.window(&batch, cold);
    }

    fn batch(&mut self, _: &Batch, out: &mut Out<'_, '_>) {
        out.error("cannot window a batch");
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }

    fn filling(&self) -> Filling {
        self.warm.map_or(Filling::Cold, Filling::Since)
    }
}
