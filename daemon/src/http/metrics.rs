//! `GET /metrics` for Prometheus. Read when asked for; nothing is counted twice.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use prometheus::core::Collector;
use prometheus::{CounterVec, Encoder as _, GaugeVec, Opts, Registry, TextEncoder};

use super::App;
use super::answer::text;
use super::vars::memory;
use crate::clock;

/// What a member holds of alerts.
const HELD: [(&str, &str); 3] = [
    ("kapacitor_alert_pending", "Events that this member holds and that are not done."),
    ("kapacitor_alert_states", "Event ids whose last state is known."),
    ("kapacitor_alert_handlers", "Topic handlers of the cluster."),
];

/// Families under construction.
struct Families {
    registry: Registry,
}

impl Families {
    /// A counter with label names and (label values, value) per series.
    fn counter(&self, name: &str, help: &str, labels: &[&str], series: &[(Vec<String>, f64)]) {
        let family = CounterVec::new(Opts::new(name, help), labels).expect("names are constants");
        for (values, value) in series {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            family.with_label_values(&values).inc_by(value.max(0.0));
        }
        self.register(family);
    }

    /// A gauge, likewise.
    fn gauge(&self, name: &str, help: &str, labels: &[&str], series: &[(Vec<String>, f64)]) {
        let family = GaugeVec::new(Opts::new(name, help), labels).expect("names are constants");
        for (values, value) in series {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            family.with_label_values(&values).set(*value);
        }
        self.register(family);
    }

    fn register<C: Collector + 'static>(&self, family: C) {
        self.registry.register(Box::new(family)).expect("each name is registered once");
    }
}

/// All families.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let families = Families { registry: Registry::new() };
    process(&families, &app);
    ingest(&families, &app);
    tasks(&families, &app).await;
    subscriptions(&families, &app);
    let looked = async {
        deliveries(&families, &app).await?;
        cluster(&families, &app).await
    };
    if looked.await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "this member is going down\n").into_response();
    }
    let mut out = Vec::new();
    TextEncoder::new()
        .encode(&families.registry.gather(), &mut out)
        .expect("families are consistent and memory takes writes");
    text("text/plain; version=0.0.4; charset=utf-8", out)
}

fn process(families: &Families, app: &App) {
    let one = |value: f64| [(vec![], value)];
    let version = vec![crate::VERSION.to_owned()];
    families.gauge(
        "kapacitor_build_info",
        "Version of this member; always 1.",
        &["version"],
        &[(version, 1.0)],
    );
    families.gauge(
        "kapacitor_resident_memory_bytes",
        "Resident memory of the process.",
        &[],
        &one(memory() as f64),
    );
    families.gauge(
        "kapacitor_uptime_seconds",
        "Seconds since the process started.",
        &[],
        &one(clock::elapsed().as_secs_f64()),
    );
    let failing = app.disk_trouble().is_some();
    families.gauge(
        "kapacitor_disk_failing",
        "1 while the disk does not take writes.",
        &[],
        &one(f64::from(u8::from(failing))),
    );
    families.counter(
        "kapacitor_log_lines_lost_total",
        "Log lines that could not be written.",
        &[],
        &one(app.log.lost() as f64),
    );
}

fn ingest(families: &Families, app: &App) {
    let series: Vec<_> = app
        .ingest
        .received()
        .into_iter()
        .map(|((database, policy, measurement), n)| {
            (vec![database.to_string(), policy.to_string(), measurement.to_string()], n as f64)
        })
        .collect();
    families.counter(
        "kapacitor_points_received_total",
        "Points taken in by write requests.",
        &["database", "retention_policy", "measurement"],
        &series,
    );
}

