//! What is due when, in the order (due, kind, arrival).

use std::collections::BTreeMap;
use std::time::Duration;

use foca::Timer;
use model::MemberId;

use crate::identity::Identity;

/// One thing to do at a time.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Detector(Timer<Identity>),
    Reconnect,
    PushPull,
    Housekeeping,
}

impl Task {
    /// Order among tasks due at the same time: a probe's second step before the next probe.
    fn kind(&self) -> u8 {
        match self {
            Self::Detector(Timer::SendIndirectProbe { .. }) => 0,
            Self::Detector(Timer::ProbeRandomMember(_)) => 1,
            Self::Detector(Timer::ChangeSuspectToDown { .. }) => 2,
            Self::Detector(Timer::PeriodicAnnounce(_)) => 3,
            Self::Detector(Timer::PeriodicGossip(_)) => 4,
            Self::Detector(Timer::RemoveDown(_)) => 5,
            Self::Detector(Timer::PeriodicAnnounceDown(_)) => 6,
            Self::Reconnect => 7,
            Self::PushPull => 8,
            Self::Housekeeping => 9,
        }
    }
}

type Due = (Duration, u8, u64);

/// The heap. Bounded: the detector has one timer of each periodic kind, one `RemoveDown` per member
/// (older ones of the member are replaced) and at most one suspicion per probe period.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<Due, Task>,
    arrivals: u64,
    removals: BTreeMap<MemberId, Due>,
}

impl Timers {
    pub(crate) fn submit(&mut self, at: Duration, task: Task) {
        self.arrivals += 1;
        let key = (at, task.kind(), self.arrivals);
        if let Task::Detector(Timer::RemoveDown(identity)) = &task
            && let Some(older) = self.removals.insert(identity.id, key)
        {
            self.due.remove(&older);
        }
        self.due.insert(key, task);
    }

    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, ..), _)| *at)
    }

    /// The first task that is due.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Task> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let (key, task) = entry.remove_entry();
        if let Task::Detector(Timer::RemoveDown(identity)) = &task
            && self.removals.get(&identity.id) == Some(&key)
        {
            self.removals.remove(&identity.id);
        }
        Some(task)
    }

    /// The driver's own periodic tasks run (each submits itself again).
    pub(crate) fn has_driver_tasks(&self) -> bool {
        self.due.values().any(|task| !matches!(task, Task::Detector(_)))
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
        self.removals.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use model::BootGeneration;
    use uuid::Uuid;

    use super::*;

    fn identity(id: u128, renewals: u32) -> Identity {
        let id = MemberId::from_uuid(Uuid::from_u128(id));
        Identity { id, boot: BootGeneration(1), renewals }
    }

    #[test]
    fn timers_run_by_due_time_then_kind_then_arrival() {
        let mut timers = Timers::default();
        let second = Duration::from_secs(1);
        timers.submit(second, Task::Housekeeping);
        timers.submit(second, Task::Detector(Timer::ProbeRandomMember(1)));
        timers.submit(second, Task::Detector(Timer::ProbeRandomMember(2)));
        let probed_id = identity(1, 0);
        timers.submit(second, Task::Detector(Timer::SendIndirectProbe { probed_id, token: 0 }));
        timers.submit(second / 2, Task::PushPull);
        assert_eq!(timers.next_due(), Some(second / 2));
        assert!(timers.pop(second / 4).is_none());
        let mut order = Vec::new();
        while let Some(task) = timers.pop(second) {
            order.push(match task {
                Task::Detector(Timer::ProbeRandomMember(token)) => format!("probe {token}"),
                other => format!("kind {}", other.kind()),
            });
        }
        assert_eq!(order, ["kind 8", "kind 0", "probe 1", "probe 2", "kind 9"]);
    }

    #[test]
    fn flapping_member_keeps_one_removal_timer() {
        let mut timers = Timers::default();
        for flap in 0..1000 {
            let at = Duration::from_secs(86_400 + u64::from(flap));
            timers.submit(at, Task::Detector(Timer::RemoveDown(identity(1, flap))));
        }
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.next_due(), Some(Duration::from_secs(86_400 + 999)));
    }
}
