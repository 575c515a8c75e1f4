//! What is mounted into a member, and where: its volume, kapacitor.conf, Secrets, the load directory.
//!
//! Secrets share one volume, so that the configuration can name each file by a path that follows from
//! the resource alone.

use k8s_openapi::api::core::v1::{Pod, SecretProjection};
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

/// Whose certificate it is: the HTTP API's, or that between members.
pub(super) const API: &str = "api";
pub(super) const PEER: &str = "peer";

/// Volumes that nothing may be laid over; those of the load directory begin with [`LOAD`].
pub(super) const RESERVED: [&str; 3] = ["data", "config", SECRETS];
/// The volume with all files from Secrets.
const SECRETS: &str = "secrets";
/// What the names of the load directory's volumes begin with.
pub(super) const LOAD: &str = "load-";

/// Readable for the user and group of the image only.
const SECRET_MODE: i32 = 0o440;

/// The keys that seal what members say to each other.
pub(super) fn keys_file() -> String {
    format!("{SECRETS_DIR}/keys")
}

/// A file of a member's certificate: `tls.crt`, `tls.key` or `ca.crt`.
pub(super) fn tls_file(whose: &str, key: &str) -> String {
    format!("{SECRETS_DIR}/{whose}/{key}")
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
            json!({"secret": {"name": name, "items": [{"key": key, "path": within(&path)}]}})
        })
        .collect();
    if !secrets.is_empty() {
        let projected = json!({"defaultMode": SECRET_MODE, "sources": secrets});
        all.push(json!({"name": SECRETS, "projected": projected}));
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

/// The path of a file from a Secret within the volume of all of them.
fn within(path: &str) -> &str {
    path.trim_start_matches(SECRETS_DIR).trim_start_matches('/')
}

/// The Secret with the authority of the certificate that the API of this pod shows; `None`: the API is
/// plain.
pub(in super::super) fn authority(pod: &Pod) -> Option<String> {
    let volumes = pod.spec.as_ref()?.volumes.as_ref()?;
    let secrets = volumes.iter().find(|volume| volume.name == SECRETS)?.projected.as_ref()?;
    let sources = secrets.sources.iter().flatten().filter_map(|source| source.secret.as_ref());
    let path = tls_file(API, "ca.crt");
    let is_authority = |secret: &&SecretProjection| {
        secret.items.iter().flatten().any(|item| item.path == within(&path))
    };
    Some(sources.into_iter().find(is_authority)?.name.clone())
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
        all.push(read_only(SECRETS, SECRETS_DIR));
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
    let tls = &wanted.spec.tls;
    for (whose, secrets) in [(API, &tls.api), (PEER, &tls.peer)] {
        let Some(secrets) = secrets else { continue };
        for key in ["tls.crt", "tls.key"] {
            all.push((secrets.secret_name.as_str(), key, tls_file(whose, key)));
        }
        all.push((secrets.ca(), "ca.crt", tls_file(whose, "ca.crt")));
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
