//! Reading: live, never from a cache, since effects follow from it.

mod apis;
mod claims;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt as _;

use super::apply::is_ours;
use super::build::{self, CONTAINER, Kept, MARK};
use super::decide::{self, InfluxSeen, KeySeen, Observed, PodSeen, Seen, SetSeen};
use super::wanted::Wanted;
use super::{Error, Operator, influx, memory};
use crate::crd::{ClaimPolicy, KapacitorCluster, MAX_REPLICAS, MemberState, UpdateStrategy};
use crate::key::{AdminKey, PRIVATE};
use crate::member::{Cluster, Members as _};
use crate::name::{self, Names};
use crate::outside::Outside;
use crate::quantity::Quantity;
use crate::server::{Object, Server, Version};
use crate::subscriptions::Row;
pub(super) use apis::Apis;

/// Label with what a pod was made from.
const REVISION: &str = "controller-revision-hash";
/// Why containers wait that will soon run.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

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
    server: &impl Server,
    resource: &KapacitorCluster,
) -> Result<FoundKey, Error> {
    let names = Names::of(resource);
    let given = resource.spec.http.admin_key_secret_ref.as_ref();
    let name = given.map_or_else(|| names.admin_key(), |secret| secret.name.clone());
    let secret: Option<Secret> =
        server.get(&names.namespace, &name).await.map_err(Error::of("read the admin key"))?;
    let Some(secret) = secret else {
        return Ok(match given {
            None => FoundKey::Missing,
            // It is not ours to make.
            Some(_) => FoundKey::Unreadable(format!("Secret {name} does not exist")),
        });
    };
    let pem = secret.data.as_ref().and_then(|data| data.get(PRIVATE));
    let Some(pem) = pem.and_then(|bytes| std::str::from_utf8(&bytes.0).ok()) else {
        return Ok(FoundKey::Unreadable(format!("Secret {name} has no {PRIVATE}")));
    };
    Ok(match AdminKey::parse(pem) {
        Ok(key) => FoundKey::Good(key),
        Err(why) => FoundKey::Unreadable(format!("{PRIVATE} of Secret {name} {why}")),
    })
}

/// Reads everything a decision needs, and what its effect needs to reach members.
pub(super) async fn observe<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    wanted: &Wanted,
    key: &FoundKey,
) -> Result<(Observed, Apis), Error> {
    let server = operator.outside.server();
    let names = &wanted.names;
    let status = resource.status.clone().unwrap_or_default();
    let says = |annotation| is_true(resource.annotations().get(annotation));
    let pods = pods(server, names).await?;
    let (set, stale) = children(server, wanted, !pods.is_empty()).await?;
    let size = Quantity::parse(&resource.spec.storage.size).unwrap_or_default();
    let claims = claims::look(server, names, &size).await?;
    let mut seen = Observed {
        now: operator.outside.now(),
        resource: Version::of(resource),
        deleting: resource.metadata.deletion_timestamp.as_ref().map(|time| time.0),
        held: resource.finalizers().iter().any(|finalizer| finalizer == name::FINALIZER),
        cluster: names.cluster.clone(),
        headless: format!("{}.{}.svc", names.headless(), names.namespace),
        external: external(resource, names),
        wish: resource.spec.wish(),
        size,
        floor: floor(&resource.spec.update_strategy),
        paused: resource.spec.paused,
        delete_claims: resource.spec.storage.when_deleted == ClaimPolicy::Delete,
        keep_claims: resource.spec.storage.when_scaled == ClaimPolicy::Retain,
        allow_task_loss: says(name::ALLOW_TASK_LOSS),
        skip_cleanup: says(name::SKIP_CLEANUP),
        sync_interval: influx::sync_interval(&resource.spec),
        cleanup: influx::cleanup(&resource.spec),
        cluster_id: status.cluster_id,
        ledger: status.members,
        departed: status.departed.into_iter().collect(),
        key: match key {
            FoundKey::Missing => KeySeen::Missing,
            FoundKey::Unreadable(why) => KeySeen::Unreadable(why.clone()),
            FoundKey::Good(_) => KeySeen::Good,
        },
        stale,
        set,
        pods,
        claims,
        ..Observed::default()
    };
    let apis = apis::of(server, names, &seen.pods).await?;
    seen.members = members(operator, names, &seen.pods, &apis).await;
    if seen.ledger.iter().any(|entry| entry.state == MemberState::Condemned) {
        seen.tasks = tasks(operator, &seen.members, &apis).await;
    }
    seen.influxdb = influx::look(operator, resource, &seen).await?;
    seen.orphans = orphans(operator, resource, &seen);
    Ok((seen, apis))
}

