//! Reading: live, never from a cache, since effects follow from it.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::build::{self, MARK};
use super::decide::{KeySeen, Observed, Seen, SetSeen};
use super::wanted::Wanted;
use super::{Error, Surroundings};
use crate::crd::KapacitorCluster;
use crate::key::{AdminKey, PRIVATE};
use crate::member::Members;
use crate::name::Names;

/// The key of a cluster, as it was found.
pub(super) enum FoundKey {
    Missing,
    Unreadable(String),
    Good(AdminKey),
}

impl FoundKey {
    pub(super) fn public(&self) -> Option<String> {
        match self {
            Self::Good(key) => Some(key.public()),
            _ => None,
        }
    }
}

/// Reads the key from its Secret.
pub(super) async fn admin_key(
    client: &Client,
    resource: &KapacitorCluster,
) -> Result<FoundKey, Error> {
    let namespace = resource.namespace().unwrap_or_default();
    let names =
        Names { cluster: resource.name_any(), namespace: namespace.clone(), domain: String::new() };
    let name = names.admin_key();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let secret = secrets.get_opt(&name).await.map_err(Error::of("read the admin key"))?;
    let Some(secret) = secret else { return Ok(FoundKey::Missing) };
    let pem = secret.data.as_ref().and_then(|data| data.get(PRIVATE));
    let Some(pem) = pem.and_then(|bytes| std::str::from_utf8(&bytes.0).ok()) else {
        return Ok(FoundKey::Unreadable(format!("Secret {name} has no {PRIVATE}")));
    };
    Ok(match AdminKey::parse(pem) {
        Ok(key) => FoundKey::Good(key),
        Err(why) => FoundKey::Unreadable(format!("{PRIVATE} of Secret {name} {why}")),
    })
}

/// Reads everything a decision needs.
pub(super) async fn observe<M: Members>(
    surroundings: &Surroundings<M>,
    resource: &KapacitorCluster,
    wanted: &Wanted,
    key: &FoundKey,
) -> Result<Observed, Error> {
    let client = &surroundings.client;
    let status = resource.status.clone().unwrap_or_default();
    let (set, stale) = children(client, wanted).await?;
    let members = if resource.spec.replicas == 0 || set.is_none() {
        BTreeMap::new()
    } else {
        members(surroundings, &wanted.names).await?
    };
    Ok(Observed {
        deleting: resource.metadata.deletion_timestamp.is_some(),
        wish: resource.spec.replicas,
        cluster_id: status.cluster_id,
        ledger: status.members.into_iter().map(|m| (m.ordinal, m)).collect(),
        key: match key {
            FoundKey::Missing => KeySeen::Missing,
            FoundKey::Unreadable(why) => KeySeen::Unreadable(why.clone()),
            FoundKey::Good(_) => KeySeen::Good,
        },
        stale,
        set,
        members,
    })
}

/// The set, and the children that are not as wished.
async fn children(
    client: &Client,
    wanted: &Wanted,
) -> Result<(Option<SetSeen>, Vec<String>), Error> {
    let wish = build::children(wanted, 0);
    let mut stale = Vec::new();
    look(client, &wish.account, &mut stale).await?;
    look(client, &wish.config, &mut stale).await?;
    look(client, &wish.headless, &mut stale).await?;
    look(client, &wish.service, &mut stale).await?;
    let set: Option<StatefulSet> = look(client, &wish.set, &mut stale).await?;
    let set = set.map(|set| {
        let (spec, status) = (set.spec.unwrap_or_default(), set.status.unwrap_or_default());
        SetSeen {
            replicas: spec.replicas.unwrap_or(1),
            pods: status.replicas,
            ready: status.ready_replicas.unwrap_or(0),
        }
    });
    Ok((set, stale))
}

/// The live object; notes it as stale unless it carries the mark of the wished one.
async fn look<K>(client: &Client, wish: &K, stale: &mut Vec<String>) -> Result<Option<K>, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let namespace = wish.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let live = api.get_opt(&wish.name_any()).await.map_err(Error::of("read a child"))?;
    let mark = live.as_ref().and_then(|live| live.annotations().get(MARK));
    if mark != wish.annotations().get(MARK) {
        stale.push(format!("{} {}", K::kind(&()), wish.name_any()));
    }
    Ok(live)
}

/// Asks every pod of the set that runs, all at once.
async fn members<M: Members>(
    surroundings: &Surroundings<M>,
    names: &Names,
) -> Result<BTreeMap<i32, Seen>, Error> {
    let pods: Api<Pod> = Api::namespaced(surroundings.client.clone(), &names.namespace);
    let of_set = ListParams::default().labels(&names.selector_text());
    let pods = pods.list(&of_set).await.map_err(Error::of("list pods"))?;
    let running = pods.iter().filter_map(|pod| {
        let phase = pod.status.as_ref()?.phase.as_deref()?;
        let leaving = pod.metadata.deletion_timestamp.is_some();
        let name = pod.name_any();
        let ordinal = name.strip_prefix(&names.cluster)?.strip_prefix('-')?.parse().ok()?;
        (phase == "Running" && !leaving).then_some(ordinal)
    });
    let asked = running.map(|ordinal| async move {
        let url = names.api_url(ordinal);
        let seen = match surroundings.members.cluster(&url).await {
            Ok(cluster) => Seen::Answers(cluster),
            Err(error) => Seen::Silent(error.to_string()),
        };
        (ordinal, seen)
    });
    Ok(join_all(asked).await.into_iter().collect())
}
