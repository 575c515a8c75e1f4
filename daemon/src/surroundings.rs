//! What task workers need of the rest of the member: the async side for requests, the brain for
//! events and topic states.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use alert::State;
use engine::{Answer, HttpPost, TaskKey, Token, World};
use member::{CallId, Input, Raise};
use model::Str;
use tokio::runtime::Handle;

use crate::brain::Brain;
use crate::clock;
use crate::deliver::ATTEMPT_LIMIT;
use crate::deliver::endpoint::Endpoints;
use crate::deliver::post::{build, causes, head_of};
use crate::tasks::worker::{Job, Running, Surroundings};

/// The surroundings of all workers.
pub(crate) struct Yard {
    brain: Brain,
    endpoints: Arc<Endpoints>,
    runtime: Handle,
}

impl Yard {
    pub(crate) fn new(brain: Brain, endpoints: Arc<Endpoints>, runtime: Handle) -> Self {
        Self { brain, endpoints, runtime }
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
    fn send(&self, key: TaskKey, token: Token, request: Box<HttpPost>, reply: Sender<Job>) {
        let (http, post) = self.endpoints.node_post(*request);
        self.runtime.spawn(async move {
            let limit = if post.timeout.is_zero() { ATTEMPT_LIMIT } else { post.timeout };
            let exchange = async {
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
            let _ = reply.send(Job::Answer { key, token, answer });
        });
    }

    fn has_room(&self, task: &Running) -> bool {
        task.backlog.has_room()
    }

    fn raise(&self, task: &Running, events: Vec<Raise>) {
        self.brain.raise(events, task.backlog.clone());
    }

    fn restore(&self, topic: Str, id: Str, state: State) {
        self.brain.tell(Input::RestoreState { topic, id, state });
    }

    fn warm(&self, task: &Str) {
        self.brain.tell(Input::TaskWarm(task.clone()));
    }

    fn passed(&self, query: CallId) {
        // Had the task raised the event, the brain would have its Offer by now.
        self.brain.tell(Input::WarmReply { id: query, raised: false });
    }
}
