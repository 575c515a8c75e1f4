//! Carrying out one effect. The two that only record something are carried out by the status.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::build;
use super::decide::{Effect, Observed};
use super::observe::FoundKey;
use super::wanted::Wanted;
use super::{Error, MANAGER, Surroundings};
use crate::key::AdminKey;
use crate::member::Members;

pub(super) async fn apply<M: Members>(
    surroundings: &Surroundings<M>,
    wanted: &Wanted,
    observed: &Observed,
    key: &FoundKey,
    effect: &Effect,
) -> Result<(), Error> {
    let client = &surroundings.client;
    match effect {
        Effect::CreateAdminKey => create_admin_key(client, wanted).await,
        Effect::ApplyChildren { replicas } => apply_children(client, wanted, *replicas).await,
        Effect::AddMember { through, ordinal } => {
            let (Some(cluster), FoundKey::Good(key)) = (&observed.cluster_id, key) else {
                return Ok(());
            };
            let token = key.token(cluster, seconds_since_1970());
            let through = wanted.names.api_url(*through);
            let member = wanted.names.rpc_address(*ordinal);
            surroundings.members.add(&through, token, &member).await.map_err(|source| Error::Add {
                member,
                through,
                source: Box::new(source),
            })
        }
        Effect::RecordCluster { .. } | Effect::RecordMember { .. } => Ok(()),
    }
}

async fn create_admin_key(client: &Client, wanted: &Wanted) -> Result<(), Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let secret = build::admin_key(wanted, &AdminKey::from_seed(seed));
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &wanted.names.namespace);
    let post = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    match secrets.create(&post, &secret).await {
        // Somebody was faster: theirs is read next time.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        created => created.map(drop).map_err(Error::of("create the admin key")),
    }
}

async fn apply_children(client: &Client, wanted: &Wanted, replicas: i32) -> Result<(), Error> {
    let children = build::children(wanted, replicas);
    put(client, &children.account).await?;
    put(client, &children.config).await?;
    put(client, &children.headless).await?;
    put(client, &children.service).await?;
    put(client, &children.set).await
}

async fn put<K>(client: &Client, child: &K) -> Result<(), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let namespace = child.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let params = PatchParams::apply(MANAGER).force();
    let applied = api.patch(&child.name_any(), &params, &Patch::Apply(child)).await;
    applied.map(drop).map_err(Error::of("apply a child"))
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
