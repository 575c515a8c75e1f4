//! The controller: observe → decide → build → apply → status, once per change or tick of a resource.
//!
//! At most one effect with consequences per reconcile; the next one is asked for at once. Between
//! effects nothing that matters is remembered: a restart at any point loses nothing.

mod apply;
pub mod build;
pub mod decide;
mod influx;
mod memory;
mod observe;
mod secret;
mod status;
pub mod wanted;
mod watch;
#[cfg(test)]
mod world;

use std::time::Duration;

use kube::ResourceExt as _;

use crate::crd::KapacitorCluster;
use crate::metrics::Metrics;
use crate::outside::Outside;
use crate::server::{Event, Server as _};
use apply::Hand;
use decide::{Decision, Effect, Reason, Tone, decide};
use memory::Memory;
use wanted::Wanted;
pub use watch::{run, terminated, until_defined};

/// After an effect: look again at once, but let others have a turn.
const AFTER_EFFECT: Duration = Duration::from_millis(50);
/// While members start, join or leave.
const WHILE_WAITING: Duration = Duration::from_secs(1);
/// While all is as wished: members may leave the wish without telling Kubernetes.
const AT_REST: Duration = Duration::from_secs(30);
/// After a failure.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// What runs clusters in a world.
pub struct Operator<O> {
    outside: O,
    memory: Memory,
}

/// What ends a reconcile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kubernetes refused or did not answer.
    #[error("failed to {what}: {source}")]
    Kube {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// A member refused or did not answer.
    #[error("failed to {what}: {source}")]
    Member {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: Box<client::Error>,
    },
    /// An InfluxDB refused or did not answer.
    #[error("failed to drop subscriptions from InfluxDB {influxdb:?}: {source}")]
    Drop {
        /// Which.
        influxdb: String,
        /// Why it failed.
        source: ::influx::Error,
    },
    /// No login for an InfluxDB.
    #[error("failed to log in: {0}")]
    Login(String),
    /// What stands in the ledger is no Member ID.
    #[error("failed to remove {0}: that is no Member ID")]
    NoMemberId(String),
    /// Another process leads.
    #[error("another operator leads")]
    LeadsNoMore,
    /// No randomness.
    #[error("failed to make a key: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl Error {
    fn of(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Kube { what, source: Box::new(source) }
    }

    fn asking(what: String) -> impl FnOnce(client::Error) -> Self {
        move |source| Self::Member { what, source: Box::new(source) }
    }

    /// What failed, as a label.
    fn kind(&self) -> &'static str {
        match self {
            Self::Kube { .. } => "kube",
            Self::Member { .. } => "member",
            Self::Drop { .. } | Self::Login(_) => "influxdb",
            Self::LeadsNoMore => "leadership",
            Self::NoMemberId(_) | Self::Entropy(_) => "other",
        }
    }

    /// Somebody else was faster, or is at it.
    fn is_conflict(&self) -> bool {
        match self {
            Self::Kube { source, .. } => {
                matches!(&**source, kube::Error::Api(status) if status.is_conflict())
            }
            Self::Member { source, .. } => source.status() == Some(409),
            _ => false,
        }
    }

    /// When to try again.
    fn pause(&self) -> Duration {
        if self.is_conflict() { WHILE_WAITING } else { AFTER_ERROR }
    }
}

impl<O: Outside> Operator<O> {
    /// An operator in this world.
    pub fn new(outside: O) -> Self {
        Self { outside, memory: Memory::default() }
    }

