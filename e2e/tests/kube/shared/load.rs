//! Alerts while membership changes: none is lost, none comes twice.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::{Ledger, Load, Receiver, repeated, until};
use serde_json::json;

use crate::cluster::{Cluster, LONG, SOON, node};
use crate::space::{Space, must};

/// A delay that no pause of a busy machine reaches: who acts too early sends a second copy.
const PATIENT: &str = "{replicas: 3, alert: {delayPerMember: 10s}, storage: {size: 64Mi}}";

/// Alerts a second, each raised by every member that runs the task.
const RATE: u64 = 200;

#[test]
fn g46_three_to_five_to_two_under_load() {
    let Some(space) = Space::new("g46") else { return };
    let receiver = Receiver::start_on(node());
    let cluster = Cluster::apply(&space, PATIENT);
    cluster.await_sync(3, SOON);
    let task = json!({
        "id": "t0", "type": "stream", "status": "enabled", "script": Load::script(0),
        "dbrps": [{"db": "telegraf", "rp": "autogen"}],
    });
    let handler = json!({"id": "tell", "kind": "post", "options": {"url": receiver.url("/")}});
    let send = |ordinal: usize, path: &str, body: &serde_json::Value| {
        must(
            cluster
                .http(ordinal, "POST", path, &body.to_string())
                .and_then(e2e::http::Answer::success),
        );
    };
    (0..3).for_each(|ordinal| send(ordinal, "/tasks", &task));
    send(0, "/alerts/topics/t0/handlers", &handler);
    until(SOON, "the handler is on every member", || {
        (0..3).try_for_each(|ordinal| {
            cluster.http(ordinal, "GET", "/alerts/topics/t0/handlers/tell", "")?.success().map(drop)
        })
    });
    let address = |ordinal: usize| SocketAddr::new(must(space.pod_ip(&cluster.pod(ordinal))), 9092);
    let ledger = Ledger::default();
    let load = Load::start(&ledger, RATE, 1);
    let write_to = |n: usize| load.set(&ledger, &(0..n).map(address).collect::<Vec<_>>());
    write_to(3);
    cluster.scale(5);
    cluster.await_sync(5, LONG);
    (3..5).for_each(|ordinal| send(ordinal, "/tasks", &task));
    write_to(5);
    cluster.scale(2);
    cluster.await_sync(2, LONG);
    cluster.await_ledger(2, LONG);
    load.stop();
    assert!(ledger.taken() > 0, "something was written");
    ledger.all_received(&receiver, LONG);
    receiver.settle(Duration::from_secs(12));
    // No member crashed and no link was cut: each event was sent once.
    let twice = repeated(&receiver);
    // A delivery that is tried again may have arrived before; without one, two members have acted.
    let retries = |ordinal| {
        let all = cluster.metrics(ordinal).unwrap_or_default();
        let ours = all.lines().filter(|l| l.starts_with("kapacitor_alert_delivery_retries_total"));
        ours.collect::<Vec<_>>().join(", ")
    };
    assert!(
        twice.is_empty(),
        "of {} alerts these came more than once: {twice:?}; members 0 and 1: {:?}",
        ledger.taken(),
        [retries(0), retries(1)]
    );
}
