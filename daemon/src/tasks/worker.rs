//! Worker threads: each runs the tasks that were given to it, one batch of points at a time.
//!
//! A worker never waits for the world on behalf of a task: requests of a task go to the async side
//! and come back as jobs; a task that has too much in flight keeps its points in its own inbox
//! while the worker goes on with the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use engine::{Answer, Effect, HttpPost, Task, TaskKey, Token, World};
use member::{CallId, Raise};
use model::{Point, Str, Time};
use tokio::sync::oneshot;

use super::feed::Feed;
use crate::brain::Backlog;
use crate::clock;

/// Points one task runs before the worker looks at the next.
const SLICE: usize = 512;

/// Queries of peers about one task that may wait; the oldest is forgotten, its asker bounds the wait.
const QUERIES: usize = 10_000;

/// A look at a task, or at nothing if it does not run here.
type Look = Box<dyn FnOnce(Option<&Running>) + Send>;

/// Something for a worker to do.
pub(crate) enum Job {
    /// Run a task from now on, with the points that are held for its key.
    Start(Box<Running>),
    /// Points for a task; `bytes` were admitted to its feed.
    Points { key: TaskKey, points: Arc<[Arc<Point>]>, bytes: usize },
    /// The result of a request.
    Answer { asker: Asker, answer: Answer },
    /// Look at a task, in order with its points.
    Look { key: TaskKey, look: Look },
    /// End a task: what it holds back is emitted, then it is forgotten and `done` told.
    Stop { key: TaskKey, then: Then, done: oneshot::Sender<()> },
    /// End a task that was told to stop, whatever it waits for.
    LetGo { key: TaskKey },
    /// Forget the points that are held for a task: it does not start again.
    Forget { key: TaskKey },
    /// Tell the brain when the task's data has passed `time`.
    WhenPast { key: TaskKey, time: Time, query: CallId },
    /// Something a task waited for has moved.
    Wake,
    /// End the thread; tasks that still run are let go.
    End,
}

/// What comes after the end of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing: it runs all points that were given before it ends.
    Nothing,
    /// Another start under the same key, which gets the points that this one did not run.
    Start,
}

/// Which request of which task. Two tasks may have run under one key: `run` tells them apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    key: TaskKey,
    run: u64,
    token: Token,
}

/// What a worker needs of the rest of the member.
pub(crate) trait Surroundings: World + Send + Sync {
    /// Sends a request of a task; the answer comes back as [`Job::Answer`] through `reply`.
    fn send(&self, asker: Asker, request: Box<HttpPost>, reply: Sender<Job>);
    /// False while too many events of the task wait to be accepted: it gets no points meanwhile.
    fn has_room(&self, task: &Running) -> bool;
    /// Takes the events a task raised in one slice.
    fn raise(&self, task: &Running, events: Vec<Raise>);
    /// Writes points of a task back into the member, in order.
    fn loopback(&self, task: &Running, written: Written);
    /// Gives a topic the state another one had for an event.
    fn restore(&self, topic: Str, id: Str, state: alert::State);
    /// Hears that the windows of a task have filled.
    fn warm(&self, task: &Str);
    /// The task's data has passed the time that `query` asked about; its windows were full then, or not.
    fn passed(&self, query: CallId, warm: bool);
}

/// Points a task writes back, and where.
pub(crate) struct Written {
    pub(crate) database: Str,
    pub(crate) retention_policy: Str,
    pub(crate) points: Vec<Arc<Point>>,
}

impl Written {
    /// Adds to the last of `all` what is written to the same place.
    fn add_to(mut self, all: &mut Vec<Self>) {
        match all.last_mut() {
            Some(last)
                if last.database == self.database
                    && last.retention_policy == self.retention_policy =>
            {
                last.points.append(&mut self.points);
            }
            _ => all.push(self),
        }
    }
}

/// Points, how many of them are done, and their bytes in the feed.
type Admitted = (Arc<[Arc<Point>]>, usize, usize);

/// A task on a worker.
pub(crate) struct Running {
    pub(crate) key: TaskKey,
    pub(crate) id: Str,
    pub(crate) task: Task,
    pub(crate) feed: Arc<Feed>,
    /// Events it raised that the brain has not taken yet.
    pub(crate) backlog: Arc<Backlog>,
    run: u64,
    inbox: VecDeque<Admitted>,
    stopping: Option<(Then, oneshot::Sender<()>)>,
    cold: bool,
    /// Queries that wait for a time to pass, oldest first.
    queries: VecDeque<(Time, CallId)>,
}

impl Running {
    pub(crate) fn new(key: TaskKey, id: Str, task: Task, feed: Arc<Feed>) -> Self {
        let cold = task.warmth().cold;
        let (inbox, queries, backlog) = (VecDeque::new(), VecDeque::new(), Arc::default());
        Self { key, id, task, feed, backlog, run: 0, inbox, stopping: None, cold, queries }
    }

