//! `GET /cluster/check`: what this member finds when it looks around, for `kapacitorctl doctor`: whether
//! it reaches every address of every other member, and what of its own set-up others should know.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use gossip::Service;
use member::MemberView;
use serde_json::{Value as Json, json};

use super::App;
use super::answer::{Refusal, Reply, ok};
use crate::clock;
use crate::config::Mode;
use crate::net::{probe::Dialer, resolve};

/// Time for one dial.
const DIAL: Duration = Duration::from_secs(3);
/// Members dialled at a time.
const AT_A_TIME: usize = 16;
/// An answer serves for so long: nobody outside can have a member dial others without end.
const FRESH: Duration = Duration::from_secs(2);

/// The last answer, and the turn to make another.
#[derive(Default)]
pub(crate) struct Checks(tokio::sync::Mutex<Option<(Instant, Json)>>);

/// `GET /cluster/check`
pub(crate) async fn get(State(app): State<Arc<App>>) -> Reply {
    let mut last = app.checks.0.lock().await;
    let body = match last.take().filter(|(at, _)| at.elapsed() < FRESH) {
        Some(known) => known,
        None => (Instant::now(), look_around(&app).await?),
    };
    let (_, body) = last.insert(body);
    // The clock is what it is now, however old the rest.
    body["time"] = clock::now().to_string().into();
    Ok(ok(body))
}

async fn look_around(app: &Arc<App>) -> Result<Json, Refusal> {
    let view = app.brain.look(member::Member::cluster_view).await?;
    let others: Vec<MemberView> =
        view.members.into_iter().filter(|m| m.id != app.member_id).collect();
    let mut ports = Vec::new();
    for some in others.chunks(AT_A_TIME) {
        let dials: Vec<_> =
            some.iter().cloned().map(|m| tokio::spawn(dial(app.clone(), m))).collect();
        for dial in dials {
            ports.extend(dial.await.unwrap_or_default());
        }
    }
    let found = if others.is_empty() {
        Vec::new()
    } else {
        tokio::task::block_in_place(|| app.tasks.disagreements())
    };
    let tasks: Vec<Json> = found
        .into_iter()
        .map(|found| json!({"task": found.task, "node": &*found.node, "why": found.why}))
        .collect();
    Ok(json!({
        "member-id": app.member_id.to_string(),
        "keys": app.keys.glance().keys,
        "open": app.keys.open_ports(&app.config),
        "ports": ports,
        "influxdb": influxdb(app),
        "tasks": tasks,
    }))
}

/// Dials the three addresses of a member.
async fn dial(app: Arc<App>, member: MemberView) -> Vec<Json> {
    let addresses = &member.addresses;
    let all = [
        (Service::Gossip, "gossip", &addresses.gossip),
        (Service::Rpc, "rpc", &addresses.rpc),
        (Service::Api, "api", &addresses.api),
    ];
    let mut found = Vec::new();
    for (service, name, address) in all {
        let (problem, error) = match look_at(&app.dialer, service, address, &member).await {
            Ok(()) => (None, None),
            Err((problem, error)) => (Some(problem), Some(error)),
        };
        found.push(json!({
            "member": member.id.to_string(),
            "status": member.status.as_str(),
            "service": name,
            "address": &**address,
            "problem": problem,
            "error": error,
        }));
    }
    found
}

/// Nothing when the right one answers; else what kind of problem it is, and the error.
async fn look_at(
    dialer: &Dialer,
    service: Service,
    address: &str,
    member: &MemberView,
) -> Result<(), (&'static str, String)> {
    let resolved = tokio::time::timeout(DIAL, resolve(address)).await;
    resolved
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(|e| ("name", e.to_string()))?;
    dialer.probe(service, address, member.id, DIAL).await.map_err(|e| ("port", e.why))
}

fn influxdb(app: &App) -> Vec<Json> {
    let health = app.subscriptions.health();
    let enabled = app.config.influxdb.iter().filter(|influxdb| influxdb.enabled);
    enabled
        .map(|influxdb| {
            json!({
                "name": influxdb.name,
                "subscription-mode": match influxdb.subscription_mode {
                    Mode::Cluster => "cluster",
                    Mode::Server => "server",
                },
                "subscriptions": !influxdb.disable_subscriptions,
                "trouble": health.get(&influxdb.name).and_then(|health| health.trouble.clone()),
            })
        })
        .collect()
}
