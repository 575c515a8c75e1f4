//! The ConfigMap with kapacitor.conf: the same for all members; what differs comes by environment.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use toml::{Table, Value, toml};

use super::super::wanted::Wanted;
use super::mounts::{API, DATA_DIR, LOAD_DIR, PEER, influxdb_file, keys_file, tls_file};
use crate::crd::{Cluster, Influxdb, SubscriptionProtocol};
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// Name of the file.
pub(super) const FILE: &str = "kapacitor.conf";

pub(super) fn config_map(wanted: &Wanted) -> ConfigMap {
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": super::metadata(wanted, &wanted.names.config()),
        "data": {FILE: render(wanted)},
    }))
}

fn render(wanted: &Wanted) -> String {
    let mut all = toml! {
        [logging]
        file = "STDERR"
        level = "INFO"
    };
    merge(&mut all, wanted.extra.clone());
    merge(&mut all, owned(wanted));
    let text = toml::to_string(&all).expect("tables of plain values are TOML");
    format!("# Written by kapacitor-operator; spec.extraConfig of the resource adds to it.\n{text}")
}

/// What the operator sets itself.
fn owned(wanted: &Wanted) -> Table {
    let spec = &wanted.spec;
    let influxdb = spec.influxdb.iter().enumerate();
    let influxdb: Vec<Value> =
        influxdb.map(|(index, i)| influxdb_table(wanted, index, i).into()).collect();
    // Without any the daemon would look for one on localhost.
    let none = toml! {
        enabled = false
        name = "default"
    };
    let mut all = table(vec![
        ("data_dir", DATA_DIR.into()),
        ("http", http(wanted).into()),
        ("rpc", rpc(wanted).into()),
        ("cluster", cluster(&spec.cluster, &wanted.admin_key).into()),
        (
            "alert",
            table(vec![
                ("redundancy", i64::from(spec.alert.redundancy).into()),
                ("delay-per-member", spec.alert.delay_per_member.as_str().into()),
                ("full-sync-interval", spec.alert.full_sync_interval.as_str().into()),
            ])
            .into(),
        ),
        ("influxdb", if influxdb.is_empty() { vec![none.into()] } else { influxdb }.into()),
    ]);
    if !spec.load.is_empty() {
        // A mounted ConfigMap changes all at once, so members may follow it.
        let load =
            table(vec![("enabled", true.into()), ("dir", LOAD_DIR.into()), ("watch", true.into())]);
        all.insert("load".to_owned(), load.into());
    }
    all
}

fn http(wanted: &Wanted) -> Table {
    let mut http = table(vec![("bind-address", format!(":{HTTP_PORT}").into())]);
    if wanted.spec.tls.api.is_some() {
        http.extend(table(vec![
            ("https-enabled", true.into()),
            ("https-certificate", tls_file(API, "tls.crt").into()),
            ("https-private-key", tls_file(API, "tls.key").into()),
        ]));
    }
    http
}

fn rpc(wanted: &Wanted) -> Table {
    let mut rpc = table(vec![("bind-address", format!(":{RPC_PORT}").into())]);
    if wanted.spec.tls.peer.is_some() {
        rpc.extend(table(vec![
            ("tls-certificate", tls_file(PEER, "tls.crt").into()),
            ("tls-private-key", tls_file(PEER, "tls.key").into()),
            ("tls-ca", tls_file(PEER, "ca.crt").into()),
        ]));
    }
    rpc
}

/// What is left at its default is not written, so that `extraConfig` may say it.
fn cluster(spec: &Cluster, admin_key: &str) -> Table {
    let mut cluster = table(vec![
        ("bind-address", format!(":{GOSSIP_PORT}").into()),
        ("admin-keys", vec![Value::from(admin_key)].into()),
    ]);
    if spec.gossip_members != 0 {
        cluster.insert("gossip-members".to_owned(), i64::from(spec.gossip_members).into());
    }
    for (option, interval) in [
        ("gossip-interval", &spec.gossip_interval),
        ("gossip-sync-interval", &spec.gossip_sync_interval),
    ] {
        if interval.time().is_some_and(|time| !time.is_zero()) {
            cluster.insert(option.to_owned(), interval.as_str().into());
        }
    }
    if spec.keys_secret_ref.is_some() {
        cluster.insert("keys-file".to_owned(), keys_file().into());
    }
    cluster
}

fn influxdb_table(wanted: &Wanted, index: usize, influxdb: &Influxdb) -> Table {
    let protocol =
        influxdb.subscription_protocol.unwrap_or(SubscriptionProtocol::of(&wanted.spec.tls));
    let texts = |all: &[String]| Value::from(all.to_vec());
    let mut all = table(vec![
        ("enabled", true.into()),
        ("name", influxdb.name.as_str().into()),
        ("default", influxdb.default.into()),
        ("urls", texts(&influxdb.urls)),
        // One subscription per member, so that each receives every point.
        ("subscription-mode", "server".into()),
        ("subscription-protocol", protocol.as_str().into()),
        ("subscriptions-sync-interval", influxdb.subscriptions_sync_interval.as_str().into()),
        ("insecure-skip-verify", influxdb.tls.insecure_skip_verify.into()),
    ]);
    for (option, map) in [
        ("subscriptions", &influxdb.subscriptions),
        ("excluded-subscriptions", &influxdb.excluded_subscriptions),
    ] {
        if !map.is_empty() {
            let map: Table = map.iter().map(|(db, rps)| (db.clone(), texts(rps))).collect();
            all.insert(option.to_owned(), map.into());
        }
    }
    let mut file = |option: &str, key: &str| {
        all.insert(option.to_owned(), influxdb_file(index, key).into());
    };
    if influxdb.tls.ca_secret_ref.is_some() {
        file("ssl-ca", "ca.crt");
    }
    if influxdb.tls.client_secret_ref.is_some() {
        file("ssl-cert", "tls.crt");
        file("ssl-key", "tls.key");
    }
    all
}

fn table(pairs: Vec<(&str, Value)>) -> Table {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Puts `over` on top of `base`, table by table.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