/// Hosts at which InfluxDBs outside of Kubernetes reach pods of this cluster, those that it had or may get
/// included.
fn external(resource: &KapacitorCluster, names: &Names) -> BTreeSet<String> {
    let address =
        |ordinal: i32| resource.spec.external.address(&ordinal.to_string(), &names.pod(ordinal));
    (0..MAX_REPLICAS).filter_map(address).map(|(host, _)| host.to_ascii_lowercase()).collect()
}

/// Subscriptions that belong to nobody any more; tells of those that may be somebody else's.
fn orphans<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    seen: &Observed,
) -> Vec<Row> {
    let looked_into = seen.influxdb.iter().filter(|(_, seen)| matches!(seen, InfluxSeen::Rows(_)));
    let looked_into: BTreeSet<&str> = looked_into.map(|(name, _)| name.as_str()).collect();
    let cluster = memory::key(resource);
    let found = decide::found(seen);
    for row in operator.memory.news(&cluster, found.strangers) {
        let (influxdb, name) = (&row.influxdb, &row.name);
        tracing::warn!(
            cluster = seen.cluster,
            influxdb,
            database = row.source.database,
            policy = row.source.policy,
            subscription = name,
            "a subscription leads to our pods, but is of no member that is known; it is left alone"
        );
    }
    let apart = seen.sync_interval * 2;
    operator.memory.confirm(&cluster, found.orphans, &looked_into, seen.now, apart)
}

/// The set, and the children that are not as wished.
async fn children(
    server: &impl Server,
    wanted: &Wanted,
    any_pods: bool,
) -> Result<(Option<SetSeen>, Vec<String>), Error> {
    let names = &wanted.names;
    let set: Option<StatefulSet> =
        server.get(&names.namespace, &names.cluster).await.map_err(Error::of("read the set"))?;
    let mut seen = set.as_ref().map(set_seen);
    let wish = build::children(wanted, &Kept::of(wanted, seen.as_ref()));
    let mut stale = Vec::new();
    look(server, &wish.account, &mut stale).await?;
    look(server, &wish.config, &mut stale).await?;
    look(server, &wish.headless, &mut stale).await?;
    look(server, &wish.service, &mut stale).await?;
    look_or_none(server, wanted, wish.budget.as_ref(), &mut stale).await?;
    look_or_none(server, wanted, wish.network_policy.as_ref(), &mut stale).await?;
    if let Some(seen) = &mut seen {
        seen.stale = differs(set.as_ref(), &wish.set);
    }
    // Where no pod is wished and none is there, no set is needed.
    if set.is_some() || any_pods || wanted.spec.wish() > 0 {
        compare(set.as_ref(), &wish.set, &mut stale);
    }
    Ok((seen, stale))
}

/// The lowest pod that changes may reach.
fn floor(strategy: &UpdateStrategy) -> Option<i32> {
    (!strategy.paused).then(|| strategy.partition.unwrap_or(0))
}

fn set_seen(set: &StatefulSet) -> SetSeen {
    let status = set.status.as_ref();
    let spec = set.spec.as_ref();
    let strategy = spec.and_then(|spec| spec.update_strategy.as_ref());
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    let claim = spec.and_then(|spec| spec.volume_claim_templates.as_ref()?.first()?.spec.as_ref());
    SetSeen {
        version: Version::of(set),
        ending: set.metadata.deletion_timestamp.is_some(),
        replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        stale: false,
        settled: set.metadata.generation.is_some()
            && status.and_then(|status| status.observed_generation) == set.metadata.generation,
        by_hand: strategy.is_some_and(|it| it.type_.as_deref() == Some("OnDelete")),
        partition: rolling.and_then(|rolling| rolling.partition).unwrap_or(0),
        current: status.and_then(|status| status.current_revision.clone()).unwrap_or_default(),
        update: status.and_then(|status| status.update_revision.clone()).unwrap_or_default(),
        claim_size: claim.and_then(claims::requested).unwrap_or_default(),
        pods: status.map_or(0, |status| status.replicas),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
    }
}

/// Notes a child as stale that is not as wished, or is there and must not be.
async fn look_or_none<K: Object>(
    server: &impl Server,
    wanted: &Wanted,
    wish: Option<&K>,
    stale: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(wish) = wish {
        return look(server, wish, stale).await;
    }
    let names = &wanted.names;
    let live: Option<K> =
        server.get(&names.namespace, &names.cluster).await.map_err(Error::of("read a child"))?;
    if live.is_some_and(|live| is_ours(&live, wanted)) {
        stale.push(format!("{} {}", K::kind(&()), names.cluster));
    }
    Ok(())
}

