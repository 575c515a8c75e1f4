//! From a write to the tasks that want its points.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use engine::{Index, TaskKey};
use model::line::{self, Interner, LineErrors, Precision};
use model::{Point, Str};

use crate::clock;
use crate::tasks::feed::Feed;
use crate::tasks::worker::{Job, Worker, weight};

/// Interners kept for later writes: one for each write that may run at once without a wait.
const INTERNERS: usize = 8;

/// (database, retention policy, measurement) counted apart; further ones count under `""`.
const COUNTED: usize = 10_000;

/// Where the points of a running task go.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) worker: Worker,
    pub(crate) feed: Arc<Feed>,
}

/// Parses writes and hands points to tasks.
#[derive(Default)]
pub(crate) struct Ingest {
    default_retention_policy: String,
    routes: RwLock<Routes>,
    interners: Mutex<Vec<Interner>>,
    received: Mutex<BTreeMap<(Str, Str, Str), u64>>,
}

/// Points for one task.
type Share = (Target, TaskKey, Arc<[Arc<Point>]>);

#[derive(Default)]
struct Routes {
    index: Index,
    targets: BTreeMap<TaskKey, Target>,
}

impl Ingest {
    pub(crate) fn new(default_retention_policy: &str) -> Self {
        Self { default_retention_policy: default_retention_policy.to_owned(), ..Self::default() }
    }

    /// From now on the task gets the points it wants.
    pub(crate) fn connect(
        &self,
        key: TaskKey,
        dbrps: &[(Str, Str)],
        wanted: &[engine::Wanted],
        target: Target,
    ) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.index.insert(key, dbrps, wanted);
        routes.targets.insert(key, target);
    }

    /// The task gets no more points.
    pub(crate) fn disconnect(&self, key: TaskKey) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.index.remove(key);
        routes.targets.remove(&key);
    }

    /// Takes a body of line protocol. One bad line refuses all of it.
    pub(crate) async fn write(
        &self,
        database: &str,
        retention_policy: &str,
        precision: Precision,
        body: &[u8],
    ) -> Result<(), LineErrors> {
        let policy = match retention_policy {
            "" => self.default_retention_policy.as_str(),
            given => given,
        };
        let (database, policy) = (Str::from(database), Str::from(policy));
        let points = self.parse(&database, &policy, precision, body)?;
        self.count(&database, &policy, &points);
        self.distribute(&database, &policy, points).await;
        Ok(())
    }

    fn parse(
        &self,
        database: &Str,
        policy: &Str,
        precision: Precision,
        body: &[u8],
    ) -> Result<Vec<Arc<Point>>, LineErrors> {
        let mut interner = self.lock_interners().pop().unwrap_or_default();
        let points = line::parse(body, clock::now(), precision, &mut interner, database, policy);
        let mut kept = self.lock_interners();
        if kept.len() < INTERNERS {
            kept.push(interner);
        }
        points
    }

    /// Takes points that a task writes back.
    pub(crate) async fn take_back(&self, database: &Str, policy: &Str, points: Vec<Arc<Point>>) {
        self.count(database, policy, &points);
        self.distribute(database, policy, points).await;
    }

    /// Whether a body would be taken: for a write that is refused for another reason.
    pub(crate) fn check(body: &[u8]) -> Result<(), LineErrors> {
        let nowhere = Str::from("");
        let precision = Precision::default();
        line::parse(body, clock::now(), precision, &mut Interner::new(), &nowhere, &nowhere)
            .map(|_| ())
    }

    fn lock_interners(&self) -> std::sync::MutexGuard<'_, Vec<Interner>> {
        self.interners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn distribute(&self, database: &Str, policy: &Str, points: Vec<Arc<Point>>) {
        for (target, key, points) in self.shares(database, policy, points) {
            let bytes = weight(&points);
            if target.feed.admit(bytes, points.len()).await {
                target.worker.give(Job::Points { key, points, bytes });
            }
        }
    }

    /// Which task gets which of the points. Tasks that want all of them share one slice.
    fn shares(&self, database: &Str, policy: &Str, points: Vec<Arc<Point>>) -> Vec<Share> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let Some(wanting) = routes.index.wanting(database, policy) else { return Vec::new() };
        let target = |key: &TaskKey| routes.targets.get(key).cloned();
        let runs: Vec<_> = points.chunk_by(|a, b| Arc::ptr_eq(&a.name, &b.name)).collect();
        let wanted: Vec<&[TaskKey]> = runs.iter().map(|run| wanting.tasks(&run[0].name)).collect();
        if wanted.windows(2).all(|two| two[0] == two[1]) {
            let keys = wanted.first().copied().unwrap_or_default();
            let shared: Arc<[Arc<Point>]> = points.into();
            return keys.iter().filter_map(|k| Some((target(k)?, *k, shared.clone()))).collect();
        }
        let mut shares: BTreeMap<TaskKey, Vec<Arc<Point>>> = BTreeMap::new();
        for (run, keys) in runs.iter().zip(wanted) {
            for key in keys {
                shares.entry(*key).or_default().extend_from_slice(run);
            }
        }
        shares.into_iter().filter_map(|(k, points)| Some((target(&k)?, k, points.into()))).collect()
    }

    fn count(&self, database: &Str, policy: &Str, points: &[Arc<Point>]) {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        for run in points.chunk_by(|a, b| Arc::ptr_eq(&a.name, &b.name)) {
            let mut key = (database.clone(), policy.clone(), run[0].name.clone());
            if received.len() >= COUNTED && !received.contains_key(&key) {
                key.2 = "".into();
            }
            *received.entry(key).or_default() += run.len() as u64;
        }
    }

    /// Points received by (database, retention policy, measurement).
    pub(crate) fn received(&self) -> BTreeMap<(Str, Str, Str), u64> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
