//! Single attempts of alert handlers and of `httpPost` nodes. What is tried when, and how often, is
//! decided by the delivery machine of `alert`; here one attempt is made and its outcome reported.

pub(crate) mod endpoint;
mod exec;
pub(crate) mod guard;
mod log;
pub(crate) mod post;
mod tcp;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alert::kind::Action;
use alert::{Attempt, Event, Handler, Outcome};
use member::Input;
use tokio::runtime::Handle;

use crate::brain::Brain;
use crate::fault;
use endpoint::Endpoints;

/// An attempt that takes longer has failed; the handler's own timeout, if any, is shorter.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);

/// Makes attempts and reports their outcomes to the brain.
pub(crate) struct Deliverer {
    pub(crate) runtime: Handle,
    pub(crate) brain: Brain,
    pub(crate) endpoints: Arc<Endpoints>,
    /// What handlers write to.
    pub(crate) files: Arc<log::Files>,
    /// Kinds that are switched off by `-disable-handlers`.
    pub(crate) disabled: BTreeSet<String>,
}

impl Deliverer {
    /// Starts one attempt.
    pub(crate) fn attempt(&self, attempt: Attempt, handler: Arc<Handler>) {
        let (brain, endpoints, files) =
            (self.brain.clone(), self.endpoints.clone(), self.files.clone());
        let disabled = self.disabled.contains(&handler.spec().kind);
        fault::point("attempt");
        self.runtime.spawn(async move {
            let outcome = if disabled {
                lasting(format!("handler kind {:?} is disabled here", handler.spec().kind))
            } else {
                run(handler.action(), &attempt.event, &endpoints, &files).await
            };
            if let Outcome::Failed { retryable, text } = &outcome {
                tracing::error!(
                    service = "alert",
                    topic = %attempt.handler.topic,
                    handler = %attempt.handler.handler,
                    event = %attempt.event.body.id,
                    attempt = attempt.number,
                    again = retryable,
                    error = %text,
                    "failed to hand the event over"
                );
            }
            fault::point("attempted");
            brain.tell(Input::Attempted { token: attempt.token, outcome });
        });
    }
}

async fn run(
    action: &Action,
    event: &Arc<Event>,
    endpoints: &Endpoints,
    files: &Arc<log::Files>,
) -> Outcome {
    match action {
        Action::Log(log) => log::attempt(files, &log.path, log.mode, event.alert_data()).await,
        Action::Tcp(tcp) => match endpoints.guard.check_address(&tcp.address).await {
            Ok(()) => tcp::attempt(&tcp.address, event.alert_data().as_bytes()).await,
            Err(text) => lasting(text),
        },
        Action::Exec(exec) => {
            exec::attempt(&exec.prog, &exec.args, event.alert_data().as_bytes()).await
        }
        Action::Post(handler) => match endpoints.alert_post(handler, event) {
            Ok((http, post)) => match endpoints.guard.check_url(&post.url).await {
                Ok(()) => post::attempt(&http, post).await,
                Err(text) => lasting(text),
            },
            Err(text) => lasting(text),
        },
        Action::Publish(_) | Action::Aggregate(_) => {
            lasting("publish and aggregate are no deliveries".to_owned())
        }
    }
}

/// Failed, but a later attempt may succeed.
fn passing(text: impl Into<String>) -> Outcome {
    Outcome::Failed { retryable: true, text: text.into() }
}

/// Failed, and trying again cannot help.
fn lasting(text: impl Into<String>) -> Outcome {
    Outcome::Failed { retryable: false, text: text.into() }
}

/// Ends an attempt after `limit`.
async fn within(limit: Duration, attempt: impl Future<Output = Result<(), Outcome>>) -> Outcome {
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok(())) => Outcome::Delivered,
        Ok(Err(failed)) => failed,
        Err(_) => passing(format!("no answer within {limit:?}")),
    }
}
