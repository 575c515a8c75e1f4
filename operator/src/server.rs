//! What the operator asks of Kubernetes' API server: few operations, each with the precondition that
//! makes it safe to be late.
//!
//! A trait, so that tests stand in for the server; [`Kubernetes`] asks a real one. Everything is read
//! live: nothing here caches.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::crd::KapacitorCluster;
use crate::metrics::Metrics;

/// Who applies: the one field manager.
pub const MANAGER: &str = "kapacitor-operator";

/// Longest note of an event, in bytes: Kubernetes refuses longer ones.
const MAX_NOTE: usize = 1000;

/// Whatever lives in a namespace and whose type is known.
pub trait Object:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static
{
}

/// Which version of an object an operation is about. Another one is left alone: the operation fails
/// with a conflict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource: String,
}

/// An event of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// CamelCase, of the table of reasons.
    pub reason: &'static str,
    /// A human should look.
    pub warning: bool,
    /// What was done, CamelCase.
    pub action: String,
    /// In words.
    pub note: String,
    /// The pod that it is about, if one.
    pub pod: Option<String>,
}

/// The API server.
pub trait Server: Send + Sync {
    /// The object, if it is there.
    fn get<K: Object>(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<K>, kube::Error>> + Send;

    /// All with these labels.
    fn list<K: Object>(
        &self,
        namespace: &str,
        labels: &str,
    ) -> impl Future<Output = Result<Vec<K>, kube::Error>> + Send;

    /// Creates it; fails if it is there.
    fn create<K: Object>(&self, object: &K) -> impl Future<Output = Result<K, kube::Error>> + Send;

    /// Server-side apply. A `resourceVersion` in the object is a precondition.
    fn apply<K: Object>(&self, object: &K) -> impl Future<Output = Result<K, kube::Error>> + Send;

    /// Server-side apply of the status, with `resourceVersion` as precondition.
    fn apply_status(
        &self,
        cluster: &KapacitorCluster,
    ) -> impl Future<Output = Result<(), kube::Error>> + Send;

    /// Merges `patch` into just this version.
    fn merge<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> impl Future<Output = Result<(), kube::Error>> + Send;

    /// What [`Server::merge`] would say, with nothing written.
    fn rehearse<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> impl Future<Output = Result<(), kube::Error>> + Send;

    /// Deletes just this version, and leaves what it owns to nobody.
    fn orphan<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
    ) -> impl Future<Output = Result<(), kube::Error>> + Send;

    /// Deletes just this version.
    fn delete<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
    ) -> impl Future<Output = Result<(), kube::Error>> + Send;

    /// Tells people. Failing to is no failure.
    fn publish(&self, about: &KapacitorCluster, event: Event) -> impl Future<Output = ()> + Send;
}

impl Version {
    /// Of an object that was read.
    pub fn of(object: &impl Resource) -> Self {
        let meta = object.meta();
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            resource: meta.resource_version.clone().unwrap_or_default(),
        }
    }

    fn preconditions(&self) -> Preconditions {
        let (uid, version) = (self.uid.clone(), self.resource.clone());
        Preconditions { uid: Some(uid), resource_version: Some(version) }
    }
}

/// A real API server.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    recorder: Recorder,
    metrics: Arc<Metrics>,
}

impl Kubernetes {
    /// Asks through `client`; events are signed with `instance`, the name of this process's pod.
    pub fn new(client: Client, instance: Option<String>, metrics: Arc<Metrics>) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance };
        Self { recorder: Recorder::new(client.clone(), reporter), client, metrics }
    }

    /// Counts a request by its answer.
    fn counted<T>(&self, verb: &str, answer: Result<T, kube::Error>) -> Result<T, kube::Error> {
        self.metrics.kube_request(verb, &answer);
        answer
    }

    fn api<K: Object>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn patch<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
        mut patch: Value,
        dry_run: bool,
    ) -> Result<(), kube::Error> {
        patch["metadata"]["uid"] = json!(version.uid);
        patch["metadata"]["resourceVersion"] = json!(version.resource);
        let field_manager = Some(MANAGER.to_owned());
        let params = PatchParams { field_manager, dry_run, ..PatchParams::default() };
        let api = self.api::<K>(namespace);
        let patched = api.patch_metadata(name, &params, &Patch::Merge(patch)).await;
        self.counted("patch", patched).map(drop)
    }
}

