//! `/debug/vars` in the form that Telegraf and Chronograf read, and `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::daemon::{ALERT, Daemon};
use crate::http::request;

/// What each set carries, as recorded from the original: name, tags, values.
const SETS: [(&str, &[&str], &[&str]); 5] = [
    (
        "ingress",
        &["database", "measurement", "retention_policy", "task_master"],
        &["points_received"],
    ),
    ("edges", &["child", "parent", "task", "type"], &["collected", "emitted"]),
    ("topics", &["id"], &["collected"]),
    ("load", &[], &["errors"]),
    ("alert", &[], &["notification_dropped", "primary-handle-count", "secondary-handle-count"]),
];

const NODE_VALUES: [&str; 3] = ["avg_exec_time_ns", "errors", "working_cardinality"];

const ALERT_VALUES: [&str; 6] = [
    "alerts_inhibited",
    "alerts_triggered",
    "crits_triggered",
    "infos_triggered",
    "oks_triggered",
    "warns_triggered",
];

fn keys(json: &Json) -> BTreeSet<&str> {
    json.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

async fn busy() -> Daemon {
    let daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    daemon.define_log_handler("cpu", "h", &daemon.path("alerts")).await;
    daemon.write("cpu,host=a value=99 1\ncpu,host=b value=1 1").await;
    daemon.get("/tasks/t").await;
    crate::daemon::until("the event is collected", async || {
        crate::daemon::same(&daemon.events("cpu").await.len(), &1)
    })
    .await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_vars_has_the_sets_of_the_original() {
    let daemon = busy().await;
    let vars = daemon.get("/debug/vars").await;
    let top: Vec<_> = vars.as_object().expect("an object").keys().map(String::as_str).collect();
    assert!(top.is_sorted(), "{top:?}");
    for key in [
        "cluster_id",
        "cmdline",
        "host",
        "kapacitor",
        "memstats",
        "num_enabled_tasks",
        "num_subscriptions",
        "num_tasks",
        "platform",
        "product",
        "server_id",
        "version",
    ] {
        assert!(top.contains(&key), "{key}");
    }
    assert_eq!((&vars["num_tasks"], &vars["num_enabled_tasks"]), (&1.into(), &1.into()));
    assert_eq!(vars["server_id"], daemon.handle().member().to_string());
    let mut sets = BTreeMap::<&str, Vec<&Json>>::new();
    for set in vars["kapacitor"].as_object().expect("an object").values() {
        sets.entry(set["name"].as_str().expect("a name")).or_default().push(set);
    }
    for (name, tags, values) in SETS {
        let found = sets.get(name).unwrap_or_else(|| panic!("no set {name}: {vars}"));
        for set in found {
            let mut wanted: BTreeSet<&str> = tags.iter().copied().collect();
            wanted.extend(["cluster_id", "host", "server_id"]);
            assert_eq!(keys(&set["tags"]), wanted, "{name}");
            assert_eq!(keys(&set["values"]), values.iter().copied().collect(), "{name}");
        }
    }
    for set in &sets["nodes"] {
        let kind = set["tags"]["kind"].as_str().expect("a kind");
        let mut wanted: BTreeSet<&str> = NODE_VALUES.into();
        if kind == "alert" {
            wanted.extend(ALERT_VALUES);
        }
        let values = keys(&set["values"]);
        assert!(values.is_superset(&wanted), "{kind}: {values:?}");
        assert!(set["tags"]["node"].as_str().is_some_and(|n| n.starts_with(kind)), "{set}");
    }
    assert_eq!(sets["ingress"][0]["values"]["points_received"], 2);
    assert_eq!(sets["topics"][0]["values"]["collected"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_their_families_with_help_and_type() {
    let daemon = busy().await;
    let answer = request(daemon.http(), "GET", "/metrics", &[], b"").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    for (family, kind) in [
        ("kapacitor_build_info", "gauge"),
        ("kapacitor_resident_memory_bytes", "gauge"),
        ("kapacitor_disk_failing", "gauge"),
        ("kapacitor_points_received_total", "counter"),
        ("kapacitor_tasks", "gauge"),
        ("kapacitor_task_points_dropped_total", "counter"),
        ("kapacitor_node_errors_total", "counter"),
        ("kapacitor_cluster_members", "gauge"),
        ("kapacitor_member_ready", "gauge"),
        ("kapacitor_alert_events_raised_total", "counter"),
        ("kapacitor_alert_primary_handled_total", "counter"),
        ("kapacitor_rpc_calls_total", "counter"),
    ] {
        assert!(text.contains(&format!("# TYPE {family} {kind}\n")), "{family}\n{text}");
        assert!(text.contains(&format!("# HELP {family} ")), "{family}");
    }
    for line in [
        "kapacitor_points_received_total{database=\"telegraf\",measurement=\"cpu\",retention_policy=\"autogen\"} 2",
        "kapacitor_tasks{executing=\"true\"} 1",
        "kapacitor_cluster_members{status=\"alive\"} 1",
        "kapacitor_member_ready 1",
        "kapacitor_disk_failing 0",
        "kapacitor_alert_events_raised_total 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_how_deliveries_ended() {
    let daemon = busy().await;
    let line = |outcome: &str, n: u64| {
        let labels = format!("handler=\"h\",outcome=\"{outcome}\",topic=\"cpu\"");
        format!("kapacitor_alert_deliveries_total{{{labels}}} {n}")
    };
    crate::daemon::until("the delivery is counted", async || {
        let text = request(daemon.http(), "GET", "/metrics", &[], b"").await.text();
        let wanted = [
            line("delivered", 1),
            line("refused", 0),
            line("given-up", 0),
            "kapacitor_alert_deliveries_pending{handler=\"h\",topic=\"cpu\"} 0".to_owned(),
            "kapacitor_alert_delivery_retries_total{handler=\"h\",topic=\"cpu\"} 0".to_owned(),
        ];
        match wanted.iter().find(|wanted| !text.lines().any(|line| line == *wanted)) {
            None => Ok(()),
            Some(missing) => Err(format!("no {missing} in\n{text}")),
        }
    })
    .await;
}
