//! Starts tasks on workers and stops them: the way from a definition to a running machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use alert::{Inhibitors, ServerInfo};
use engine::{Endpoint, Settings, Task, TaskKey, TaskStats};
use jiff::tz::TimeZone;
use member::{Input, TaskStarted};
use model::Str;
use tokio::sync::oneshot;

use super::definition::Definition;
use super::feed::Feed;
use super::worker::{Job, Running, Then, Worker};
use super::{Refused, script};
use crate::brain::Brain;
use crate::clock;
use crate::ingest::{Ingest, Target};

/// How long a stopped task may take to run its points and end its requests in flight.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What tasks must know of the cluster when they start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) server: Arc<ServerInfo>,
    /// The member belongs to an initialized cluster and `align-windows` is on.
    pub(crate) align_windows: bool,
}

/// Where a task runs.
#[derive(Clone)]
struct Place {
    key: TaskKey,
    worker: Worker,
    feed: Arc<Feed>,
}

/// Starts and stops tasks.
pub(crate) struct Runner {
    pub(crate) workers: Vec<Worker>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) brain: Brain,
    pub(crate) cluster: RwLock<Cluster>,
    pub(crate) endpoints: BTreeMap<Str, Endpoint>,
    pub(crate) disabled_handlers: BTreeSet<Str>,
    pub(crate) zone: TimeZone,
    inhibitors: Inhibitors,
    places: Mutex<BTreeMap<String, Place>>,
    next: AtomicU64,
}

/// What a task tells of itself while it runs.
pub(crate) struct Glimpse {
    pub(crate) stats: TaskStats,
    pub(crate) cold: bool,
    pub(crate) dropped: u64,
    pub(crate) waiting: usize,
}

impl Runner {
    pub(crate) fn new(
        workers: Vec<Worker>,
        ingest: Arc<Ingest>,
        brain: Brain,
        cluster: Cluster,
        endpoints: BTreeMap<Str, Endpoint>,
        disabled_handlers: BTreeSet<Str>,
        zone: TimeZone,
    ) -> Self {
        let (places, next) = (Mutex::default(), AtomicU64::new(1));
        let cluster = RwLock::new(cluster);
        let inhibitors = Inhibitors::default();
        Self {
            workers,
            ingest,
            brain,
            cluster,
            endpoints,
            disabled_handlers,
            zone,
            inhibitors,
            places,
            next,
        }
    }

    /// The state of the cluster as tasks started from now on see it.
    pub(crate) fn set_cluster(&self, cluster: Cluster) {
        *self.cluster.write().unwrap_or_else(PoisonError::into_inner) = cluster;
    }