impl Server for Kubernetes {
    async fn get<K: Object>(&self, namespace: &str, name: &str) -> Result<Option<K>, kube::Error> {
        self.counted("get", self.api(namespace).get_opt(name).await)
    }

    async fn list<K: Object>(&self, namespace: &str, labels: &str) -> Result<Vec<K>, kube::Error> {
        let params = ListParams::default().labels(labels);
        let listed = self.api(namespace).list(&params).await;
        Ok(self.counted("list", listed)?.items)
    }

    async fn create<K: Object>(&self, object: &K) -> Result<K, kube::Error> {
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let api = self.api(&object.namespace().unwrap_or_default());
        self.counted("create", api.create(&params, object).await)
    }

    async fn apply<K: Object>(&self, object: &K) -> Result<K, kube::Error> {
        let api: Api<K> = self.api(&object.namespace().unwrap_or_default());
        let params = PatchParams::apply(MANAGER).force();
        let patched = api.patch(&object.name_any(), &params, &Patch::Apply(object)).await;
        self.counted("patch", patched)
    }

    async fn apply_status(&self, cluster: &KapacitorCluster) -> Result<(), kube::Error> {
        let api: Api<KapacitorCluster> = self.api(&cluster.namespace().unwrap_or_default());
        let patch = json!({
            "apiVersion": KapacitorCluster::api_version(&()),
            "kind": KapacitorCluster::kind(&()),
            "metadata": {
                "name": cluster.name_any(),
                "uid": cluster.uid(),
                "resourceVersion": cluster.resource_version(),
            },
            "status": cluster.status,
        });
        let params = PatchParams::apply(MANAGER).force();
        let patched = api.patch_status(&cluster.name_any(), &params, &Patch::Apply(patch)).await;
        self.counted("patch", patched).map(drop)
    }

    async fn merge<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> Result<(), kube::Error> {
        self.patch::<K>(namespace, name, version, patch, false).await
    }

    async fn rehearse<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> Result<(), kube::Error> {
        self.patch::<K>(namespace, name, version, patch, true).await
    }

    async fn orphan<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
    ) -> Result<(), kube::Error> {
        let params = DeleteParams::orphan().preconditions(version.preconditions());
        let deleted = self.api::<K>(namespace).delete(name, &params).await;
        gone(self.counted("delete", deleted))
    }

    async fn delete<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        version: &Version,
    ) -> Result<(), kube::Error> {
        let params = DeleteParams::default().preconditions(version.preconditions());
        let deleted = self.api::<K>(namespace).delete(name, &params).await;
        gone(self.counted("delete", deleted))
    }

    async fn publish(&self, about: &KapacitorCluster, event: Event) {
        let regarding = about.object_ref(&());
        let secondary = event.pod.map(|name| ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(name),
            namespace: about.namespace(),
            ..ObjectReference::default()
        });
        let event = KubeEvent {
            type_: if event.warning { EventType::Warning } else { EventType::Normal },
            reason: event.reason.to_owned(),
            note: Some(short(event.note)),
            action: event.action,
            secondary,
        };
        // A namespace that is being deleted takes no new events.
        if let Err(error) = self.recorder.publish(&event, &regarding).await {
            tracing::debug!(%error, reason = event.reason, "an event was not taken");
        }
    }
}

/// What is gone already need not be deleted.
fn gone<T>(deleted: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match deleted {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        deleted => deleted.map(drop),
    }
}

fn short(mut note: String) -> String {
    if note.len() > MAX_NOTE {
        let cut = (0..=MAX_NOTE).rev().find(|at| note.is_char_boundary(*at)).unwrap_or(0);
        note.truncate(cut);
        note.push('…');
    }
    note
}
