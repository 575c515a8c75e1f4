//! Looking into the InfluxDBs of a cluster, when something there is of interest.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::decide::{Cleanup, InfluxSeen, Observed, Patience};
use super::{Error, Operator, memory, secret};
use crate::crd::{
    CleanupPolicy, Influxdb, KapacitorCluster, KapacitorClusterSpec, MemberState, Sweep,
};
use crate::name::Names;
use crate::outside::Outside;
use crate::server::Server as _;
use crate::subscriptions::{Influx as _, Login, Target};

/// Keys of a Secret with a login.
const USER: &str = "influxdb-user";
const PASSWORD: &str = "influxdb-password";
const TOKEN: &str = "influxdb-token";

/// The daemon's default of `subscriptions-sync-interval`.
const SYNC_INTERVAL: Duration = Duration::from_mins(1);

/// For texts that the schema does not let through.
const DEADLINE: Duration = Duration::from_mins(5);
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);

/// How long a member takes at most to subscribe again where its subscription is missing.
pub(super) fn sync_interval(spec: &KapacitorClusterSpec) -> Duration {
    let intervals = spec.influxdb.iter().filter_map(|i| i.subscriptions_sync_interval.time());
    intervals.filter(|interval| !interval.is_zero()).max().unwrap_or(SYNC_INTERVAL)
}

/// What becomes of the subscriptions in each InfluxDB.
pub(super) fn cleanup(spec: &KapacitorClusterSpec) -> BTreeMap<String, Cleanup> {
    let of = |influxdb: &Influxdb| {
        let wish = &influxdb.cleanup;
        let patience = match wish.policy {
            CleanupPolicy::Skip => Patience::Never,
            CleanupPolicy::Required => Patience::Always,
            CleanupPolicy::BestEffort => Patience::Until(wish.deadline.time().unwrap_or(DEADLINE)),
        };
        (influxdb.name.clone(), Cleanup { patience, sweep: wish.sweep() == Sweep::Drop })
    };
    spec.influxdb.iter().map(of).collect()
}

/// What the InfluxDBs show; those that nobody waits for are not asked.
pub(super) async fn look<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    seen: &Observed,
) -> Result<BTreeMap<String, InfluxSeen>, Error> {
    let unsubscribing = seen.ledger.iter().any(|entry| entry.state == MemberState::Unsubscribing);
    let stopped = seen.wish == 0 && seen.pods.is_empty();
    let ends = seen.deleting.is_some() && seen.held && seen.pods.is_empty();
    let waits = unsubscribing || stopped || ends;
    let cluster = memory::key(resource);
    let is_due = |influxdb: &Influxdb| {
        let interval = influxdb.cleanup.sweep_interval.time().unwrap_or(SWEEP_INTERVAL);
        let again = seen.sync_interval * 2;
        let memory = &operator.memory;
        memory.is_sweep_due(&cluster, &influxdb.name, seen.now, interval, again)
    };
    let asked = resource.spec.influxdb.iter().map(|influxdb| {
        let is_due = is_due(influxdb);
        async move {
            let answer = if (waits || is_due) && !seen.skip_cleanup {
                ask(operator, resource, influxdb).await?
            } else {
                InfluxSeen::NotAsked
            };
            Ok((influxdb.name.clone(), answer))
        }
    });
    join_all(asked).await.into_iter().collect()
}

async fn ask<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    influxdb: &Influxdb,
) -> Result<InfluxSeen, Error> {
    let cluster = memory::key(resource);
    let now = operator.outside.now();
    if let Some(seen) = operator.memory.pausing(&cluster, &influxdb.name, now) {
        return Ok(seen);
    }
    let seen = match target(operator, resource, influxdb).await? {
        Err(why) => InfluxSeen::Locked(why),
        Ok(target) => match operator.outside.influx().subscriptions(&target).await {
            Ok(rows) => {
                operator.memory.looked(&cluster, &influxdb.name, now);
                operator.outside.metrics().swept(now);
                operator.memory.answered(&cluster, &influxdb.name);
                return Ok(InfluxSeen::Rows(rows));
            }
            Err(error @ ::influx::Error::Refused { status: 401 | 403, .. }) => {
                InfluxSeen::Refused(error.to_string())
            }
            Err(error) => InfluxSeen::Away(error.to_string()),
        },
    };
    operator.memory.is_away(&cluster, &influxdb.name, seen.clone(), now);
    Ok(seen)
}

/// Where an InfluxDB is and how to log in, or why that cannot be said.
pub(super) async fn target<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    influxdb: &Influxdb,
) -> Result<Result<Target, String>, Error> {
    let login = match &influxdb.credentials_secret_ref {
        None => Login::Open,
        Some(secret) => {
            let namespace = resource.namespace().unwrap_or_default();
            let read: Option<Secret> = operator
                .outside
                .server()
                .get(&namespace, &secret.name)
                .await
                .map_err(Error::of("read a login"))?;
            let cluster = memory::key(resource);
            let read = read.as_ref().and_then(login);
            match operator.memory.login(&cluster, &secret.name, read) {
                Some(login) => login,
                None => {
                    let need = format!("{USER} and {PASSWORD}, or {TOKEN}");
                    return Ok(Err(format!("Secret {} does not hold {need}", secret.name)));
                }
            }
        }
    };
    let names = Names::of(resource);
    let urls = influxdb.urls.iter().map(|url| names.seen_from_outside(url)).collect();
    let name = influxdb.name.clone();
    let tls = tls(operator, resource, influxdb).await?;
    Ok(tls.map(|tls| Target { name, urls, login, tls }))
}

/// The same TLS options that members have, or why that cannot be said.
async fn tls<O: Outside>(
    operator: &Operator<O>,
    resource: &KapacitorCluster,
    influxdb: &Influxdb,
) -> Result<Result<influx::Tls, String>, Error> {
    let namespace = resource.namespace().unwrap_or_default();
    let file = async |name: &str, key: &str| {
        secret::file(operator.outside.server(), &namespace, name, key).await
    };
    let mut tls =
        influx::Tls { skip_verify: influxdb.tls.insecure_skip_verify, ..influx::Tls::default() };
    if let Some(secret) = &influxdb.tls.ca_secret_ref {
        match file(&secret.name, "ca.crt").await? {
            Ok(ca) => tls.ca = Some(ca),
            Err(why) => return Ok(Err(why)),
        }
    }
    if let Some(secret) = &influxdb.tls.client_secret_ref {
        let (chain, key) =
            (file(&secret.name, "tls.crt").await?, file(&secret.name, "tls.key").await?);
        match (chain, key) {
            (Ok(chain), Ok(key)) => tls.identity = Some((chain, key)),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        }
    }
    Ok(Ok(tls))
}

fn login(secret: &Secret) -> Option<Login> {
    let data = secret.data.as_ref()?;
    let text = |key: &str| String::from_utf8(data.get(key)?.0.clone()).ok();
    if let Some(token) = text(TOKEN) {
        return Some(Login::Token(token));
    }
    Some(Login::Basic { user: text(USER)?, password: text(PASSWORD)? })
}
