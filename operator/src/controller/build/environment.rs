//! Variables of the members: what differs between them, what is secret, and what the user adds.

use serde_json::{Value, json};

use super::super::wanted::Wanted;
use super::config::FILE;
use super::mounts::{API, CONFIG_DIR, tls_file};
use crate::crd::Influxdb;
use crate::name::HTTP_PORT;

/// Label that Kubernetes gives each pod of a set.
const INDEX_LABEL: &str = "metadata.labels['apps.kubernetes.io/pod-index']";

/// All variables. Later ones may name earlier ones; the user's come last and are other ones.
pub(super) fn environment(wanted: &Wanted) -> Vec<Value> {
    let host = wanted.names.host("$(POD_NAME)");
    let mut all = vec![
        json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
        json!({"name": "KAPACITOR_HOSTNAME", "value": host}),
        json!({"name": "KAPACITOR_CONFIG_PATH", "value": format!("{CONFIG_DIR}/{FILE}")}),
    ];
    if wanted.spec.tls.api.is_some() {
        // What `kapacitorctl` and `kapacitor` in the pod ask and trust.
        let url = format!("https://$(KAPACITOR_HOSTNAME):{HTTP_PORT}");
        all.push(json!({"name": "KAPACITOR_URL", "value": url}));
        all.push(json!({"name": "KAPACITOR_CA_CERT", "value": tls_file(API, "ca.crt")}));
    }
    if let Some((host, port)) = wanted.spec.external.address("$(POD_INDEX)", "$(POD_NAME)") {
        all.push(json!({
            "name": "POD_INDEX",
            "valueFrom": {"fieldRef": {"fieldPath": INDEX_LABEL}},
        }));
        for index in 0..wanted.spec.influxdb.len() {
            all.extend(outside(index, &host, port.as_deref()));
        }
    }
    for (index, influxdb) in wanted.spec.influxdb.iter().enumerate() {
        all.extend(credentials(index, influxdb));
    }
    all.extend(wanted.spec.env.iter().map(|variable| json!(variable)));
    all
}

/// The address that subscriptions name in place of the pod's own.
fn outside(index: usize, host: &str, port: Option<&str>) -> Vec<Value> {
    let variable = |option: &str, value: &str| json!({"name": format!("KAPACITOR_INFLUXDB_{index}_{option}"), "value": value});
    let port = port.map(|port| variable("HTTP_PORT", port));
    std::iter::once(variable("KAPACITOR_HOSTNAME", host)).chain(port).collect()
}

/// The login at an InfluxDB, from its Secret; which of the keys there are is the Secret's choice.
fn credentials(index: usize, influxdb: &Influxdb) -> Vec<Value> {
    let Some(secret) = &influxdb.credentials_secret_ref else { return Vec::new() };
    [("USERNAME", "influxdb-user"), ("PASSWORD", "influxdb-password"), ("TOKEN", "influxdb-token")]
        .into_iter()
        .map(|(option, key)| {
            json!({
                "name": format!("KAPACITOR_INFLUXDB_{index}_{option}"),
                "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key, "optional": true}},
            })
        })
        .collect()
}
