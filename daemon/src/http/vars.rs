//! `GET /debug/vars`: statistics in the original's form, read by Telegraf and Chronograf.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use serde_json::{Map, Value as Json, json};

use super::App;
use super::answer::{Reply, ok};
use crate::clock;

/// Everything, members sorted by name.
pub(crate) async fn vars(State(app): State<Arc<App>>) -> Reply {
    let member = app.brain.look(|m| (m.cluster(), m.counters(), topics(m))).await?;
    let (cluster_id, counters, topics) = member;
    let mut sets = Sets {
        all: Map::new(),
        host: json!(app.config.hostname),
        cluster: json!(cluster_id.to_string()),
        server: json!(app.member_id.to_string()),
    };
    for ((database, policy, measurement), received) in app.ingest.received() {
        let tags = json!({
            "task_master": "main", "database": &*database, "retention_policy": &*policy,
            "measurement": &*measurement,
        });
        sets.add("ingress", tags, json!({"points_received": received}));
    }
    let tasks = app.tasks.tasks();
    for (task, _) in &tasks {
        add_task(&mut sets, &app, &task.id).await;
    }
    for (topic, collected) in topics {
        sets.add("topics", json!({"id": topic}), json!({"collected": collected}));
    }
    let load_errors = app.load_errors.load(Ordering::Relaxed);
    sets.add("load", json!({}), json!({"errors": load_errors}));
    sets.add("alert", json!({}), Json::Object(alert_values(&counters)));
    sets.add(
        "cluster",
        json!({}),
        json!({
            "dropped_member_events": counters.messages_dropped,
            "dropped_user_events": counters.dedup.outbox_overflow,
            "query_handler_errors": counters.calls_refused,
        }),
    );
    let enabled = tasks.iter().filter(|(_, life)| life.executing).count();
    let linked: usize = app.subscriptions.health().values().map(|h| h.linked).sum();
    let memory = memory();
    Ok(ok(&json!({
        "cluster_id": sets.cluster,
        "cmdline": std::env::args().collect::<Vec<_>>(),
        "host": sets.host,
        "kapacitor": sets.all,
        "memstats": {"Alloc": memory, "HeapAlloc": memory, "Sys": memory, "NumGC": 0},
        "num_enabled_tasks": enabled,
        "num_subscriptions": linked,
        "num_tasks": tasks.len(),
        "platform": "OSS",
        "product": "kapacitor",
        "server_id": sets.server,
        "uptime": clock::elapsed().as_secs_f64(),
        "version": crate::VERSION,
    })))
}

fn topics(member: &member::Member) -> Vec<(String, u64)> {
    let everything = alert::Glob::any();
    let topics = member.topics().list(&everything, alert::Level::Ok);
    topics.map(|t| (t.id.to_string(), t.collected)).collect()
}

fn alert_values(counters: &member::Counters) -> Map<String, Json> {
    let mut values = Map::new();
    values.insert("notification_dropped".to_owned(), json!(counters.dedup.notification_dropped));
    values.insert("primary-handle-count".to_owned(), json!(counters.dedup.primary_handled));
    values.insert("secondary-handle-count".to_owned(), json!(counters.dedup.secondary_handled));
    values
}

async fn add_task(sets: &mut Sets, app: &App, id: &str) {
    let Some(glimpse) = app.tasks.runner.glimpse(id).await else { return };
    for edge in &glimpse.stats.edges {
        let tags = json!({
            "task": id, "parent": &*edge.parent, "child": &*edge.child, "type": edge.edge,
        });
        let values = json!({"collected": edge.collected, "emitted": edge.emitted});
        sets.add("edges", tags, values);
    }
    for node in &glimpse.stats.nodes {
        let tags = json!({"task": id, "node": &*node.name, "type": node.edge, "kind": node.kind});
        let mut values = Map::new();
        values.insert("avg_exec_time_ns".to_owned(), json!(node.avg_exec_time_ns));
        values.insert("errors".to_owned(), json!(node.errors));
        values.insert("working_cardinality".to_owned(), json!(node.working_cardinality));
        for (name, value) in &node.extra {
            values.insert((*name).to_owned(), json!(value));
        }
        sets.add("nodes", tags, Json::Object(values));
    }
}

/// The statistics under construction, each under a key of its own.
struct Sets {
    all: Map<String, Json>,
    host: Json,
    cluster: Json,
    server: Json,
}

impl Sets {
    fn add(&mut self, name: &str, tags: Json, values: Json) {
        let Json::Object(mut tags) = tags else { return };
        tags.insert("cluster_id".to_owned(), self.cluster.clone());
        tags.insert("server_id".to_owned(), self.server.clone());
        tags.insert("host".to_owned(), self.host.clone());
        let key = uuid::Uuid::from_u64_pair(0, self.all.len() as u64 + 1).to_string();
        self.all.insert(key, json!({"name": name, "tags": tags, "values": values}));
    }
}

/// Resident bytes of this process; 0 where the system does not tell.
pub(crate) fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
