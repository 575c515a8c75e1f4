//! The two Services.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::super::wanted::Wanted;
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// Headless: gives each pod its host name, also before it is ready, since a member becomes ready by
/// talking to the others.
pub(super) fn headless(wanted: &Wanted) -> Service {
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": super::metadata(wanted, &wanted.names.headless()),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": wanted.names.selector(),
            "ports": [
                port("http", HTTP_PORT, "TCP"),
                port("rpc", RPC_PORT, "TCP"),
                port("gossip", GOSSIP_PORT, "TCP"),
                port("gossip-udp", GOSSIP_PORT, "UDP"),
            ],
        },
    }))
}

/// For people and tools. Subscriptions name the pods instead: each member must receive every point.
pub(super) fn service(wanted: &Wanted) -> Service {
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": super::metadata(wanted, &wanted.names.cluster),
        "spec": {
            "selector": wanted.names.selector(),
            "ports": [port("http", HTTP_PORT, "TCP")],
        },
    }))
}

fn port(name: &str, port: i32, protocol: &str) -> Value {
    json!({"name": name, "port": port, "targetPort": name, "protocol": protocol})
}
