//! The ConfigMap with kapacitor.conf: the same for all members; what differs comes by environment.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use toml::{Table, Value, toml};

use super::super::wanted::Wanted;
use crate::crd::Influxdb;
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// Name of the file.
pub(super) const FILE: &str = "kapacitor.conf";
/// Where members keep what must survive.
pub(super) const DATA_DIR: &str = "/var/lib/kapacitor";

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
    let alert = &wanted.spec.alert;
    let text = |text: &str| Value::String(text.to_owned());
    let table = |pairs: Vec<(&str, Value)>| {
        Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let keys = vec![text(&wanted.admin_key)];
    let influxdb = wanted.spec.influxdb.iter().map(|i| influxdb(i, &table)).collect::<Vec<_>>();
    // Without any the daemon would look for one on localhost.
    let none = || vec![table(vec![("enabled", Value::Boolean(false)), ("name", text("default"))])];
    let Value::Table(all) = table(vec![
        ("data_dir", text(DATA_DIR)),
        ("http", table(vec![("bind-address", Value::String(format!(":{HTTP_PORT}")))])),
        ("rpc", table(vec![("bind-address", Value::String(format!(":{RPC_PORT}")))])),
        (
            "cluster",
            table(vec![
                ("bind-address", Value::String(format!(":{GOSSIP_PORT}"))),
                ("admin-keys", Value::Array(keys)),
            ]),
        ),
        (
            "alert",
            table(vec![
                ("redundancy", Value::Integer(alert.redundancy.into())),
                ("delay-per-member", text(&alert.delay_per_member)),
            ]),
        ),
        ("influxdb", Value::Array(if influxdb.is_empty() { none() } else { influxdb })),
    ]) else {
        unreachable!("a table was made")
    };
    all
}

fn influxdb(influxdb: &Influxdb, table: &impl Fn(Vec<(&str, Value)>) -> Value) -> Value {
    let urls = influxdb.urls.iter().cloned().map(Value::String).collect();
    table(vec![
        ("enabled", Value::Boolean(true)),
        ("name", Value::String(influxdb.name.clone())),
        ("default", Value::Boolean(influxdb.default)),
        ("urls", Value::Array(urls)),
        // One subscription per member, so that each receives every point.
        ("subscription-mode", Value::String("server".to_owned())),
    ])
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