    pub(crate) fn cluster(&self) -> Cluster {
        self.cluster.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn place(&self, id: &str) -> Option<Place> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn new_place(&self) -> Place {
        let key = TaskKey(self.next.fetch_add(1, Ordering::Relaxed));
        let worker = self.workers[key.0 as usize % self.workers.len()].clone();
        Place { key, worker, feed: Arc::default() }
    }

    /// Runs a task as it is defined now; the error is the bare text users see. One that runs already
    /// is started anew and gets every point: those that it has not run when it stops, and those that
    /// come before it has started, wait.
    pub(crate) async fn run(&self, definition: &Definition) -> Result<(), String> {
        let Some(place) = self.place(&definition.id) else {
            return self.start(self.new_place(), definition);
        };
        self.end(&definition.id, &place, Then::Start).await;
        self.brain.tell(Input::TaskStopped { id: definition.id.as_str().into(), deleted: false });
        let started = self.start(place.clone(), definition);
        if started.is_err() {
            self.ingest.disconnect(place.key);
            place.worker.give(Job::Forget { key: place.key });
            self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(&definition.id);
        }
        started
    }

    fn start(&self, place: Place, definition: &Definition) -> Result<(), String> {
        let Place { key, worker, feed } = place.clone();
        let text = |refused| match refused {
            Refused::Request(text) | Refused::Missing(text) | Refused::Failed(text) => text,
        };
        let vars = script::read_vars(&definition.vars).map_err(text)?;
        let vars = vars.map_err(script::vars_refused).map_err(text)?;
        let plan = script::check(&definition.script, &vars).map_err(text)?.plan;
        let cluster = self.cluster();
        let id: Str = definition.id.as_str().into();
        let dbrps: Vec<(Str, Str)> =
            definition.dbrps.iter().map(|d| (d.db.as_str().into(), d.rp.as_str().into())).collect();
        let settings = Settings {
            task_id: id.clone(),
            dbrps: dbrps.clone(),
            server: cluster.server,
            align_windows: cluster.align_windows,
            endpoints: self.endpoints.clone(),
            inhibitors: self.inhibitors.clone(),
            replay: None,
            disabled_handlers: self.disabled_handlers.clone(),
            zone: self.zone.clone(),
            seed: key.0 ^ clock::now().0 as u64,
        };
        let task = Task::start(&plan, &settings)?;
        self.brain.tell(Input::TaskStarted(TaskStarted {
            id: id.clone(),
            inline: task.handlers().into_iter().collect(),
            warm: !task.warmth().cold,
        }));
        worker.give(Job::Start(Box::new(Running::new(key, id, task, feed.clone()))));
        self.ingest.connect(key, &dbrps, &plan.measurements(), Target { worker, feed });
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(definition.id.clone(), place);
        Ok(())
    }

    /// Stops a task: no more points, what it has and holds back is emitted, requests in flight end.
    pub(crate) async fn stop(&self, id: &str, deleted: bool) {
        let place = self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(place) = place {
            self.ingest.disconnect(place.key);
            self.end(id, &place, Then::Nothing).await;
        }
        self.brain.tell(Input::TaskStopped { id: id.into(), deleted });
    }

    /// Returns when a task has ended and the brain has taken all that it raised.
    async fn end(&self, id: &str, place: &Place, then: Then) {
        let (done, ended) = oneshot::channel();
        place.worker.give(Job::Stop { key: place.key, then, done });
        let deadline = tokio::time::Instant::now() + STOP_LIMIT;
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tracing::warn!(service = "tasks", task = id, "task still waits for answers, let go");
            place.worker.give(Job::LetGo { key: place.key });
        }
        if tokio::time::timeout_at(deadline, self.brain.raised()).await.is_err() {
            tracing::warn!(service = "tasks", task = id, "events still wait for the disk");
        }
    }

    /// Statistics of a running task.
    pub(crate) async fn glimpse(&self, id: &str) -> Option<Glimpse> {
        let place = self.place(id)?;
        let look =
            |running: &Running| (running.task.stats(clock::now()), running.task.warmth().cold);
        let (stats, cold) = place.worker.look(place.key, look).await?;
        let (dropped, waiting) = (place.feed.dropped(), place.feed.waiting());
        Some(Glimpse { stats, cold, dropped, waiting })
    }

    /// The graph of a running task with its statistics.
    pub(crate) async fn dot(&self, id: &str, labels: bool) -> Option<String> {
        let place = self.place(id)?;
        let task = id.to_owned();
        place.worker.look(place.key, move |r| r.task.dot_running(&task, labels, clock::now())).await
    }

    /// What an `httpOut` node of a running task serves; `None` without such a node.
    pub(crate) async fn http_out(&self, id: &str, endpoint: &str) -> Option<Vec<u8>> {
        let place = self.place(id)?;
        let endpoint = endpoint.to_owned();
        place.worker.look(place.key, move |r| r.task.http_out(&endpoint)).await?.map(Into::into)
    }

    /// Tells the brain once whether the task raised an event, when its data has passed that time.
    /// Not answered when it never does: whoever asked bounds the wait.
    pub(crate) fn answer_when_past(&self, task: &str, time: model::Time, query: member::CallId) {
        let Some(place) = self.place(task) else { return };
        place.worker.give(Job::WhenPast { key: place.key, time, query });
    }

    /// Ends the worker threads; no task can be started any more.
    pub(crate) fn end_workers(&self) {
        for worker in &self.workers {
            worker.give(Job::End);
        }
    }

    /// Ids of the tasks that run.
    pub(crate) fn running(&self) -> Vec<String> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}
