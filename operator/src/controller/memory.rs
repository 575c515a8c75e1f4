//! What is remembered between reconciles: only how long to leave an InfluxDB alone that did not answer,
//! and its last good login. All of it may be lost at any time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::subscriptions::Login;

/// Pauses before an InfluxDB that is away is asked again: from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_mins(5);

/// Of all clusters, by UID of the resource.
#[derive(Debug, Default)]
pub(super) struct Memory {
    clusters: Mutex<BTreeMap<String, Remembered>>,
}

#[derive(Debug, Default)]
struct Remembered {
    away: BTreeMap<String, Away>,
    logins: BTreeMap<String, Login>,
}

#[derive(Clone, Debug)]
struct Away {
    why: String,
    pause: Duration,
    until: Timestamp,
}

impl Memory {
    fn with<T>(&self, cluster: &str, f: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        f(clusters.entry(cluster.to_owned()).or_default())
    }

    /// Why an InfluxDB is not to be asked yet.
    pub(super) fn pausing(&self, cluster: &str, influxdb: &str, now: Timestamp) -> Option<String> {
        self.with(cluster, |it| {
            it.away.get(influxdb).filter(|away| now < away.until).map(|away| away.why.clone())
        })
    }

    /// It answered.
    pub(super) fn answered(&self, cluster: &str, influxdb: &str) {
        self.with(cluster, |it| it.away.remove(influxdb));
    }

    /// It did not answer: each time it is left alone for longer.
    pub(super) fn is_away(&self, cluster: &str, influxdb: &str, why: &str, now: Timestamp) {
        self.with(cluster, |it| {
            let pause = it.away.get(influxdb).map_or(FIRST_PAUSE, |away| away.pause * 2);
            let pause = pause.min(LAST_PAUSE);
            let until = now + SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
            it.away.insert(influxdb.to_owned(), Away { why: why.to_owned(), pause, until });
        });
    }

    /// When the next InfluxDB of a cluster may be asked again.
    pub(super) fn next_ask(&self, cluster: &str, now: Timestamp) -> Option<Duration> {
        self.with(cluster, |it| it.away.values().map(|away| away.until).min())
            .map(|until| Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// The login that was read last, or the one that was good before.
    pub(super) fn login(&self, cluster: &str, secret: &str, read: Option<Login>) -> Option<Login> {
        self.with(cluster, |it| {
            if let Some(login) = read {
                it.logins.insert(secret.to_owned(), login);
            }
            it.logins.get(secret).cloned()
        })
    }

    /// The cluster is gone.
    pub(super) fn forget(&self, cluster: &str) {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner).remove(cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_influxdb_that_is_away_is_asked_less_and_less() {
        let memory = Memory::default();
        let mut now = Timestamp::UNIX_EPOCH;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            memory.is_away("c", "i", "refused", now);
            assert_eq!(memory.pausing("c", "i", now).as_deref(), Some("refused"));
            let pause = memory.next_ask("c", now).expect("it is away");
            pauses.push(pause.as_secs());
            now += SignedDuration::try_from(pause).expect("small");
            assert_eq!(memory.pausing("c", "i", now), None);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        memory.answered("c", "i");
        assert_eq!(memory.next_ask("c", now), None);
    }
}