    /// It was told to stop, and has run all that it is to run.
    fn is_to_end(&self) -> bool {
        match self.stopping {
            None => false,
            Some((Then::Nothing, _)) => self.inbox.is_empty(),
            Some((Then::Start, _)) => true,
        }
    }
}

/// A handle on a worker thread; it ends with [`Job::End`].
#[derive(Clone)]
pub(crate) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts worker number `n`.
    pub(crate) fn start(n: usize, surroundings: Arc<dyn Surroundings>) -> Self {
        let (jobs, inbox) = channel();
        let own = jobs.clone();
        thread::Builder::new()
            .name(format!("tasks-{n}"))
            .spawn(move || {
                let (tasks, held) = (BTreeMap::new(), BTreeMap::new());
                Loop { tasks, held, runs: 0, surroundings, own, ended: false }.run(&inbox);
            })
            .expect("a thread can be started at start-up");
        Self { jobs }
    }

    /// Gives a job; jobs are done in order.
    pub(crate) fn give(&self, job: Job) {
        // The thread is gone only when the member has stopped.
        let _ = self.jobs.send(job);
    }

    /// Looks at a task after all points given before; `None` when it does not run here.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        key: TaskKey,
        look: impl FnOnce(&Running) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let look = Box::new(move |running: Option<&Running>| {
            let _ = answer.send(running.map(look));
        });
        self.give(Job::Look { key, look });
        answered.await.ok().flatten()
    }
}

struct Loop {
    tasks: BTreeMap<TaskKey, Running>,
    /// Points between the end of a task and its next start.
    held: BTreeMap<TaskKey, (VecDeque<Admitted>, Arc<Feed>)>,
    /// Tasks that were started.
    runs: u64,
    surroundings: Arc<dyn Surroundings>,
    own: Sender<Job>,
    ended: bool,
}

impl Loop {
    fn run(mut self, inbox: &Receiver<Job>) {
        while !self.ended {
            let busy = self.run_slices();
            if busy {
                self.wake_tasks();
                while let Ok(job) = inbox.try_recv() {
                    self.take(job);
                }
                continue;
            }
            match self.next_job(inbox) {
                Some(Ok(job)) => self.take(job),
                Some(Err(RecvTimeoutError::Timeout)) => self.wake_tasks(),
                Some(Err(RecvTimeoutError::Disconnected)) | None => return,
            }
            while let Ok(job) = inbox.try_recv() {
                self.take(job);
            }
        }
    }

    /// Waits for a job, or for the first timeout of a task; one that has come goes before jobs.
    fn next_job(&self, inbox: &Receiver<Job>) -> Option<Result<Job, RecvTimeoutError>> {
        let due = self.tasks.values().filter_map(|r| r.task.poll_timeout()).min();
        match due {
            None => inbox.recv().ok().map(Ok),
            Some(due) => match due.since(clock::now()).to_std() {
                Duration::ZERO => Some(Err(RecvTimeoutError::Timeout)),
                wait => Some(inbox.recv_timeout(wait)),
            },
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Start(mut running) => {
                self.runs += 1;
                running.run = self.runs;
                if let Some((inbox, _)) = self.held.remove(&running.key) {
                    running.inbox = inbox;
                }
                self.tasks.insert(running.key, *running);
            }
            Job::Points { key, points, bytes } => {
                if let Some(running) = self.tasks.get_mut(&key) {
                    running.inbox.push_back((points, 0, bytes));
                } else if let Some((inbox, _)) = self.held.get_mut(&key) {
                    inbox.push_back((points, 0, bytes));
                }
            }
            Job::Answer { asker: Asker { key, run, token }, answer } => {
                let surroundings = Arc::clone(&self.surroundings);
                if let Some(running) = self.tasks.get_mut(&key).filter(|r| r.run == run) {
                    running.task.handle_answer(clock::now(), token, answer, &*surroundings);
                    self.settle(key);
                }
            }
            Job::Look { key, look } => {
                // In order with the points before it: they are run first.
                while self.run_slice(key) {}
                look(self.tasks.get(&key));
            }
            Job::Stop { key, then, done } => {
                if let Some(running) = self.tasks.get_mut(&key) {
                    running.stopping = Some((then, done));
                    self.settle(key);
                }
            }
            Job::LetGo { key } => self.end(key),
            Job::Forget { key } => {
                if let Some((inbox, feed)) = self.held.remove(&key) {
                    release(&inbox, &feed);
                }
            }
            Job::WhenPast { key, time, query } => {
                if let Some(running) = self.tasks.get_mut(&key) {
                    if running.queries.len() >= QUERIES {
                        running.queries.pop_front();
                    }
                    running.queries.push_back((time, query));
                    self.settle(key);
                }
            }
            Job::Wake => {}
            Job::End => self.ended = true,
        }
    }

