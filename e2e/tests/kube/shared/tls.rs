//! E: the members' HTTP API under TLS, turned on and off while the cluster runs.

use std::collections::BTreeSet;

use e2e::program::run;
use e2e::{Influx, until};
use serde_json::json;

use super::day_two::{await_roll, uids};
use crate::cluster::{Cluster, LONG, SOON};
use crate::space::Space;

/// A Secret `api` with a certificate for all members and the Service of the cluster `demo`, made as the
/// handbook says.
pub(super) fn certificate(space: &Space) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let names = format!("demo,*.demo-members.{}.svc.cluster.local", space.name);
    let made = run("kapacitorctl", &["certs", "init", &file(""), &names]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let [chain, key, authority] = [
        format!("--from-file=tls.crt={}", file("demo.pem")),
        format!("--from-file=tls.key={}", file("demo-key.pem")),
        format!("--from-file=ca.crt={}", file("ca.pem")),
    ];
    space.kubectl(&["create", "secret", "generic", "api", &chain, &key, &authority]);
}

/// The InfluxDB trusts the authority in `api` when it sends points.
fn trusting_influxdb(space: &Space) -> Influx {
    space.influxdb();
    let patch = json!({"spec": {"template": {"spec": {
        "containers": [{
            "name": "influxd",
            "env": [{"name": "INFLUXDB_SUBSCRIBER_CA_CERTS", "value": "/tls/ca.crt"}],
            "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
        }],
        "volumes": [{
            "name": "tls",
            "secret": {"secretName": "api", "items": [{"key": "ca.crt", "path": "ca.crt"}]},
        }],
    }}}});
    space.kubectl(&["patch", "deployment", "influxdb", "-p", &patch.to_string()]);
    space.kubectl(&["rollout", "status", "deployment", "influxdb", "--timeout=90s"]);
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    influx
}

/// All are in sync, and list one another, asked as the programs in their pods ask.
fn await_tls_sync(cluster: &Cluster<'_>, n: usize) {
    cluster.await_condition("Ready", "True", "InSync", LONG);
    until(SOON, &format!("each of {n} members lists all"), || {
        (0..n).try_for_each(|ordinal| {
            let said = cluster.exec(ordinal, &["kapacitorctl", "member", "list"])?;
            let alive = said.lines().filter(|line| line.trim_end().ends_with("alive")).count();
            if alive == n { Ok(()) } else { Err(format!("member {ordinal} says {said}")) }
        })
    });
}

fn await_destinations(cluster: &Cluster<'_>, influx: Influx, scheme: &str, n: usize) {
    let wished: BTreeSet<String> =
        (0..n).map(|ordinal| format!("{scheme}://{}:9092", cluster.host(ordinal))).collect();
    until(LONG, &format!("{wished:?} are subscribed"), || {
        let all = influx.subscriptions("");
        let ours = all.into_iter().filter(|((db, _), _)| db == "smoke");
        let seen: BTreeSet<String> = ours.flat_map(|(_, destinations)| destinations).collect();
        if seen == wished { Ok(()) } else { Err(format!("{seen:?}")) }
    });
}

#[test]
fn e49_tls_comes_to_the_api_and_goes_again_while_members_come_and_go() {
    let Some(space) = Space::new("e49") else { return };
    certificate(&space);
    let influx = trusting_influxdb(&space);
    let cluster = Cluster::apply(
        &space,
        "{replicas: 2, storage: {size: 64Mi}, influxdb: [{name: main, default: true, \
         urls: ['http://influxdb:8086'], subscriptionsSyncInterval: 2s}]}",
    );
    cluster.await_sync(2, LONG);
    let ids = cluster.member_ids(2);
    await_destinations(&cluster, influx, "http", 2);

    let before = uids(&cluster);
    cluster.patch(&json!({"tls": {"api": {"secretName": "api"}}}));
    await_roll(&cluster, &before);
    await_tls_sync(&cluster, 2);
    await_destinations(&cluster, influx, "https", 2);
    for ordinal in 0..2 {
        until(SOON, &format!("points reach member {ordinal}"), || {
            // One that comes before the InfluxDB has dialled anew is lost to it.
            influx.write("smoke", "m v=1 1000000000");
            let said = cluster.exec(ordinal, &["kapacitor", "stats", "ingress"])?;
            if said.contains("smoke") { Ok(()) } else { Err(said) }
        });
    }

    cluster.scale(3);
    cluster.await_ledger(3, LONG);
    await_tls_sync(&cluster, 3);
    await_destinations(&cluster, influx, "https", 3);
    cluster.scale(2);
    cluster.await_ledger(2, LONG);
    await_tls_sync(&cluster, 2);
    await_destinations(&cluster, influx, "https", 2);

    let before = uids(&cluster);
    cluster.patch(&json!({"tls": {"api": null}}));
    await_roll(&cluster, &before);
    cluster.await_sync(2, LONG);
    await_destinations(&cluster, influx, "http", 2);
    assert_eq!(cluster.member_ids(2), ids, "they are who they were");
}
