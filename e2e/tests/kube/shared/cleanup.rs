//! D: what is left in InfluxDB when a resource goes, when somebody was forgotten, when the login fails.

use std::time::Duration;

use e2e::{holds, until};
use serde_json::json;

use super::influx::{BEST_EFFORT, spec, subscribed};
use crate::cluster::{Cluster, LONG, SOON};
use crate::kubectl::{get, kubectl};
use crate::operator::SYSTEM;
use crate::space::{Space, must};

/// A Secret `login` with this user and password.
fn login(space: &Space, user: &str, password: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
        "stringData": {"influxdb-user": user, "influxdb-password": password}});
    must(space.apply(&secret.to_string()));
}

/// [`spec`] of one member that signs in with the Secret `login`.
fn signed_in() -> String {
    let open = spec(1, BEST_EFFORT);
    let signed = open.replace("name: main,", "name: main, credentialsSecretRef: {name: login},");
    assert_ne!(open, signed);
    signed
}

fn await_gone(cluster: &Cluster<'_>) {
    until(SOON, "the resource is gone", || {
        if cluster.resource().is_null() { Ok(()) } else { Err(cluster.condition("Ready").1) }
    });
}

#[test]
fn d27_deleted_while_influxdb_is_away() {
    let Some(space) = Space::new("d27") else { return };
    let (cluster, _) = subscribed(&space, 1);
    let id = cluster.member_ids(1)[&0].clone();
    space.stop_influxdb();
    cluster.delete(LONG);
    let told = space.events();
    let orphaned = told.iter().find(|(_, reason, _)| reason == "SubscriptionsOrphaned");
    let (.., note) = orphaned.unwrap_or_else(|| panic!("a warning is left: {told:?}"));
    assert!(note.contains(&format!("DROP SUBSCRIPTION \"kapacitor-{id}\"")), "{note}");

    // Required holds it, until a human says otherwise. The volume is still there.
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    must(cluster.wish(&spec(1, "{policy: Required}")));
    cluster.await_sync(1, LONG);
    cluster.await_subscriptions(&influx, 1, LONG);
    space.stop_influxdb();
    space.kubectl(&["delete", "kc", "demo", "--wait=false"]);
    cluster.await_pods(0, LONG);
    cluster.await_condition("Ready", "False", "InfluxdbAway", SOON);
    cluster.await_condition("SubscriptionsClean", "False", "", SOON);
    holds(Duration::from_secs(12), "Required holds the resource", || {
        if cluster.resource().is_null() { Err("it is gone") } else { Ok(()) }
    });
    cluster.annotate("kapacitor.dev/skip-subscription-cleanup=true");
    await_gone(&cluster);
}

/// The finalizer must not hold a namespace for ever when its Secret and its InfluxDB go first.
#[test]
fn d28_a_namespace_is_deleted_and_its_secret_goes_first() {
    let Some(space) = Space::new("d28") else { return };
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    login(&space, "somebody", "secret");
    let cluster = Cluster::apply(&space, &signed_in());
    cluster.await_sync(1, LONG);
    cluster.await_subscriptions(&influx, 1, LONG);
    space.kubectl(&["delete", "secret", "login"]);
    must(kubectl(&["delete", "namespace", &space.name, "--wait=false"]));
    until(LONG, "the namespace is gone", || {
        let left = get(&["namespace", &space.name]);
        if left.is_null() { Ok(()) } else { Err(left["status"].to_string()) }
    });
}

#[test]
fn d29_the_sweeper_drops_what_was_ours_and_spares_the_rest() {
    let Some(space) = Space::new("d29") else { return };
    let (cluster, influx) = subscribed(&space, 2);
    // One who left while nobody looked: his claim still says who he was. And one who is known to nobody.
    let ghost = "0f0f0f0f-1111-4222-8333-444444444444";
    let unknown = "9a9a9a9a-1111-4222-8333-444444444444";
    let named = |id: &str| format!("kapacitor-{id}");
    let to = cluster.host(3);
    for id in [ghost, unknown] {
        influx.query(&format!(
            "CREATE SUBSCRIPTION \"kapacitor-{id}\" ON \"smoke\".\"autogen\" DESTINATIONS ALL \
             'http://{to}:9092'"
        ));
    }
    cluster.left_claim(3, ghost);
    let names = || influx.subscriptions("").into_keys().map(|(_, name)| name).collect::<Vec<_>>();
    until(LONG, "the one that stands in a claim is dropped", || {
        let names = names();
        if names.contains(&named(ghost)) { Err(format!("{names:?}")) } else { Ok(()) }
    });
    cluster.await_event("OrphansFound", SOON);
    let names = names();
    assert!(names.contains(&named(unknown)), "unknown ones are only told of: {names:?}");
    assert!(names.contains(&"kapacitor-foreign".to_owned()), "foreign ones are spared: {names:?}");
    for id in cluster.member_ids(2).values() {
        assert!(names.contains(&named(id)), "those of living members are spared: {names:?}");
    }
}

#[test]
fn d31_a_refused_login_shows_as_a_condition_until_it_is_right() {
    let Some(space) = Space::new("d31") else { return };
    space.influxdb();
    space.kubectl(&["set", "env", "deployment/influxdb", "INFLUXDB_HTTP_AUTH_ENABLED=true"]);
    space.kubectl(&["rollout", "status", "deployment/influxdb", "--timeout=120s"]);
    let influx = space.influxdb();
    // The first administrator may be made by anybody.
    influx.query("CREATE USER root WITH PASSWORD 'right-word' WITH ALL PRIVILEGES");
    influx.query_as("&u=root&p=right-word", "CREATE DATABASE smoke");
    login(&space, "root", "wrong-word");
    let cluster = Cluster::apply(&space, &signed_in());
    cluster.await_condition("Degraded", "True", "InfluxdbLogin", LONG);
    cluster.await_condition("SubscriptionsClean", "Unknown", "InfluxdbLogin", SOON);
    cluster.await_condition("Ready", "False", "InfluxdbLogin", SOON);
    cluster.await_event("InfluxdbLogin", SOON);
    let seen = (cluster.resource().to_string(), format!("{:?}", space.events()));
    let said = must(kubectl(&[
        "-n",
        SYSTEM,
        "logs",
        "-l",
        "app.kubernetes.io/name=kapacitor-operator",
        "--tail=-1",
    ]));
    for (text, place) in [(&seen.0, "resource"), (&seen.1, "events"), (&said, "log")] {
        assert!(!text.contains("wrong-word"), "a password in the {place}: {text}");
    }
    login(&space, "root", "right-word");
    // A member reads its login when it starts.
    space.kubectl(&["rollout", "restart", "sts/demo"]);
    cluster.await_condition("Degraded", "False", "", LONG);
    cluster.await_condition("SubscriptionsClean", "True", "", LONG);
    cluster.await_sync(1, LONG);
    until(LONG, "the member is subscribed", || {
        let all = influx.subscriptions("&u=root&p=right-word");
        if all.keys().any(|(db, _)| db == "smoke") { Ok(()) } else { Err(format!("{all:?}")) }
    });
}
