//! F: metrics are scraped by a real Prometheus, as the charts' monitors tell it, and the charts' dashboards
//! show something in every panel.

use std::sync::atomic::{AtomicU64, Ordering};

use e2e::{Receiver, until};
use serde_json::Value as Json;

use crate::cluster::{Cluster, LONG, SOON, node};
use crate::operator::Operator;
use crate::prometheus::{Prometheus, one, render};
use crate::space::{Space, must};

const SPEC: &str = "{replicas: 3, alert: {delayPerMember: 3s}, storage: {size: 64Mi}, \
                    influxdb: [{name: main, default: true, urls: ['http://influxdb:8086'], \
                    subscriptionsSyncInterval: 2s, cleanup: {sweepInterval: 10s}}]}";

/// The dashboard of a chart, from the ConfigMap that Grafana's sidecar reads.
fn dashboard(objects: &[serde_yaml::Value]) -> Json {
    let files = one(objects, "ConfigMap")["data"].as_mapping().expect("files");
    let (_, file) = files.iter().next().expect("a file");
    serde_json::from_str(file.as_str().expect("text")).expect("JSON")
}

#[test]
fn f44_every_panel_of_the_dashboards_shows_something() {
    let Some(space) = Space::new("f44") else { return };
    let operator = Operator::install(&space, &["replicas=2"]);
    let flags = ["dashboard.enabled=true", "podMonitor.enabled=true"];
    let members: Vec<_> = render("kapacitor", "demo", &space, &flags)
        .into_iter()
        .filter(|object| object["kind"] != "KapacitorCluster")
        .collect();
    let watch = format!("watchNamespace={}", space.name);
    let flags = ["dashboard.enabled=true", "serviceMonitor.enabled=true", &watch];
    let operators = render("kapacitor-operator", operator.release(), &space, &flags);
    must(space.apply(&serde_yaml::to_string(one(&operators, "Service")).expect("YAML")));

    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    let receiver = Receiver::start_on(node());
    let cluster = Cluster::apply(&space, SPEC);
    cluster.await_sync(3, LONG);
    (0..3).for_each(|ordinal| cluster.define_hot(ordinal));
    cluster.define_handler(0, &receiver.url("/"));
    let monitors = [one(&members, "PodMonitor"), one(&operators, "ServiceMonitor")];
    let prometheus = Prometheus::start(&space, &monitors);
    until(SOON, "three members and two operators are scraped", || match prometheus.up()? {
        5 => Ok(()),
        n => Err(format!("{n} targets are up")),
    });
    // One leaves, so that there is something to see of that, too.
    cluster.scale(2);
    cluster.await_sync(2, LONG);
    cluster.await_ledger(2, LONG);
    cluster.await_subscriptions(&influx, 2, LONG);

    let written = AtomicU64::new(0);
    let write = || {
        let n = written.fetch_add(1, Ordering::Relaxed);
        influx.write("smoke", &format!("m,host=h{n} v=10 {}", n + 1));
    };
    for (name, objects) in [("cluster", &members), ("operator", &operators)] {
        let dashboard = dashboard(objects);
        until(SOON, &format!("every query of the dashboard of the {name} has an answer"), || {
            write();
            let empty = prometheus.empty(&dashboard)?;
            if empty.is_empty() { Ok(()) } else { Err(format!("nothing for {empty:#?}")) }
        });
    }
    // What they show is what is.
    let shows = |query: &str, expect: f64| {
        until(SOON, &format!("{query} is {expect}"), || match prometheus.query(query)?[..] {
            [(_, value)] if (value - expect).abs() < f64::EPSILON => Ok(()),
            ref other => Err(format!("{other:?}")),
        });
    };
    shows("sum(kapacitor_member_ready)", 2.0);
    shows("sum(kapacitor_operator_leader)", 1.0);
    shows("max(kapacitor_operator_members{state=\"InSync\"})", 2.0);
    shows("sum(kapacitor_operator_subscriptions_dropped_total{path=\"leave\"})", 1.0);
    shows("sum(kapacitor_operator_decommission_duration_seconds_count)", 1.0);
}