    /// Looks at a cluster, does the next thing, and says when to look again; `None`: when it changes.
    pub async fn reconcile(&self, namespace: &str, name: &str) -> Result<Option<Duration>, Error> {
        let server = self.outside.server();
        // The watch may lag behind: what leads to effects is read anew.
        let live: Option<KapacitorCluster> =
            server.get(namespace, name).await.map_err(Error::of("read the resource"))?;
        let Some(mut resource) = live else {
            self.outside.metrics().forget(&(namespace.to_owned(), name.to_owned()));
            self.memory.forget(namespace, name);
            return Ok(None);
        };
        self.outside.metrics().cluster(&(namespace.to_owned(), name.to_owned()), &resource);
        if resource.metadata.deletion_timestamp.is_some() {
            // Whatever is wrong with it must not keep it from going.
            resource.spec.extra_config.clear();
        }
        let key = observe::admin_key(server, &resource).await?;
        let wanted = match Wanted::of(&resource, self.outside.image(), key.public()) {
            Ok(wanted) => wanted,
            Err(why) => {
                let decision = Decision::stuck(Reason::InvalidSpec, why.to_string());
                self.tell(&resource, &decision, None).await;
                let now = self.outside.now();
                let status = status::next(&resource, None, &decision, None, now);
                status::write(server, resource, status).await?;
                return Ok(None);
            }
        };
        let (seen, apis) = Box::pin(observe::observe(self, &resource, &wanted, &key)).await?;
        let decision = decide(&seen);
        let outcome = match &decision.effect {
            None => Ok(()),
            Some(effect) => {
                let reason = decision.reason.as_str();
                tracing::info!(cluster = name, namespace, reason, "{effect}");
                let (resource, wanted) = (&resource, &wanted);
                self.outside.reached("before", effect.name()).await;
                let hand =
                    Hand { operator: self, resource, wanted, seen: &seen, apis: &apis, key: &key };
                let outcome = hand.apply(effect).await;
                self.outside.reached("after", effect.name()).await;
                outcome
            }
        };
        if matches!(outcome, Err(Error::LeadsNoMore)) {
            return outcome.map(|()| None);
        }
        if let (Ok(()), Some(effect)) = (&outcome, &decision.effect) {
            count(self.outside.metrics(), &(namespace.to_owned(), name.to_owned()), effect);
        }
        let trouble = outcome.as_ref().err().map(ToString::to_string);
        self.tell(&resource, &decision, trouble.as_deref()).await;
        if outcome.is_ok() && decision.effect.as_ref().is_some_and(Effect::changes_resource) {
            // The status is another time's: the resource is not the one that was read any more.
            return Ok(Some(AFTER_EFFECT));
        }
        let status =
            status::next(&resource, Some(&seen), &decision, trouble.as_deref(), self.outside.now());
        let remembered = memory::key(&resource);
        status::write(server, resource, status).await?;
        outcome?;
        if let Some(effect) = &decision.effect {
            self.outside.reached("recorded", effect.name()).await;
        }
        let pause = match (&decision.effect, decision.reason) {
            (Some(_), _) => AFTER_EFFECT,
            (None, reason) if reason.is_waiting() => WHILE_WAITING,
            (None, _) => AT_REST,
        };
        let ask = self.memory.next_ask(&remembered, seen.now).unwrap_or(pause);
        Ok(Some(pause.min(ask.max(WHILE_WAITING))))
    }

    /// One event for every effect; for what is only awaited, when it is new and unusual. What is
    /// written down is told before it is: so nothing that happened lacks its event.
    async fn tell(&self, about: &KapacitorCluster, decision: &Decision, trouble: Option<&str>) {
        let conditions = about.status.iter().flat_map(|status| &status.conditions);
        let old = conditions.into_iter().find(|condition| condition.type_ == "Ready");
        let (reason, note) = match (&decision.effect, trouble) {
            (Some(_), None) => (decision.reason, decision.message.clone()),
            (_, Some(trouble)) => {
                if old.is_some_and(|old| old.message.contains(trouble)) {
                    return;
                }
                (Reason::EffectFailed, trouble.to_owned())
            }
            (None, None) => {
                let known = old.is_some_and(|old| old.reason == decision.reason.as_str());
                if known || decision.reason.tone() == Tone::Normal {
                    return;
                }
                (decision.reason, decision.message.clone())
            }
        };
        let effect = decision.effect.as_ref();
        let ordinal = effect.and_then(Effect::ordinal);
        let event = Event {
            reason: reason.as_str(),
            warning: reason.tone() == Tone::Warning,
            action: effect.map_or("Wait", Effect::name).to_owned(),
            note,
            pod: ordinal.map(|ordinal| format!("{}-{ordinal}", about.name_any())),
        };
        self.outside.server().publish(about, event).await;
    }
}

/// What an effect that was carried out adds to the metrics.
fn count(metrics: &Metrics, key: &(String, String), effect: &Effect) {
    match effect {
        Effect::Condemn { who, .. } => metrics.condemned(key, &who.to_string()),
        Effect::Spare { who, .. } => metrics.settled(key, &who.to_string(), false),
        Effect::Forget { who } => metrics.settled(key, &who.to_string(), true),
        Effect::Release { orphaned, .. } => metrics.orphaned(*orphaned),
        _ => {}
    }
}
