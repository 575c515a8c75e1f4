//! D: subscriptions come with members and go with them, whatever InfluxDB does meanwhile.

use std::time::Duration;

use e2e::{Influx, Receiver, holds, until};

use crate::cluster::{Cluster, LONG, SOON, node};
use crate::space::Space;

/// What becomes of subscriptions, with times that a test can wait for.
pub(super) const BEST_EFFORT: &str = "{policy: BestEffort, deadline: 10s, sweepInterval: 10s}";

/// A cluster of `n` with the InfluxDB of its space, `main`, and its `cleanup`.
pub(super) fn spec(n: usize, cleanup: &str) -> String {
    format!(
        "{{replicas: {n}, storage: {{size: 64Mi}}, influxdb: [{{name: main, default: true, \
         urls: ['http://influxdb:8086'], subscriptionsSyncInterval: 2s, cleanup: {cleanup}}}]}}"
    )
}

/// A space with an InfluxDB that has a database, and `n` members that subscribed to it.
pub(super) fn subscribed(space: &Space, n: usize) -> (Cluster<'_>, Influx) {
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    influx.query(
        "CREATE SUBSCRIPTION \"kapacitor-foreign\" ON \"smoke\".\"autogen\" DESTINATIONS ALL \
         'http://elsewhere.example:9092'",
    );
    let cluster = Cluster::apply(space, &spec(n, BEST_EFFORT));
    cluster.await_sync(n, LONG);
    await_subscriptions(&cluster, &influx, n);
    (cluster, influx)
}

/// Exactly the first `n` members are subscribed, each once, and the foreign one still is.
pub(super) fn await_subscriptions(cluster: &Cluster<'_>, influx: &Influx, n: usize) {
    until(LONG, &format!("the subscriptions are those of {n} members and the foreign one"), || {
        let mut wished: Vec<String> =
            (0..n).map(|o| format!("http://{}:9092", cluster.host(o))).collect();
        wished.push("http://elsewhere.example:9092".to_owned());
        wished.sort();
        let all = influx.subscriptions("");
        let mut seen: Vec<String> = all
            .iter()
            .filter(|((db, _), _)| db == "smoke")
            .flat_map(|(_, destinations)| destinations.clone())
            .collect();
        seen.sort();
        if seen == wished { Ok(()) } else { Err(format!("{seen:?}")) }
    });
}

#[test]
fn d23_subscriptions_of_members_that_leave_are_dropped() {
    let Some(space) = Space::new("d23") else { return };
    let (cluster, influx) = subscribed(&space, 3);
    cluster.scale(1);
    cluster.await_sync(1, LONG);
    await_subscriptions(&cluster, &influx, 1);
    cluster.await_ledger(1, SOON);
    cluster.await_condition("SubscriptionsClean", "True", "", SOON);
}

#[test]
fn d24_influxdb_is_away_while_a_member_leaves_and_comes_back() {
    let Some(space) = Space::new("d24") else { return };
    let (cluster, _) = subscribed(&space, 2);
    space.stop_influxdb();
    cluster.scale(1);
    cluster.await_pods(1, LONG);
    cluster.await_condition("SubscriptionsClean", "False", "", SOON);
    // It comes back with empty hands; what the leaving member left is planted again.
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    let (_, id) = cluster.ledger()["demo-1"].clone();
    influx.query(&format!(
        "CREATE SUBSCRIPTION \"kapacitor-{id}\" ON \"smoke\".\"autogen\" DESTINATIONS ALL \
         'http://{}:9092'",
        cluster.host(1)
    ));
    cluster.await_subscriptions(&influx, 1, LONG);
    cluster.await_ledger(1, LONG);
    cluster.await_condition("SubscriptionsClean", "True", "", SOON);
}

/// Members make a subscription that they miss again every 2 s while they live, and while they leave.
#[test]
fn d25_a_drop_races_with_the_member_that_links_itself_again() {
    let Some(space) = Space::new("d25") else { return };
    let (cluster, influx) = subscribed(&space, 2);
    for n in [1, 2, 1] {
        cluster.scale(n);
        cluster.await_sync(n, LONG);
        cluster.await_ledger(n, LONG);
        await_subscriptions(&cluster, &influx, n);
    }
    holds(Duration::from_secs(5), "no subscription comes back", || {
        let all = influx.subscriptions("");
        let n = all.keys().filter(|(db, _)| db == "smoke").count();
        if n == 2 { Ok(()) } else { Err(format!("{all:?}")) }
    });
}

#[test]
fn d26_the_resource_is_deleted_and_all_its_subscriptions_with_it() {
    let Some(space) = Space::new("d26") else { return };
    let (cluster, influx) = subscribed(&space, 3);
    cluster.delete(LONG);
    await_subscriptions(&cluster, &influx, 0);
}

#[test]
fn d30_a_lost_volume_makes_a_new_member_and_no_second_cluster() {
    let Some(space) = Space::new("d30") else { return };
    let (cluster, influx) = subscribed(&space, 3);
    let (id, lost) = (cluster.cluster_id(3), cluster.member_ids(3)[&0].clone());
    space.kubectl(&["delete", "pvc", "data-demo-0", "--wait=false"]);
    space.kubectl(&["delete", "pod", "demo-0"]);
    cluster.await_other_id(0, &lost);
    cluster.await_sync(3, LONG);
    assert_eq!(cluster.cluster_id(3), id);
    await_subscriptions(&cluster, &influx, 3);
}

#[test]
fn d22_points_written_to_influxdb_reach_every_member_and_raise_one_alert() {
    let Some(space) = Space::new("d22") else { return };
    let influx = space.influxdb();
    influx.query("CREATE DATABASE smoke");
    let receiver = Receiver::start_on(node());
    let spec = "{replicas: 2, alert: {delayPerMember: 2s}, storage: {size: 64Mi}, \
                influxdb: [{name: main, default: true, urls: ['http://influxdb:8086']}]}";
    let cluster = Cluster::apply(&space, spec);
    cluster.await_sync(2, SOON);
    cluster.await_subscriptions(&influx, 2, LONG);
    (0..2).for_each(|ordinal| cluster.define_hot(ordinal));
    cluster.define_handler(0, &receiver.url("/"));
    influx.write("smoke", "m,host=a v=10 1000000000");
    receiver.wait_for(1, SOON);
    // A copy would come from the next in line after 2 s.
    let alerts = receiver.settled(Duration::from_secs(4));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
}
