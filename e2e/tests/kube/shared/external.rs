//! D: an InfluxDB outside of the Kubernetes cluster, which knows no name of a pod.

use e2e::{Influx, Influxd, Receiver, until};
use serde_json::json;

use crate::cluster::{Cluster, LONG, SOON, node};
use crate::space::{Space, must};

/// Ports of the node, one for each member; the number of the pod follows.
const PORTS: &str = "3147";

/// A Service that leads from a port of the node to this pod.
fn door(space: &Space, ordinal: usize) {
    let port = PORTS.parse::<usize>().expect("a number") * 10 + ordinal;
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": format!("door-{ordinal}")},
        "spec": {
            "type": "NodePort",
            "selector": {"statefulset.kubernetes.io/pod-name": format!("demo-{ordinal}")},
            "ports": [{"port": 9092, "nodePort": port}],
        },
    });
    must(space.apply(&service.to_string()));
}

/// Waits until exactly these are subscribed, by number, each at its own address.
fn await_subscribed(influx: Influx, ordinals: &[usize]) {
    let wished: Vec<String> =
        ordinals.iter().map(|ordinal| format!("http://{}:{PORTS}{ordinal}", node())).collect();
    until(LONG, &format!("{wished:?} are subscribed"), || {
        let all = influx.subscriptions("");
        let ours = all.iter().filter(|((db, _), _)| db == "smoke");
        let mut seen: Vec<String> = ours.flat_map(|(_, to)| to.clone()).collect();
        seen.sort();
        if seen == wished { Ok(()) } else { Err(format!("{seen:?}")) }
    });
}

#[test]
fn d48_an_influxdb_outside_reaches_each_member_at_an_address_of_its_own() {
    let Some(space) = Space::new("d48") else { return };
    let influxd = Influxd::start_on(node()).expect("the scenarios need influxd");
    influxd.query("CREATE DATABASE smoke");
    let receiver = Receiver::start_on(node());
    (0..2).for_each(|ordinal| door(&space, ordinal));
    let spec = format!(
        "{{replicas: 2, alert: {{delayPerMember: 2s}}, storage: {{size: 64Mi}}, \
         external: {{addressTemplate: '{}:{PORTS}{{ordinal}}'}}, \
         influxdb: [{{name: main, default: true, urls: ['{}'], \
         subscriptionsSyncInterval: 2s, cleanup: {{sweepInterval: 10s}}}}]}}",
        node(),
        influxd.url()
    );
    let cluster = Cluster::apply(&space, &spec);
    cluster.await_sync(2, LONG);
    await_subscribed(*influxd, &[0, 1]);

    // What is written there is seen by both, and told once.
    (0..2).for_each(|ordinal| cluster.define_hot(ordinal));
    cluster.define_handler(0, &receiver.url("/"));
    influxd.write("smoke", "m,host=a v=10 1000000000");
    receiver.wait_for(1, SOON);
    for ordinal in 0..2 {
        until(SOON, &format!("member {ordinal} has seen the point"), || {
            let event = cluster.http(ordinal, "GET", "/alerts/topics/hot/events/a", "")?;
            event.success().map(drop)
        });
        let metrics = must(cluster.metrics(ordinal));
        let received = "kapacitor_points_received_total{database=\"smoke\",measurement=\"m\",\
                        retention_policy=\"autogen\"} 1";
        assert!(metrics.contains(received), "member {ordinal} took the point itself: {metrics}");
    }

    // Who leaves is unsubscribed; whoever was forgotten is swept.
    cluster.scale(1);
    cluster.await_sync(1, LONG);
    cluster.await_ledger(1, LONG);
    await_subscribed(*influxd, &[0]);
    let ghost = "0f0f0f0f-1111-4222-8333-444444444444";
    influxd.query(&format!(
        "CREATE SUBSCRIPTION \"kapacitor-{ghost}\" ON \"smoke\".\"autogen\" DESTINATIONS ALL \
         'http://{}:{PORTS}3'",
        node()
    ));
    cluster.left_claim(3, ghost);
    await_subscribed(*influxd, &[0]);
    cluster.await_event("OrphansFound", SOON);
}
