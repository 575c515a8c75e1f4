//! What a task asks of the world, and what the world answers.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Duration, Point, Str};

/// Names a request of one task until it is answered. Unique within the task's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// How serious a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARN`
    Warn,
    /// `ERROR`
    Error,
}

/// What leaves a task. The shell takes them in order with [`crate::Task::poll_effect`].
#[derive(Debug)]
pub enum Effect {
    /// Send a request for an `httpPost` node and give the result to [`crate::Task::handle_answer`]
    /// with this token. The node waits for it; the rest of the task goes on.
    HttpPost {
        /// Names the request in the answer.
        token: Token,
        /// What to send.
        request: Box<HttpPost>,
    },
    /// An alert node raised an event for a topic. `Event::new(topic, body)` makes it.
    Raise {
        /// The anonymous topic of the node (`main:TASK:alert2`) or the named one.
        topic: Str,
        /// What happened; shared when both topics get it.
        body: Arc<alert::Body>,
        /// It follows from a window that has not filled since the task started.
        cold: bool,
    },
    /// A topic must take over the state another one had for an event (restoring a group's level).
    Restore {
        /// Topic to change.
        topic: Str,
        /// Event id.
        id: Str,
        /// The state to set.
        state: alert::State,
    },
    /// A `kapacitorLoopback` node writes points back into the member.
    Loopback {
        /// Where they are written, as each point says too.
        database: Str,
        /// Where they are written.
        retention_policy: Str,
        /// The points, in order.
        points: Vec<Arc<Point>>,
    },
    /// A line for the log: of a `log` node, or an error of a node (level `Error`).
    Log {
        /// Node it comes from, `eval2`.
        node: Str,
        /// How serious.
        level: Level,
        /// The `.prefix()` of a log node, else empty.
        prefix: Str,
        /// The line.
        text: String,
    },
}

/// A POST of an `httpPost` node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPost {
    /// Where to, rendered.
    pub url: String,
    /// The `[[httppost]]` endpoint it goes by: the shell adds its headers and credentials.
    pub endpoint: Option<Str>,
    /// Headers of the script, in order; they win over the endpoint's.
    pub headers: Vec<(Str, Str)>,
    /// `application/json` unless an endpoint's row template made the body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
    /// Give up after this; zero waits as long as the shell does.
    pub timeout: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server answered.
    Http {
        /// Status code.
        status: u16,
        /// Body, cut at the shell's limit.
        body: String,
    },
    /// No answer; the text says why.
    Failed(String),
}

/// Error lines one node may log per call of the task; further errors are counted only.
pub(crate) const LOGGED_ERRORS_PER_CALL: u32 = 10;

/// Effects on their way out.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    queue: VecDeque<Effect>,
    last_token: u64,
}

impl Effects {
    /// Appends an effect.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.queue.push_back(effect);
    }

    /// Takes the oldest.
    pub(crate) fn pop(&mut self) -> Option<Effect> {
        self.queue.pop_front()
    }

    /// The state an event id has by what waits here: raised or restored, but not taken yet.
    pub(crate) fn waiting_state(&self, topic: &str, id: &str) -> Option<alert::State> {
        self.queue.iter().rev().find_map(|effect| match effect {
            Effect::Raise { topic: t, body, .. } if **t == *topic && *body.id == *id => {
                Some(body.state())
            }
            Effect::Restore { topic: t, id: i, state } if **t == *topic && **i == *id => {
                Some(state.clone())
            }
            _ => None,
        })
    }

    /// A token not used before.
    pub(crate) fn next_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }
}