/// Notes the live object as stale unless it carries the mark of the wished one.
async fn look<K: Object>(
    server: &impl Server,
    wish: &K,
    stale: &mut Vec<String>,
) -> Result<(), Error> {
    let namespace = wish.namespace().unwrap_or_default();
    let live: Option<K> =
        server.get(&namespace, &wish.name_any()).await.map_err(Error::of("read a child"))?;
    compare(live.as_ref(), wish, stale);
    Ok(())
}

/// Notes an object as stale unless it carries the mark of the wished one.
fn compare<K: Object>(live: Option<&K>, wish: &K, stale: &mut Vec<String>) {
    if differs(live, wish) {
        stale.push(format!("{} {}", K::kind(&()), wish.name_any()));
    }
}

fn differs<K: Object>(live: Option<&K>, wish: &K) -> bool {
    let mark = live.and_then(|live| live.annotations().get(MARK));
    mark != wish.annotations().get(MARK)
}

async fn pods(server: &impl Server, names: &Names) -> Result<BTreeMap<i32, PodSeen>, Error> {
    let pods: Vec<Pod> = server
        .list(&names.namespace, &names.selector_text())
        .await
        .map_err(Error::of("list pods"))?;
    let seen = pods.into_iter().filter_map(|pod| {
        let ordinal = names.ordinal("", &pod.name_any())?;
        let containers = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
        let own = containers.and_then(|all| all.iter().find(|it| it.name == CONTAINER));
        let state = own.and_then(|own| own.state.as_ref());
        let running = state.and_then(|state| state.running.as_ref());
        let waiting = state.and_then(|state| state.waiting.as_ref()?.reason.clone());
        let seen = PodSeen {
            version: Version::of(&pod),
            ending: pod.metadata.deletion_timestamp.is_some(),
            running_since: running.and_then(|running| Some(running.started_at.as_ref()?.0)),
            revision: pod.labels().get(REVISION).cloned().unwrap_or_default(),
            made: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            ready: own.is_some_and(|own| own.ready),
            trouble: waiting.filter(|why| !STARTING.contains(&why.as_str())),
            replace: is_true(pod.annotations().get(name::REPLACE)),
            authority: build::authority(&pod),
        };
        Some((ordinal, seen))
    });
    Ok(seen.collect())
}

fn is_true(text: Option<&String>) -> bool {
    text.is_some_and(|text| text == "true")
}

/// Asks every pod that runs, all at once.
async fn members<O: Outside>(
    operator: &Operator<O>,
    names: &Names,
    pods: &BTreeMap<i32, PodSeen>,
    apis: &Apis,
) -> BTreeMap<i32, Seen> {
    let running = pods.iter().filter(|(_, pod)| pod.running_since.is_some() && !pod.ending);
    let asked = running.map(|(ordinal, _)| async move {
        let api = match &apis[ordinal] {
            Ok(api) => api,
            Err(why) => return (*ordinal, Seen::Silent(why.clone())),
        };
        let seen = match operator.outside.members().cluster(api).await {
            Ok(cluster) if says_another_name(&cluster, names, *ordinal) => {
                Seen::Silent("another member answers under its name".to_owned())
            }
            Ok(cluster) => Seen::Answers(Box::new(cluster)),
            Err(error) => Seen::Silent(error.to_string()),
        };
        (*ordinal, seen)
    });
    join_all(asked).await.into_iter().collect()
}

/// A name may still lead to where its pod was before: another member lives there now.
fn says_another_name(cluster: &Cluster, names: &Names, ordinal: i32) -> bool {
    let own = cluster.members.iter().find(|member| member.id == cluster.member_id);
    let host = own.and_then(|own| own.rpc_address.rsplit_once(':')).map(|(host, _)| host);
    host.is_some_and(|host| !names.is_host(ordinal, host))
}

/// Asks those that answer what they run.
async fn tasks<O: Outside>(
    operator: &Operator<O>,
    members: &BTreeMap<i32, Seen>,
    apis: &Apis,
) -> BTreeMap<i32, Option<BTreeSet<String>>> {
    let answering = members.iter().filter(|(_, seen)| matches!(seen, Seen::Answers(_)));
    let asked = answering.map(|(ordinal, _)| async move {
        let tasks = match &apis[ordinal] {
            Ok(api) => operator.outside.members().tasks(api).await.ok(),
            Err(_) => None,
        };
        (*ordinal, tasks)
    });
    join_all(asked).await.into_iter().collect()
}
