//! Who wants a point: from (database, retention policy, measurement) to tasks.
//!
//! Shared by all tasks of a member, so a point of a measurement nobody wants costs one look-up. A
//! task with several matching `from` nodes stands once: the original delivers twice, which is a bug.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::Str;
use rustc_hash::FxBuildHasher;

use crate::node::Wanted;

/// A task in the index: a number the shell gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey(pub u64);

/// Tasks by what they want. Answers are ordered by key.
#[derive(Debug, Default)]
pub struct Index {
    tasks: BTreeMap<TaskKey, Wishes>,
    pairs: HashMap<(Str, Str), Arc<Wanting>, FxBuildHasher>,
}

#[derive(Debug)]
struct Wishes {
    dbrps: Vec<(Str, Str)>,
    wanted: Vec<Wanted>,
}

/// Tasks that want points of one (database, retention policy). Look it up once per write.
#[derive(Debug, Default)]
pub struct Wanting {
    by_measurement: HashMap<Str, Vec<TaskKey>, FxBuildHasher>,
    any: Vec<TaskKey>,
}

impl Wanting {
    /// Tasks that want points of `measurement`, in order of key, each once.
    pub fn tasks(&self, measurement: &str) -> &[TaskKey] {
        self.by_measurement.get(measurement).unwrap_or(&self.any)
    }
}

impl Index {
    /// Adds a task with its databases and retention policies and what [`crate::Plan::measurements`]
    /// says it wants of them; replaces what was known of `key`.
    pub fn insert(&mut self, key: TaskKey, dbrps: &[(Str, Str)], wanted: &[Wanted]) {
        self.remove(key);
        self.tasks.insert(key, Wishes { dbrps: dbrps.to_vec(), wanted: wanted.to_vec() });
        for pair in dbrps {
            self.rebuild(pair);
        }
    }

    /// Forgets a task.
    pub fn remove(&mut self, key: TaskKey) {
        let Some(wishes) = self.tasks.remove(&key) else { return };
        for pair in &wishes.dbrps {
            self.rebuild(pair);
        }
    }

    /// Who wants points of this pair; `None` when nobody does. The value is a snapshot that may be
    /// kept while a write is handled.
    pub fn wanting(&self, database: &Str, retention_policy: &Str) -> Option<&Arc<Wanting>> {
        self.pairs.get(&(database.clone(), retention_policy.clone()))
    }

    fn rebuild(&mut self, pair: &(Str, Str)) {
        let mut any = BTreeSet::new();
        let mut named: BTreeMap<Str, BTreeSet<TaskKey>> = BTreeMap::new();
        for (key, wishes) in &self.tasks {
            if !wishes.dbrps.contains(pair) {
                continue;
            }
            for wanted in &wishes.wanted {
                if !wanted.matches_pair(&pair.0, &pair.1) {
                    continue;
                }
                if wanted.measurement.is_empty() {
                    any.insert(*key);
                } else {
                    named.entry(wanted.measurement.clone()).or_default().insert(*key);
                }
            }
        }
        if any.is_empty() && named.is_empty() {
            self.pairs.remove(pair);
            return;
        }
        let by_measurement = named
            .into_iter()
            .map(|(name, keys)| (name, keys.union(&any).copied().collect()))
            .collect();
        let wanting = Wanting { by_measurement, any: any.into_iter().collect() };
        self.pairs.insert(pair.clone(), Arc::new(wanting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(database: &str, measurement: &str) -> Wanted {
        Wanted {
            database: database.into(),
            retention_policy: "".into(),
            measurement: measurement.into(),
        }
    }

    #[test]
    fn a_point_finds_each_task_that_wants_it_once() {
        let pair = |db: &str| (Str::from(db), Str::from("rp"));
        let mut index = Index::default();
        index.insert(TaskKey(1), &[pair("a")], &[wanted("", "cpu"), wanted("", "")]);
        index.insert(TaskKey(2), &[pair("a"), pair("b")], &[wanted("b", "cpu")]);
        index.insert(TaskKey(3), &[pair("a")], &[wanted("", "mem")]);
        let tasks = |index: &Index, db: &str, measurement: &str| -> Vec<u64> {
            let found = index.wanting(&db.into(), &"rp".into());
            found.map_or(vec![], |w| w.tasks(measurement).iter().map(|k| k.0).collect())
        };
        assert_eq!(tasks(&index, "a", "cpu"), [1]);
        assert_eq!(tasks(&index, "a", "mem"), [1, 3]);
        assert_eq!(tasks(&index, "a", "other"), [1]);
        assert_eq!(tasks(&index, "b", "cpu"), [2]);
        assert_eq!(tasks(&index, "b", "mem"), [0u64; 0]);
        assert_eq!(tasks(&index, "c", "cpu"), [0u64; 0]);
        index.remove(TaskKey(1));
        assert_eq!(tasks(&index, "a", "cpu"), [0u64; 0]);
        assert_eq!(tasks(&index, "a", "mem"), [3]);
        index.remove(TaskKey(2));
        assert!(index.wanting(&"b".into(), &"rp".into()).is_none());
    }
}
