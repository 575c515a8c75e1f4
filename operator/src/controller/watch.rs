//! What wakes the controller: changes of resources, sets and pods, and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::signal::unix::{SignalKind, signal};

use super::{Error, Operator};
use crate::crd::KapacitorCluster;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::name;
use crate::outside::Outside;

/// Between attempts to find the definition of the resource.
const UNTIL_DEFINED: Duration = Duration::from_secs(2);

/// Runs until SIGTERM. `namespace` narrows what is watched.
pub async fn run<O: Outside>(operator: Operator<O>, client: Client, namespace: Option<&str>) {
    let clusters: Api<KapacitorCluster> = in_namespace(&client, namespace);
    let sets: Api<StatefulSet> = in_namespace(&client, namespace);
    let pods: Api<Pod> = in_namespace(&client, namespace);
    tracing::info!(namespace = namespace.unwrap_or("all"), "watching");
    let ours = watcher::Config::default().labels(name::OURS);
    Controller::new(clusters, watcher::Config::default())
        .owns(sets, ours.clone())
        .watches(pods, ours, |pod| {
            let cluster = pod.labels().get(name::INSTANCE)?;
            Some(ObjectRef::new(cluster).within(&pod.namespace()?))
        })
        .shutdown_on_signal()
        .run(reconcile, |_, error, _| Action::requeue(error.pause()), Arc::new(operator))
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::warn!(%error, "reconcile failed");
            }
        })
        .await;
}

async fn reconcile<O: Outside>(
    seen: Arc<KapacitorCluster>,
    operator: Arc<Operator<O>>,
) -> Result<Action, Error> {
    let namespace = seen.namespace().expect("the resource is namespaced");
    let (begin, metrics) = (Instant::now(), operator.outside.metrics());
    let pause = operator.reconcile(&namespace, &seen.name_any()).await;
    let outcome = match &pause {
        Ok(Some(pause)) if *pause == super::AFTER_EFFECT => "effect",
        Ok(Some(pause)) if *pause == super::WHILE_WAITING => "waiting",
        Ok(_) => "rest",
        Err(_) => "error",
    };
    metrics.reconciled(outcome, begin.elapsed());
    if let Err(error) = &pause {
        metrics.failed(error.kind());
    }
    let pause = pause?;
    Ok(pause.map_or_else(Action::await_change, Action::requeue))
}

/// Waits until the resource is defined and may be read.
pub async fn until_defined(
    client: &Client,
    namespace: Option<&str>,
    health: &Health,
    metrics: &Metrics,
) {
    let clusters: Api<KapacitorCluster> = in_namespace(client, namespace);
    while let Err(error) = clusters.list(&ListParams::default().limit(1)).await {
        let why = format!("cannot list kapacitorclusters.kapacitor.dev: {error}");
        tracing::warn!("{why}");
        health.missing(why);
        metrics.crd_missing(true);
        tokio::time::sleep(UNTIL_DEFINED).await;
    }
    health.complete();
    metrics.crd_missing(false);
}

/// SIGTERM. Process 1 of a container would not even notice it otherwise.
pub async fn terminated() {
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