async fn tasks(families: &Families, app: &App) {
    let all = app.tasks.tasks();
    let executing = all.iter().filter(|(_, life)| life.executing).count();
    families.gauge(
        "kapacitor_tasks",
        "Tasks by whether they run.",
        &["executing"],
        &[
            (vec!["true".to_owned()], executing as f64),
            (vec!["false".to_owned()], (all.len() - executing) as f64),
        ],
    );
    let (mut dropped, mut queued, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    let (mut collected, mut errors, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (task, _) in &all {
        let Some(glimpse) = app.tasks.runner.glimpse(&task.id).await else { continue };
        let label = vec![task.id.clone()];
        dropped.push((label.clone(), glimpse.dropped as f64));
        queued.push((label.clone(), glimpse.waiting as f64));
        cold.push((label, f64::from(u8::from(glimpse.cold))));
        for node in &glimpse.stats.nodes {
            let label = vec![task.id.clone(), node.name.to_string()];
            collected.push((label.clone(), node.collected as f64));
            errors.push((label.clone(), node.errors as f64));
            groups.push((label, node.working_cardinality as f64));
        }
    }
    let task = ["task"];
    let node = ["task", "node"];
    families.counter(
        "kapacitor_task_points_dropped_total",
        "Points dropped because the task's queue was full.",
        &task,
        &dropped,
    );
    families.gauge(
        "kapacitor_task_queue_bytes",
        "Bytes of points that wait for the task.",
        &task,
        &queued,
    );
    families.gauge(
        "kapacitor_task_cold",
        "1 until the task's windows have filled since it started.",
        &task,
        &cold,
    );
    families.counter("kapacitor_node_collected_total", "Messages a node took.", &node, &collected);
    families.counter("kapacitor_node_errors_total", "Errors of a node.", &node, &errors);
    families.gauge("kapacitor_node_groups", "Groups a node keeps state of.", &node, &groups);
}

fn subscriptions(families: &Families, app: &App) {
    let health = app.subscriptions.health();
    let series = |value: fn(&crate::subscribe::Health) -> f64| -> Vec<(Vec<String>, f64)> {
        health.iter().map(|(name, h)| (vec![name.clone()], value(h))).collect()
    };
    let labels = ["influxdb"];
    families.gauge(
        "kapacitor_influxdb_up",
        "1 when the last pass over the InfluxDB went well.",
        &labels,
        &series(|h| f64::from(u8::from(h.trouble.is_none() && h.passes > 0))),
    );
    families.gauge(
        "kapacitor_subscriptions",
        "Subscriptions of this member.",
        &labels,
        &series(|h| h.linked as f64),
    );
    families.counter(
        "kapacitor_subscription_passes_failed_total",
        "Passes over the InfluxDB that failed.",
        &labels,
        &series(|h| h.failures as f64),
    );
}

/// What became of the events of each handler.
async fn deliveries(families: &Families, app: &App) -> Result<(), crate::brain::Gone> {
    let look = |m: &member::Member| {
        let all = m.deliveries().map(|(name, counters)| (name.clone(), counters));
        all.collect::<Vec<_>>()
    };
    let (mut ended, mut retries, mut pending) = (Vec::new(), Vec::new(), Vec::new());
    for (name, counters) in app.brain.look(look).await? {
        let label = vec![name.topic.to_string(), name.handler.to_string()];
        for (outcome, n) in [
            ("delivered", counters.delivered),
            ("refused", counters.refused),
            ("given-up", counters.given_up),
            ("cancelled", counters.cancelled),
        ] {
            let outcome = vec![outcome.to_owned()];
            ended.push(([label.clone(), outcome].concat(), n as f64));
        }
        retries.push((label.clone(), counters.retries as f64));
        pending.push((label, counters.pending as f64));
    }
    families.counter(
        "kapacitor_alert_deliveries_total",
        "Deliveries of this member that ended, by how.",
        &["topic", "handler", "outcome"],
        &ended,
    );
    let handler = ["topic", "handler"];
    families.counter(
        "kapacitor_alert_delivery_retries_total",
        "Attempts of this member after a failed one.",
        &handler,
        &retries,
    );
    families.gauge(
        "kapacitor_alert_deliveries_pending",
        "Events that this member has yet to deliver.",
        &handler,
        &pending,
    );
    Ok(())
}

async fn cluster(families: &Families, app: &App) -> Result<(), crate::brain::Gone> {
    let look = |m: &member::Member| {
        (m.cluster_view(), m.counters(), [m.pending_count(), m.state_count(), m.handler_count()])
    };
    let (view, counters, held) = app.brain.look(look).await?;
    let mut by_status = std::collections::BTreeMap::<&str, f64>::new();
    for status in ["alive", "failed", "leaving", "left"] {
        by_status.insert(status, 0.0);
    }
    for member in &view.members {
        *by_status.entry(member.status.as_str()).or_default() += 1.0;
    }
    let series: Vec<_> = by_status.into_iter().map(|(s, n)| (vec![s.to_owned()], n)).collect();
    families.gauge(
        "kapacitor_cluster_members",
        "Members as this one sees them, by status.",
        &["status"],
        &series,
    );
    families.gauge(
        "kapacitor_member_ready",
        "1 when this member takes its full part.",
        &[],
        &[(vec![], f64::from(u8::from(view.ready)))],
    );
    families.counter(
        "kapacitor_refused_total",
        "What was refused at the private ports, by port and reason.",
        &["port", "reason"],
        &refused(app, &counters),
    );
    families.counter(
        "kapacitor_dedup_overflows_total",
        "Times that a bound of de-duplication was reached, by what.",
        &["what"],
        &overflows(&counters.dedup),
    );
    for ((name, help), value) in HELD.iter().zip(held) {
        families.gauge(name, help, &[], &[(vec![], value as f64)]);
    }
    let plain = |name: &str, help: &str, value: u64| {
        families.counter(name, help, &[], &[(vec![], value as f64)]);
    };
    let keys = app.keys.glance();
    families.gauge(
        "kapacitor_cluster_keys",
        "Cluster keys in use; 0: gossip is plain.",
        &[],
        &[(vec![], keys.keys as f64)],
    );
    plain(
        "kapacitor_key_changes_total",
        "Changes of cluster keys or admin keys that were taken while running.",
        keys.changes,
    );
    plain(
        "kapacitor_key_changes_failed_total",
        "Changes of a key file that could not be taken; the keys stayed.",
        keys.failures,
    );
    plain(
        "kapacitor_alert_events_raised_total",
        "Events raised by tasks, publish and aggregate.",
        counters.raised,
    );
    plain(
        "kapacitor_alert_events_unhandled_total",
        "Events of topics that nobody handles.",
        counters.unhandled,
    );
    plain(
        "kapacitor_alert_primary_handled_total",
        "Events this member handled as the first in line.",
        counters.dedup.primary_handled,
    );
    plain(
        "kapacitor_alert_secondary_handled_total",
        "Events this member handled after the first in line did not.",
        counters.dedup.secondary_handled,
    );
    plain(
        "kapacitor_alert_notifications_dropped_total",
        "Completion notices that came too late.",
        counters.dedup.notification_dropped,
    );
    plain(
        "kapacitor_alert_match_errors_total",
        "Events whose match failed with an error.",
        counters.match_errors,
    );
    plain(
        "kapacitor_alert_hops_exceeded_total",
        "Events dropped because they were published on too often.",
        counters.too_many_hops,
    );
    plain(
        "kapacitor_alert_queue_full_total",
        "Events that a handler's queue did not take at once.",
        counters.delivery_full,
    );
    plain("kapacitor_rpc_calls_total", "Calls made to other members.", counters.calls_out);
    plain("kapacitor_rpc_calls_failed_total", "Calls without an answer.", counters.calls_failed);
    plain(
        "kapacitor_rpc_calls_served_total",
        "Calls of other members answered.",
        counters.calls_in,
    );
    plain(
        "kapacitor_rpc_calls_refused_total",
        "Calls of other members refused.",
        counters.calls_refused,
    );
    plain(
        "kapacitor_rpc_messages_dropped_total",
        "Messages dropped because a peer's queue was full.",
        counters.messages_dropped,
    );
    plain("kapacitor_syncs_total", "Full syncs that ran to their end.", counters.syncs);
    plain("kapacitor_syncs_failed_total", "Full syncs broken off.", counters.syncs_failed);
    plain(
        "kapacitor_handler_conflicts_total",
        "Concurrent edits of handlers that came to light.",
        counters.conflicts,
    );
    Ok(())
}

/// Of each bound, those that were never reached as 0.
fn overflows(dedup: &dedup::Counters) -> [(Vec<String>, f64); 7] {
    [
        ("done", dedup.done_overflow),
        ("ids", dedup.ids_overflow),
        ("lists", dedup.oversized),
        ("notes", dedup.notes_overflow),
        ("outbox", dedup.outbox_overflow),
        ("pending", dedup.pending_overflow),
        ("questions", dedup.questions_overflow),
    ]
    .map(|(what, n)| (vec![what.to_owned()], n as f64))
}

/// Each reason once, those that did not happen as 0: an alert needs the series before the attack.
fn refused(app: &App, counters: &member::Counters) -> Vec<(Vec<String>, f64)> {
    let gossip = &counters.gossip;
    let of_gossip = [
        ("cluster", gossip.dropped_cluster),
        ("key", gossip.dropped_key),
        ("malformed", gossip.dropped_malformed),
        ("old-boot", gossip.dropped_old_boot),
        ("removed", gossip.dropped_removed),
        ("replay", gossip.dropped_replay),
        ("too-long", gossip.dropped_too_long),
        ("unknown-sender", gossip.dropped_unknown_sender),
        ("unsealed", gossip.dropped_unsealed),
        ("version", gossip.dropped_version),
    ];
    let mut of_rpc = std::collections::BTreeMap::from(
        ["answer", "certificate", "removed", "undecodable"].map(|reason| (reason, 0)),
    );
    of_rpc.extend(rpc::Signal::ALL.map(|signal| (signal.as_str(), 0)));
    of_rpc.extend(app.refused.counts());
    let series =
        |port: &str, reason: &str, n: u64| (vec![port.to_owned(), reason.to_owned()], n as f64);
    let gossip = of_gossip.into_iter().map(|(reason, n)| series("gossip", reason, n));
    gossip.chain(of_rpc.into_iter().map(|(reason, n)| series("rpc", reason, n))).collect()
}
