//! Carrying out one effect. Whatever it writes down in the ledger is written by `status`, afterwards.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::build::{self, Kept};
use super::decide::{Effect, Observed, Who};
use super::observe::{Apis, FoundKey};
use super::wanted::Wanted;
use super::{Error, Operator, influx};
use crate::crd::{KapacitorCluster, MAX_REPLICAS};
use crate::key::AdminKey;
use crate::member::{Api, MemberId, Members as _};
use crate::name;
use crate::outside::Outside;
use crate::quantity::Quantity;
use crate::server::{Object, Server as _, Version};
use crate::subscriptions::{Influx as _, Row};

/// Annotations to set (`Some`) and to take away (`None`).
type Marks = BTreeMap<&'static str, Option<String>>;

/// What an effect is carried out with.
pub(super) struct Hand<'a, O> {
    pub(super) operator: &'a Operator<O>,
    pub(super) resource: &'a KapacitorCluster,
    pub(super) wanted: &'a Wanted,
    pub(super) seen: &'a Observed,
    pub(super) apis: &'a Apis,
    pub(super) key: &'a FoundKey,
}

impl<O: Outside> Hand<'_, O> {
    pub(super) async fn apply(&self, effect: &Effect) -> Result<(), Error> {
        if !self.operator.outside.leads().await {
            return Err(Error::LeadsNoMore);
        }
        match effect {
            Effect::Hold { resource } => self.finalize(resource, true).await,
            Effect::Release { resource, .. } => self.finalize(resource, false).await,
            Effect::CreateAdminKey => self.create_admin_key().await,
            Effect::ApplyChildren => self.apply_children().await,
            Effect::AddMember { through, ordinal } => self.add(*through, *ordinal).await,
            Effect::RemoveMember { through, who } => self.remove(*through, who).await,
            Effect::Stop { set } => self.resize(set, 0).await,
            Effect::Grow { set, to } | Effect::Shrink { set, to } => self.resize(set, *to).await,
            Effect::RecordMember { who, claim } => {
                let cluster = self.seen.cluster_id.clone();
                let marks = Marks::from([
                    (name::MEMBER_ID, Some(who.member_id.clone())),
                    (name::CLUSTER_ID, cluster),
                    (name::LEAVING, None),
                    (name::RETIRED, None),
                ]);
                self.mark(who.ordinal, claim, marks).await
            }
            Effect::Condemn { who, claim: Some(claim), .. } => {
                self.mark(who.ordinal, claim, set(name::LEAVING)).await
            }
            Effect::Spare { who, claim: Some(claim) } => {
                self.mark(who.ordinal, claim, [(name::LEAVING, None)].into()).await
            }
            Effect::Roll { set, to } => self.roll(set, *to).await,
            Effect::Resize { claims, to } => self.grow(claims, to).await,
            Effect::RemakeSet { set } => {
                let (names, server) = (&self.wanted.names, self.operator.outside.server());
                let gone = server.orphan::<StatefulSet>(&names.namespace, &names.cluster, set);
                gone.await.map_err(Error::of("take the StatefulSet from its pods"))
            }
            Effect::DeletePod { ordinal, pod } => {
                self.delete::<Pod>(&self.wanted.names.pod(*ordinal), pod).await
            }
            Effect::DeleteClaim { ordinal, claim } => {
                let name = self.wanted.names.claim(*ordinal);
                self.delete::<PersistentVolumeClaim>(&name, claim).await
            }
            Effect::Retire { ordinal, claim } => {
                let mut marks = set(name::RETIRED);
                marks.insert(name::LEAVING, None);
                self.mark(*ordinal, claim, marks).await
            }
            Effect::DropSubscriptions { rows } => self.drop_subscriptions(rows).await,
            Effect::Condemn { claim: None, .. }
            | Effect::Spare { claim: None, .. }
            | Effect::RebuildLedger { .. }
            | Effect::RecordCluster { .. }
            | Effect::Advance { .. }
            | Effect::Forget { .. } => Ok(()),
        }
    }

    /// Puts our finalizer on the resource, or takes it away; those of others stay.
    async fn finalize(&self, resource: &Version, hold: bool) -> Result<(), Error> {
        let names = &self.wanted.names;
        let others = self.resource.finalizers().iter().filter(|it| *it != name::FINALIZER);
        let mut all: Vec<&str> = others.map(String::as_str).collect();
        if hold {
            all.push(name::FINALIZER);
        }
        let patch = json!({"metadata": {"finalizers": all}});
        let server = self.operator.outside.server();
        let (namespace, name) = (&names.namespace, &names.cluster);
        let patched = server.merge::<KapacitorCluster>(namespace, name, resource, patch).await;
        patched.map_err(Error::of("change the finalizers of the resource"))
    }

    async fn create_admin_key(&self) -> Result<(), Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let secret = build::admin_key(self.wanted, &AdminKey::from_seed(seed));
        match self.operator.outside.server().create(&secret).await {
            // Somebody was faster: theirs is read next time.
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            created => created.map(drop).map_err(Error::of("create the admin key")),
        }
    }

    /// The number of pods of a set that is there is no part of what is applied.
    async fn apply_children(&self) -> Result<(), Error> {
        let mut children = build::children(self.wanted, &self.kept());
        self.put(&children.account).await?;
        self.put(&children.config).await?;
        self.put(&children.headless).await?;
        self.put(&children.service).await?;
        self.put_or_delete(children.budget.as_ref()).await?;
        self.put_or_delete(children.network_policy.as_ref()).await?;
        match &self.seen.set {
            Some(set) => children.set.metadata.uid = Some(set.version.uid.clone()),
            None if self.seen.wish == 0 && self.seen.pods.is_empty() => return Ok(()),
            None => {
                children.set.metadata.resource_version = Some(NEVER.to_owned());
                let spec = children.set.spec.as_mut().expect("a set has a spec");
                spec.replicas = Some(self.seen.first_size());
            }
        }
        self.put(&children.set).await
    }

    /// What the set that is applied keeps. A change reaches no pod by being applied.
    fn kept(&self) -> Kept {
        let mut kept = Kept::of(self.wanted, self.seen.set.as_ref());
        let is_change = match &self.seen.set {
            Some(set) => set.stale,
            None => !self.seen.pods.is_empty(),
        };
        if is_change {
            kept.partition = MAX_REPLICAS;
        }
        kept
    }

    async fn roll(&self, set: &Version, to: i32) -> Result<(), Error> {
        let names = &self.wanted.names;
        let patch = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": to}}}});
        let server = self.operator.outside.server();
        let patched = server.merge::<StatefulSet>(&names.namespace, &names.cluster, set, patch);
        patched.await.map_err(Error::of("change the next pod"))
    }

    async fn resize(&self, set: &Version, replicas: i32) -> Result<(), Error> {
        let names = &self.wanted.names;
        let patch = json!({"spec": {"replicas": replicas}});
        let server = self.operator.outside.server();
        let patched = server.merge::<StatefulSet>(&names.namespace, &names.cluster, set, patch);
        patched.await.map_err(Error::of("resize the StatefulSet"))
    }

    async fn grow(&self, claims: &[(i32, Version)], to: &Quantity) -> Result<(), Error> {
        let (names, server) = (&self.wanted.names, self.operator.outside.server());
        for (ordinal, claim) in claims {
            let (name, patch) = (names.claim(*ordinal), size(to));
            let grown =
                server.merge::<PersistentVolumeClaim>(&names.namespace, &name, claim, patch);
            grown.await.map_err(Error::of("grow a claim"))?;
        }
        Ok(())
    }

    async fn put<K: Object>(&self, child: &K) -> Result<(), Error> {
        let applied = self.operator.outside.server().apply(child).await;
        applied.map(drop).map_err(Error::of("apply a child"))
    }

    /// Applies a child, or deletes the one that must not be. It has the name of the cluster.
    async fn put_or_delete<K: Object>(&self, child: Option<&K>) -> Result<(), Error> {
        if let Some(child) = child {
            return self.put(child).await;
        }
        let names = &self.wanted.names;
        let server = self.operator.outside.server();
        let live: Result<Option<K>, _> = server.get(&names.namespace, &names.cluster).await;
        let live = live.map_err(Error::of("read a child"))?;
        // One that somebody else made under this name is theirs.
        match live.filter(|live| is_ours(live, self.wanted)) {
            None => Ok(()),
            Some(live) => {
                let version = Version::of(&live);
                let deleted = server.delete::<K>(&names.namespace, &names.cluster, &version).await;
                deleted.map_err(Error::of("delete a child"))
            }
        }
    }

    async fn mark(&self, ordinal: i32, claim: &Version, marks: Marks) -> Result<(), Error> {
        let (names, name) = (&self.wanted.names, self.wanted.names.claim(ordinal));
        let patch = json!({"metadata": {"annotations": marks}});
        let server = self.operator.outside.server();
        let marked = server.merge::<PersistentVolumeClaim>(&names.namespace, &name, claim, patch);
        marked.await.map_err(Error::of("mark a claim"))
    }

    async fn delete<K: Object>(&self, name: &str, version: &Version) -> Result<(), Error> {
        let namespace = &self.wanted.names.namespace;
        let deleted = self.operator.outside.server().delete::<K>(namespace, name, version).await;
        deleted.map_err(Error::of("delete what a member left"))
    }

    fn token(&self) -> String {
        let now = self.operator.outside.now().as_second().unsigned_abs();
        match (self.key, &self.seen.cluster_id) {
            (FoundKey::Good(key), Some(cluster)) => key.token(cluster, now),
            _ => unreachable!("membership is decided with a key and a cluster only"),
        }
    }

    async fn add(&self, through: i32, ordinal: i32) -> Result<(), Error> {
        let api = self.api(through);
        let member = self.wanted.names.rpc_address(ordinal);
        let added = self.operator.outside.members().add(api, self.token(), &member).await;
        added.map_err(Error::asking(format!("add {member} through {}", api.url)))
    }

    async fn remove(&self, through: i32, who: &Who) -> Result<(), Error> {
        let api = self.api(through);
        let id: MemberId = who.member_id.parse().map_err(|_| Error::NoMemberId(who.to_string()))?;
        let removed = self.operator.outside.members().remove(api, self.token(), id).await;
        removed.map_err(Error::asking(format!("remove {who} through {}", api.url)))
    }

    /// Of a member that answered.
    fn api(&self, ordinal: i32) -> &Api {
        match self.apis.get(&ordinal) {
            Some(Ok(api)) => api,
            _ => unreachable!("only members that answered are asked to change the cluster"),
        }
    }

    /// On which way a subscription came to be dropped.
    fn path(&self, row: &Row) -> &'static str {
        if self.seen.deleting.is_some() {
            "delete"
        } else if self.seen.orphans.contains(row) {
            "sweep"
        } else if self.seen.wish == 0 {
            "stop"
        } else {
            "leave"
        }
    }

    async fn drop_subscriptions(&self, rows: &[Row]) -> Result<(), Error> {
        for influxdb in &self.wanted.spec.influxdb {
            let rows: Vec<&Row> = rows.iter().filter(|r| r.influxdb == influxdb.name).collect();
            if rows.is_empty() {
                continue;
            }
            let target = influx::target(self.operator, self.resource, influxdb).await?;
            let target = target.map_err(Error::Login)?;
            for row in rows {
                if !self.operator.outside.leads().await {
                    return Err(Error::LeadsNoMore);
                }
                let influx = self.operator.outside.influx();
                influx
                    .drop_subscription(&target, &row.source, &row.name)
                    .await
                    .map_err(|source| Error::Drop { influxdb: influxdb.name.clone(), source })?;
                self.operator.outside.metrics().dropped(self.path(row), 1);
            }
        }
        Ok(())
    }
}

fn set(annotation: &'static str) -> Marks {
    Marks::from([(annotation, Some("true".to_owned()))])
}

/// A version that no set has: what is applied with it makes a set, and changes none.
const NEVER: &str = "1";

/// What has a claim ask for so much.
pub(super) fn size(to: &Quantity) -> Value {
    json!({"spec": {"resources": {"requests": {"storage": to.to_string()}}}})
}

/// Whether a child belongs to this resource.
pub(super) fn is_ours<K: kube::ResourceExt>(live: &K, wanted: &Wanted) -> bool {
    live.owner_references().iter().any(|owner| owner.uid == wanted.owner.uid)
}
