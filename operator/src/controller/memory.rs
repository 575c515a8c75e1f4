//! What is remembered between reconciles: only how long to leave an InfluxDB alone that did not answer,
//! its last good login, and since when an orphan has been seen. All of it may be lost at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::decide::InfluxSeen;
use crate::crd::KapacitorCluster;
use crate::subscriptions::{Login, Row};

/// Pauses before an InfluxDB that is away is asked again: from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_mins(5);

/// How a cluster is remembered.
pub(super) fn key(resource: &KapacitorCluster) -> String {
    key_of(&resource.namespace().unwrap_or_default(), &resource.name_any())
}

fn key_of(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// Of all clusters, by [`key`].
#[derive(Debug, Default)]
pub(super) struct Memory {
    clusters: Mutex<BTreeMap<String, Remembered>>,
}

#[derive(Debug, Default)]
struct Remembered {
    away: BTreeMap<String, Away>,
    logins: BTreeMap<String, Login>,
    swept: BTreeMap<String, Timestamp>,
    orphans: BTreeMap<Row, Timestamp>,
    strangers: BTreeSet<Row>,
}

#[derive(Clone, Debug)]
struct Away {
    seen: InfluxSeen,
    pause: Duration,
    until: Timestamp,
}

impl Memory {
    fn with<T>(&self, cluster: &str, f: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        f(clusters.entry(cluster.to_owned()).or_default())
    }

    /// What was seen last of an InfluxDB that is not to be asked yet.
    pub(super) fn pausing(
        &self,
        cluster: &str,
        influxdb: &str,
        now: Timestamp,
    ) -> Option<InfluxSeen> {
        self.with(cluster, |it| {
            it.away.get(influxdb).filter(|away| now < away.until).map(|away| away.seen.clone())
        })
    }

    /// It answered.
    pub(super) fn answered(&self, cluster: &str, influxdb: &str) {
        self.with(cluster, |it| it.away.remove(influxdb));
    }

    /// It did not answer as it should: each time it is left alone for longer.
    pub(super) fn is_away(&self, cluster: &str, influxdb: &str, seen: InfluxSeen, now: Timestamp) {
        self.with(cluster, |it| {
            let pause = it.away.get(influxdb).map_or(FIRST_PAUSE, |away| away.pause * 2);
            let pause = pause.min(LAST_PAUSE);
            let until = now + SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
            it.away.insert(influxdb.to_owned(), Away { seen, pause, until });
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

    /// Whether it is time to look for orphans in an InfluxDB: each `interval`, and as often as
    /// `again` while some were seen that are to be seen once more.
    pub(super) fn is_sweep_due(
        &self,
        cluster: &str,
        influxdb: &str,
        now: Timestamp,
        interval: Duration,
        again: Duration,
    ) -> bool {
        self.with(cluster, |it| {
            let pending = it.orphans.keys().any(|row| row.influxdb == influxdb);
            let pause = if pending { again.min(interval) } else { interval };
            it.swept.get(influxdb).is_none_or(|last| is_past(*last, now, pause))
        })
    }

    /// An InfluxDB was looked into.
    pub(super) fn looked(&self, cluster: &str, influxdb: &str, now: Timestamp) {
        self.with(cluster, |it| it.swept.insert(influxdb.to_owned(), now));
    }

    /// Of the orphans that one look showed, those that were seen before, at least `apart` ago.
    /// `looked_into` are the InfluxDBs that answered.
    pub(super) fn confirm(
        &self,
        cluster: &str,
        orphans: Vec<Row>,
        looked_into: &BTreeSet<&str>,
        now: Timestamp,
        apart: Duration,
    ) -> Vec<Row> {
        self.with(cluster, |it| {
            it.orphans.retain(|row, _| {
                !looked_into.contains(row.influxdb.as_str()) || orphans.contains(row)
            });
            let mut confirmed = orphans;
            confirmed.retain(|row| {
                let since = *it.orphans.entry(row.clone()).or_insert(now);
                is_past(since, now, apart)
            });
            confirmed
        })
    }

    /// Those of these rows that were not told of yet.
    pub(super) fn news(&self, cluster: &str, strangers: Vec<Row>) -> Vec<Row> {
        self.with(cluster, |it| {
            strangers.into_iter().filter(|row| it.strangers.insert(row.clone())).collect()
        })
    }

    /// The cluster is gone.
    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.remove(&key_of(namespace, name));
    }
}

fn is_past(since: Timestamp, now: Timestamp, time: Duration) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|past| past >= time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriptions::Source;

    #[test]
    fn an_influxdb_that_is_away_is_asked_less_and_less() {
        let memory = Memory::default();
        let mut now = Timestamp::UNIX_EPOCH;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let seen = InfluxSeen::Refused("who are you".to_owned());
            memory.is_away("c", "i", seen.clone(), now);
            assert_eq!(memory.pausing("c", "i", now), Some(seen));
            let pause = memory.next_ask("c", now).expect("it is away");
            pauses.push(pause.as_secs());
            now += SignedDuration::try_from(pause).expect("small");
            assert_eq!(memory.pausing("c", "i", now), None);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        memory.answered("c", "i");
        assert_eq!(memory.next_ask("c", now), None);
    }

    #[test]
    fn an_orphan_counts_when_it_was_seen_twice_long_enough_apart() {
        let (memory, apart) = (Memory::default(), Duration::from_mins(2));
        let row = |name: &str| Row {
            influxdb: "i".to_owned(),
            source: Source { database: "d".to_owned(), policy: "r".to_owned() },
            name: name.to_owned(),
            hosts: Vec::new(),
        };
        let at = |second| Timestamp::from_second(second).expect("in range");
        let see = |second, names: &[&str]| {
            let rows = names.iter().map(|name| row(name)).collect();
            let looked_into = BTreeSet::from(["i"]);
            let confirmed = memory.confirm("c", rows, &looked_into, at(second), apart);
            confirmed.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(see(0, &["a", "b"]), [""; 0]);
        assert_eq!(see(60, &["a"]), [""; 0], "too soon; b has gone by itself");
        assert_eq!(see(120, &["a", "b"]), ["a"], "b begins anew");
        assert_eq!(see(240, &["b"]), ["b"]);
        memory.looked("c", "i", at(240));
        let due =
            |second| memory.is_sweep_due("c", "i", at(second), Duration::from_mins(10), apart);
        assert!(!due(359) && due(360), "b is still there and is looked at again soon");
        assert_eq!(see(360, &[]), [""; 0]);
        assert!(!due(839) && due(840));
    }
}
