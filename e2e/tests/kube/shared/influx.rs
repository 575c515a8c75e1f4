//! D: members subscribe to an InfluxDB under their stable names, and get its points.

use e2e::Receiver;

use crate::cluster::{Cluster, LONG, SOON, node};
use crate::space::Space;

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
    let alerts = receiver.settled(std::time::Duration::from_secs(4));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
}
