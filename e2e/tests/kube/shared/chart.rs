//! F: the chart of a cluster: Helm writes the resource, changes it, tests it, and takes it away.

use e2e::until;

use super::day_two::{await_roll, uids};
use super::influx::await_subscriptions;
use super::tls::certificate;
use crate::cluster::{Cluster, LONG, SOON, text};
use crate::kubectl::helm_with;
use crate::space::{Space, must};

/// Values of a small cluster.
fn values(replicas: usize) -> String {
    format!(
        "replicas: {replicas}
image: {{repository: localhost/kapacitord, tag: e2e}}
influxdb: {{urls: ['http://influxdb:8086']}}
persistence: {{size: 64Mi}}
load:
  templates:
    threshold.tick: |
      var level float
      stream|from().measurement('cpu')|alert().crit(lambda: \"usage\" > level).topic('cpu')
  tasks:
    cpu.yaml: |
      {{template-id: threshold, dbrps: ['smoke.autogen'], vars: {{level: {{type: float, value: 90}}}}}}
  handlers:
    pager.yaml: |
      {{topic: cpu, id: pager, kind: post, options: {{url: 'http://pager/'}}}}
"
    )
}

#[test]
fn f47_the_chart_of_a_cluster() {
    let Some(space) = Space::new("f47") else { return };
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    influx.query(
        "CREATE SUBSCRIPTION \"kapacitor-foreign\" ON \"smoke\".\"autogen\" DESTINATIONS ALL \
         'http://elsewhere.example:9092'",
    );
    let chart = e2e::program::root().join("charts/kapacitor").to_string_lossy().into_owned();
    let helm = |arguments: &[&str], input: &str| {
        must(helm_with(&[arguments, &["-n", &space.name]].concat(), input))
    };
    let upgrade = ["upgrade", "--install", "demo", &chart, "-f", "-"];
    helm(&upgrade, &values(2));
    let cluster = Cluster { space: &space, name: "demo" };
    cluster.await_sync(2, SOON);
    helm(&["test", "demo", "--timeout", "60s"], "");
    helm(&upgrade, &values(3));
    cluster.await_sync(3, SOON);
    until(SOON, "what the values say is on every member", || {
        (0..3).try_for_each(|ordinal| {
            let get =
                |path| Ok::<_, String>(cluster.http(ordinal, "GET", path, "")?.success()?.json());
            let task = get("/tasks/cpu")?;
            get("/alerts/topics/cpu/handlers/pager")?;
            let runs = (text(&task["template-id"]), text(&task["status"]));
            if runs == ("threshold".into(), "enabled".into()) {
                Ok(())
            } else {
                Err(task.to_string())
            }
        })
    });
    await_subscriptions(&cluster, &influx, 3);
    certificate(&space);
    let before = uids(&cluster);
    helm(&upgrade, &format!("{}tls: {{api: {{secretName: api}}}}\n", values(3)));
    await_roll(&cluster, &before);
    cluster.await_condition("Ready", "True", "InSync", SOON);
    helm(&["test", "demo", "--timeout", "60s"], "");
    helm(&["uninstall", "demo"], "");
    until(LONG, "the resource goes with its chart", || {
        if cluster.resource().is_null() { Ok(()) } else { Err(cluster.condition("Ready").1) }
    });
    await_subscriptions(&cluster, &influx, 0);
}
