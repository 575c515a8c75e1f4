//! The controller: observe → decide → build → apply → status, once per change or tick of a resource.
//!
//! At most one effect with consequences per reconcile; the next one is asked for at once. Between
//! effects nothing is remembered in memory: a restart at any point loses nothing.

mod apply;
pub mod build;
pub mod decide;
mod observe;
mod status;
pub mod wanted;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::signal::unix::{SignalKind, signal};

use crate::crd::KapacitorCluster;
use crate::health::Health;
use crate::member::Members;
use decide::{Decision, Reason, decide};
use wanted::Wanted;

/// Who applies: the one field manager.
pub const MANAGER: &str = "kapacitor-operator";

/// After an effect: look again at once, but let others have a turn.
const AFTER_EFFECT: Duration = Duration::from_millis(50);
/// While members start or join.
const WHILE_WAITING: Duration = Duration::from_secs(1);
/// While all is as wished: members may leave the wish without telling Kubernetes.
const AT_REST: Duration = Duration::from_secs(30);
/// After a failure.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// Between attempts to find the definition of the resource.
const UNTIL_DEFINED: Duration = Duration::from_secs(2);

/// What is the same for all clusters.
pub struct Surroundings<M> {
    /// Kubernetes.
    pub client: Client,
    /// The members.
    pub members: M,
    /// Image of the members of clusters that name none.
    pub image: String,
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
    #[error("failed to add {member} through {through}: {source}")]
    Add {
        /// Whom.
        member: String,
        /// Who was asked.
        through: String,
        /// Why it failed.
        source: Box<client::Error>,
    },
    /// No randomness.
    #[error("failed to make a key: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl Error {
    fn of(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Kube { what, source: Box::new(source) }
    }
}

/// Runs until SIGTERM. `namespace` narrows what is watched.
pub async fn run<M: Members + 'static>(
    surroundings: Surroundings<M>,
    namespace: Option<&str>,
    health: Arc<Health>,
) {
    let client = surroundings.client.clone();
    let clusters: Api<KapacitorCluster> = in_namespace(&client, namespace);
    let sets: Api<StatefulSet> = in_namespace(&client, namespace);
    tokio::select! {
        () = until_defined(&clusters, &health) => {}
        () = terminated() => return,
    }
    tracing::info!(namespace = namespace.unwrap_or("all"), "watching");
    Controller::new(clusters, watcher::Config::default())
        .owns(sets, watcher::Config::default())
        .shutdown_on_signal()
        .run(reconcile, |_, _, _| Action::requeue(AFTER_ERROR), Arc::new(surroundings))
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::warn!(%error, "reconcile failed");
            }
        })
        .await;
}

/// Waits until the resource is defined and may be read.
async fn until_defined(clusters: &Api<KapacitorCluster>, health: &Health) {
    while let Err(error) = clusters.list(&ListParams::default().limit(1)).await {
        let why = format!("cannot list kapacitorclusters.kapacitor.dev: {error}");
        tracing::warn!("{why}");
        health.missing(why);
        tokio::time::sleep(UNTIL_DEFINED).await;
    }
    health.complete();
}

/// SIGTERM. Process 1 of a container would not even notice it otherwise.
async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}

fn in_namespace<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn reconcile<M: Members + 'static>(
    seen: Arc<KapacitorCluster>,
    surroundings: Arc<Surroundings<M>>,
) -> Result<Action, Error> {
    let namespace = seen.namespace().expect("the resource is namespaced");
    let clusters: Api<KapacitorCluster> = Api::namespaced(surroundings.client.clone(), &namespace);
    // The watch may lag behind: what leads to effects is read anew.
    let live = clusters.get_opt(&seen.name_any()).await.map_err(Error::of("read the resource"))?;
    let Some(resource) = live else { return Ok(Action::await_change()) };
    let key = observe::admin_key(&surroundings.client, &resource).await?;
    let wanted = match Wanted::of(&resource, &surroundings.image, key.public()) {
        Ok(wanted) => wanted,
        Err(why) => {
            let decision = Decision::stuck(Reason::InvalidSpec, why.to_string());
            status::write(&clusters, &resource, None, &decision, None).await?;
            return Ok(Action::await_change());
        }
    };
    let observed = observe::observe(&surroundings, &resource, &wanted, &key).await?;
    let decision = decide(&observed);
    let outcome = match &decision.effect {
        None => Ok(()),
        Some(effect) => {
            tracing::info!(
                cluster = %wanted.names.cluster,
                %namespace,
                reason = decision.reason.as_str(),
                "{effect}"
            );
            apply::apply(&surroundings, &wanted, &observed, &key, effect).await
        }
    };
    let trouble = outcome.as_ref().err().map(ToString::to_string);
    status::write(&clusters, &resource, Some(&observed), &decision, trouble.as_deref()).await?;
    outcome?;
    Ok(Action::requeue(match (&decision.effect, decision.reason) {
        (Some(_), _) => AFTER_EFFECT,
        (None, reason) if reason.is_waiting() => WHILE_WAITING,
        (None, _) => AT_REST,
    }))
}
