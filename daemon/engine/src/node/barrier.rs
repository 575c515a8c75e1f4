//! `barrier`: tells, by the wall clock, that nothing older follows; windows and joins then go on
//! without data.
//!
//! `idle`: when a group has brought nothing for that long, the barrier stands as long after its last
//! point; and again, as long as nothing comes. `period`: a barrier at the current time, each period.
//! What is older than the last barrier of its group is dropped. With `delete(TRUE)` the group is
//! forgotten after each barrier.

use std::collections::BTreeMap;

use model::{Batch, Duration, Group, Time};
use tick::{ArgType, Signature, Value};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::graph::{Grouped, Out};
use crate::group::Groups;

/// The shortest wait between two barriers of a group.
const SHORTEST: Duration = Duration::from_millis(1);

/// `|barrier()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("barrier", &[]),
    label: "barrier",
    go_type: "BarrierNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::field("idle", ArgType::Duration),
            Signature::field("period", ArgType::Duration),
            Signature::field("delete", ArgType::Bool),
        ],
        QUIET,
    ],
    define: |_, _| Ok(Box::new(Barrier::default())),
};

#[derive(Clone, Copy, Debug, Default)]
struct Barrier {
    idle: Duration,
    period: Duration,
    delete: bool,
}

impl Define for Barrier {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "idle" => self.idle = args.duration(0),
            "period" => self.period = args.duration(0),
            _ => self.delete = matches!(args.all(), [Value::Bool(true)]),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        if self.idle.0 != 0 && self.period.0 != 0 {
            return Err("cannot specify both idle and period".to_owned());
        }
        if self.idle.0 <= 0 && self.period.0 <= 0 {
            return Err("idle must be greater than zero".to_owned());
        }
        Ok(())
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(Warden { rule: *self, groups: Groups::default(), queue: BTreeMap::new() }))
    }
}

/// What is known of a group.
struct Watch {
    /// Wall clock: when its next barrier is due.
    due: Time,
    /// Event time of the last message, or of the last barrier after it.
    last: Time,
    /// Nothing older passes.
    barrier: Option<Time>,
}

struct Warden {
    rule: Barrier,
    groups: Groups<Watch>,
    /// Wall-clock times at which to look at groups: each watched group stands here once, at or before
    /// its `due`.
    queue: BTreeMap<Time, Vec<Group>>,
}

impl Barrier {
    /// The wait until the next barrier.
    fn wait(&self) -> Duration {
        let wait = if self.period.0 > 0 { self.period } else { self.idle };
        wait.max(SHORTEST)
    }
}

impl Warden {
    /// Takes note of a message at event time `time`; false when it comes too late to pass.
    fn passes(&mut self, group: &Group, time: Time, now: Time) -> bool {
        let Self { rule, groups, queue } = self;
        let due = now.plus(rule.wait());
        let watch = groups.entry(group, || {
            queue.entry(due).or_default().push(group.clone());
            Watch { due, last: now, barrier: None }
        });
        if watch.barrier.is_some_and(|barrier| time < barrier) {
            return false;
        }
        watch.last = time;
        if rule.period.0 <= 0 {
            watch.due = due;
        }
        true
    }
}

impl Run for Warden {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        if self.passes(&point.group, point.point.time, out.now()) {
            out.point(point);
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let barrier = self.groups.get_mut(&batch.group).and_then(|watch| watch.barrier);
        if !self.passes(&batch.group, batch.tmax, out.now()) {
            return;
        }
        let is_young = |time: Time| barrier.is_none_or(|barrier| time >= barrier);
        if batch.points.iter().all(|p| is_young(p.time)) {
            return out.batch(batch);
        }
        let points = batch.points.iter().filter(|p| is_young(p.time)).cloned().collect();
        out.batch(&Batch { points, ..batch.clone() });
    }

    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        if self.passes(group, time, out.now()) {
            out.barrier(group, time);
        }
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn wakes_at(&self) -> Option<Time> {
        self.queue.first_key_value().map(|(time, _)| *time)
    }

    fn wake(&mut self, out: &mut Out<'_, '_>) {
        let now = out.now();
        let later = self.queue.split_off(&Time(now.0.saturating_add(1)));
        for group in std::mem::replace(&mut self.queue, later).into_values().flatten() {
            let Some(watch) = self.groups.get_mut(&group) else { continue };
            if watch.due <= now {
                let is_periodic = self.rule.period.0 > 0;
                let time = if is_periodic { now } else { watch.last.plus(self.rule.idle) };
                watch.last = time;
                watch.barrier = Some(time);
                watch.due = now.plus(self.rule.wait());
                let due = watch.due;
                out.barrier(&group, time);
                if self.rule.delete {
                    self.groups.remove(&group);
                    out.delete_group(&group);
                } else {
                    self.queue.entry(due).or_default().push(group);
                }
            } else {
                self.queue.entry(watch.due).or_default().push(group);
            }
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }
}