    fn wake_tasks(&mut self) {
        let now = clock::now();
        let due = |r: &Running| r.task.poll_timeout().is_some_and(|t| t <= now);
        let keys: Vec<TaskKey> = self.tasks.values().filter(|r| due(r)).map(|r| r.key).collect();
        let surroundings = Arc::clone(&self.surroundings);
        for key in keys {
            if let Some(running) = self.tasks.get_mut(&key) {
                running.task.handle_timeout(now, &*surroundings);
                self.settle(key);
            }
        }
    }

    /// One slice of every task that can go on; whether any could.
    fn run_slices(&mut self) -> bool {
        let keys: Vec<TaskKey> =
            self.tasks.values().filter(|r| !r.inbox.is_empty()).map(|r| r.key).collect();
        let mut busy = false;
        for key in keys {
            busy |= self.run_slice(key);
        }
        busy
    }

    /// One slice of one task; whether there was one.
    fn run_slice(&mut self, key: TaskKey) -> bool {
        let surroundings = Arc::clone(&self.surroundings);
        let Some(running) = self.tasks.get_mut(&key) else { return false };
        if !running.task.wants_points() || !surroundings.has_room(running) {
            return false;
        }
        let Some((points, from, bytes)) = running.inbox.front_mut() else { return false };
        let to = points.len().min(*from + SLICE);
        running.task.handle_points(clock::now(), &points[*from..to], &*surroundings);
        *from = to;
        if to == points.len() {
            let bytes = *bytes;
            running.inbox.pop_front();
            running.feed.release(bytes);
        }
        self.settle(key);
        true
    }

    /// Carries out what a task asks for, and ends it when nothing is left to do.
    fn settle(&mut self, key: TaskKey) {
        let Some(running) = self.tasks.get_mut(&key) else { return };
        if running.is_to_end() {
            running.task.stop(clock::now(), &*self.surroundings);
        }
        let mut raised = Vec::new();
        let mut written = Vec::new();
        while let Some(effect) = running.task.poll_effect() {
            match effect {
                Effect::HttpPost { token, request } => {
                    let asker = Asker { key, run: running.run, token };
                    self.surroundings.send(asker, request, self.own.clone());
                }
                Effect::Raise { topic, body, cold } => {
                    raised.push(Raise { event: alert::Event::new(topic, body), cold });
                }
                Effect::Loopback { database, retention_policy, points } => {
                    Written { database, retention_policy, points }.add_to(&mut written);
                }
                Effect::Restore { topic, id, state } => {
                    self.surroundings.restore(topic, id, state);
                }
                Effect::Log { node, level, prefix, text } => {
                    log_line(&running.id, &node, level, &prefix, &text);
                }
            }
        }
        if !raised.is_empty() {
            self.surroundings.raise(running, raised);
        }
        for written in written {
            self.surroundings.loopback(running, written);
        }
        let warmth = running.task.warmth();
        if running.cold && !warmth.cold {
            running.cold = false;
            self.surroundings.warm(&running.id);
        }
        if let Some(newest) = warmth.newest {
            for (time, query) in running.queries.iter().filter(|(time, _)| *time < newest) {
                let warm = !warmth.cold && warmth.since.is_none_or(|since| since <= *time);
                self.surroundings.passed(*query, warm);
            }
            running.queries.retain(|(time, _)| *time >= newest);
        }
        if running.stopping.is_some() && running.task.is_finished() {
            self.end(key);
        }
    }

    fn end(&mut self, key: TaskKey) {
        let Some(running) = self.tasks.remove(&key) else { return };
        let (then, done) = running.stopping.unzip();
        if then == Some(Then::Start) {
            self.held.insert(key, (running.inbox, running.feed));
        } else {
            release(&running.inbox, &running.feed);
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// Gives the room of points that nobody runs any more back.
fn release(inbox: &VecDeque<Admitted>, feed: &Feed) {
    for (_, _, bytes) in inbox {
        feed.release(*bytes);
    }
}

fn log_line(task: &str, node: &str, level: engine::Level, prefix: &str, text: &str) {
    macro_rules! line {
        ($level:ident) => {
            if prefix.is_empty() {
                tracing::$level!(service = "kapacitor", task_master = "main", task, node, "{text}");
            } else {
                tracing::$level!(
                    service = "kapacitor",
                    task_master = "main",
                    task,
                    node,
                    prefix,
                    "{text}"
                );
            }
        };
    }
    match level {
        engine::Level::Debug => line!(debug),
        engine::Level::Info => line!(info),
        engine::Level::Warn => line!(warn),
        engine::Level::Error => line!(error),
    }
}

/// Rough size of points in memory, for the feed's limit: what the line protocol of a point costs.
pub(crate) fn weight(points: &[Arc<Point>]) -> usize {
    points.len() * 384
}
