//! What task workers need of the rest of the member: the async side for requests, the brain for
//! events and topic states, ingest for points that tasks write back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use alert::State;
use engine::{Answer, HttpPost, World};
use member::{CallId, Input, Raise};
use model::Str;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::brain::Brain;
use crate::clock;
use crate::deliver::ATTEMPT_LIMIT;
use crate::deliver::endpoint::Endpoints;
use crate::deliver::post::{build, causes, head_of};
use crate::ingest::Ingest;
use crate::tasks::worker::{Asker, Job, Running, Surroundings, Written};

/// Points written back by tasks that may wait for room in other tasks; more are lost. A worker must
/// not wait for them: the room it would wait for may be its own.
const LOOPING: usize = 1_000_000;

/// The surroundings of all workers.
pub(crate) struct Yard {
    brain: Brain,
    endpoints: Arc<Endpoints>,
    runtime: Handle,
    looping: mpsc::UnboundedSender<Written>,
    /// Points on their way back.
    looping_points: Arc<AtomicUsize>,
}

impl Yard {
    pub(crate) fn new(
        brain: Brain,
        endpoints: Arc<Endpoints>,
        runtime: Handle,
        ingest: &Arc<Ingest>,
    ) -> Self {
        // Bounded by the number of points, see `loopback`.
        let (looping, written) = mpsc::unbounded_channel();
        let looping_points = Arc::default();
        // Ingest knows the workers, which hold these surroundings: a strong handle would be a ring.
        let ingest = Arc::downgrade(ingest);
        runtime.spawn(take_back(written, ingest, Arc::clone(&looping_points)));
        Self { brain, endpoints, runtime, looping, looping_points }
    }
}

/// Gives points that tasks wrote back to ingest, in order.
async fn take_back(
    mut written: mpsc::UnboundedReceiver<Written>,
    ingest: Weak<Ingest>,
    looping_points: Arc<AtomicUsize>,
) {
    while let Some(Written { database, retention_policy, points }) = written.recv().await {
        let count = points.len();
        let Some(ingest) = ingest.upgrade() else { return };
        ingest.take_back(&database, &retention_policy, points).await;
        looping_points.fetch_sub(count, Ordering::Relaxed);
    }
}

impl World for Yard {
    fn topic_state(&self, topic: &str, id: &str) -> Option<State> {
        let (topic, id) = (topic.to_owned(), id.to_owned());
        self.brain.look_blocking(move |m| m.topics().stored(&topic, &id)).ok().flatten()
    }

    fn clock(&self) -> Duration {
        clock::elapsed()
    }
}

impl Surroundings for Yard {
    fn send(&self, asker: Asker, request: Box<HttpPost>, reply: Sender<Job>) {
        let (http, post) = self.endpoints.node_post(*request);
        let guard = self.endpoints.guard.clone();
        self.runtime.spawn(async move {
            let limit = if post.timeout.is_zero() { ATTEMPT_LIMIT } else { post.timeout };
            let exchange = async {
                guard.check_url(&post.url).await.map_err(Answer::Failed)?;
                let request = build(&http, post).map_err(Answer::Failed)?;
                let mut response =
                    http.execute(request).await.map_err(|e| Answer::Failed(causes(e)))?;
                let status = response.status().as_u16();
                let body = String::from_utf8_lossy(&head_of(&mut response).await).into_owned();
                Ok(Answer::Http { status, body })
            };
            let answer = tokio::time::timeout(limit, exchange)
                .await
                .unwrap_or_else(|_| Err(Answer::Failed(format!("no answer within {limit:?}"))));
            let answer = answer.unwrap_or_else(|failed| failed);
            let _ = reply.send(Job::Answer { asker, answer });
        });
    }

    fn has_room(&self, task: &Running) -> bool {
        task.backlog.has_room()
    }

    fn raise(&self, task: &Running, events: Vec<Raise>) {
        self.brain.raise(events, task.backlog.clone());
    }

    fn loopback(&self, task: &Running, written: Written) {
        let count = written.points.len();
        if self.looping_points.fetch_add(count, Ordering::Relaxed) > LOOPING {
            self.looping_points.fetch_sub(count, Ordering::Relaxed);
            tracing::error!(
                service = "kapacitor", task = %task.id, points = count,
                "lost points of kapacitorLoopback: the tasks they are for do not keep up"
            );
            return;
        }
        // The receiver lives as long as the member does.
        let _ = self.looping.send(written);
    }

    fn restore(&self, topic: Str, id: Str, state: State) {
        self.brain.tell(Input::RestoreState { topic, id, state });
    }

    fn warm(&self, task: &Str) {
        self.brain.tell(Input::TaskWarm(task.clone()));
    }

    fn passed(&self, query: CallId, warm: bool) {
        // Had the task raised the event, the brain would have its Offer by now.
        self.brain.tell(Input::WarmReply { id: query, raised: warm.then_some(false) });
    }
}
