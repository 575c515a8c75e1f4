//! What is mounted into a member, and where: its volume, kapacitor.conf, Secrets, the load directory.
//!
//! Secrets share one volume, so that the configuration can name each file by a path that follows from
//! the resource alone.

use serde_json::{Value, json};

use super::super::wanted::Wanted;
use crate::crd::LoadKind;

/// Where members keep what must survive.
pub(super) const DATA_DIR: &str = "/var/lib/kapacitor";
/// Where kapacitor.conf is.
pub(super) const CONFIG_DIR: &str = "/etc/kapacitor";
/// Where keys and certificates are.
pub(super) const SECRETS_DIR: &str = "/etc/kapacitor-secrets";
/// The load directory.
pub(super) const LOAD_DIR: &str = "/etc/kapacitor-load";

/// Volumes that nothing may be laid over; those of the load directory begin with [`LOAD`].
pub(super) const RESERVED: [&str; 3] = ["data", "config", "secrets"];
/// What the names of the load directory's volumes begin with.
pub(super) const LOAD: &str = "load-";

/// Readable for the user and group of the image only.
const SECRET_MODE: i32 = 0o440;

/// The keys that seal what members say to each other.
pub(super) fn keys_file() -> String {
    format!("{SECRETS_DIR}/keys")
}

/// A file of the certificate between members: `tls.crt`, `tls.key` or `ca.crt`.
pub(super) fn peer_file(key: &str) -> String {
    format!("{SECRETS_DIR}/peer/{key}")
}

/// The same of an InfluxDB, told apart by its place in the list: its name is no safe path.
pub(super) fn influxdb_file(index: usize, key: &str) -> String {
    format!("{SECRETS_DIR}/influxdb-{index}/{key}")
}

/// Volumes of the pod, beside the claim.
pub(super) fn volumes(wanted: &Wanted) -> Vec<Value> {
    let mut all = vec![
        json!({"name": "config", "configMap": {"name": wanted.names.config()}}),
        json!({"name": "tmp", "emptyDir": {}}),
    ];
    let secrets: Vec<Value> = secrets(wanted)
        .into_iter()
        .map(|(name, key, path)| {
            let path = path.trim_start_matches(SECRETS_DIR).trim_start_matches('/');
            json!({"secret": {"name": name, "items": [{"key": key, "path": path}]}})
        })
        .collect();
    if !secrets.is_empty() {
        let projected = json!({"defaultMode": SECRET_MODE, "sources": secrets});
        all.push(json!({"name": "secrets", "projected": projected}));
    }
    for kind in kinds(wanted) {
        let maps = wanted.spec.load.iter().filter(|load| load.kind == kind);
        let maps: Vec<Value> =
            maps.map(|load| json!({"configMap": {"name": load.config_map_ref.name}})).collect();
        let name = format!("{LOAD}{}", kind.as_str());
        all.push(json!({"name": name, "projected": {"sources": maps}}));
    }
    all
}

/// Where they are mounted in the member's container.
pub(super) fn mounts(wanted: &Wanted) -> Vec<Value> {
    let read_only =
        |name: &str, path: &str| json!({"name": name, "mountPath": path, "readOnly": true});
    let mut all = vec![
        json!({"name": "data", "mountPath": DATA_DIR}),
        read_only("config", CONFIG_DIR),
        json!({"name": "tmp", "mountPath": "/tmp"}),
    ];
    if !secrets(wanted).is_empty() {
        all.push(read_only("secrets", SECRETS_DIR));
    }
    for kind in kinds(wanted) {
        let kind = kind.as_str();
        all.push(read_only(&format!("{LOAD}{kind}"), &format!("{LOAD_DIR}/{kind}")));
    }
    all
}

/// Each file from a Secret: name of the Secret, key in it, path.
fn secrets(wanted: &Wanted) -> Vec<(&str, &str, String)> {
    let mut all = Vec::new();
    if let Some(keys) = &wanted.spec.cluster.keys_secret_ref {
        all.push((keys.name.as_str(), keys.key.as_str(), keys_file()));
    }
    if let Some(peer) = &wanted.spec.tls.peer {
        for key in ["tls.crt", "tls.key"] {
            all.push((peer.secret_name.as_str(), key, peer_file(key)));
        }
        all.push((peer.ca(), "ca.crt", peer_file("ca.crt")));
    }
    for (index, influxdb) in wanted.spec.influxdb.iter().enumerate() {
        if let Some(ca) = &influxdb.tls.ca_secret_ref {
            all.push((ca.name.as_str(), "ca.crt", influxdb_file(index, "ca.crt")));
        }
        if let Some(client) = &influxdb.tls.client_secret_ref {
            for key in ["tls.crt", "tls.key"] {
                all.push((client.name.as_str(), key, influxdb_file(index, key)));
            }
        }
    }
    all
}

/// The kinds of files that are loaded.
fn kinds(wanted: &Wanted) -> impl Iterator<Item = LoadKind> {
    LoadKind::ALL.into_iter().filter(|kind| wanted.spec.load.iter().any(|l| l.kind == *kind))
}
