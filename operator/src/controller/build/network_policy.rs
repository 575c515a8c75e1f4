//! Who may reach the members: their own ports each other, the HTTP API whom the resource names.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::{Value, json};

use super::super::wanted::Wanted;
use crate::name::{GOSSIP_PORT, HTTP_PORT, RPC_PORT};

/// The label that the operator's own pods have, wherever they are.
const OPERATOR: [(&str, &str); 1] = [("app.kubernetes.io/name", "kapacitor-operator")];

pub(super) fn network_policy(wanted: &Wanted) -> Option<NetworkPolicy> {
    let policy = &wanted.spec.network_policy;
    policy.enabled.then(|| {
        let selector = json!({"matchLabels": wanted.names.selector()});
        let port = |port: i32, protocol: &str| json!({"port": port, "protocol": protocol});
        let members = json!({
            "from": [{"podSelector": selector}],
            "ports": [
                port(GOSSIP_PORT, "TCP"),
                port(GOSSIP_PORT, "UDP"),
                port(RPC_PORT, "TCP"),
                port(HTTP_PORT, "TCP"),
            ],
        });
        let mut others = json!({"ports": [port(HTTP_PORT, "TCP")]});
        if !policy.peers.is_empty() {
            let labels: Value =
                OPERATOR.into_iter().map(|(k, v)| (k.to_owned(), json!(v))).collect();
            let mut from =
                vec![json!({"namespaceSelector": {}, "podSelector": {"matchLabels": labels}})];
            from.extend(policy.peers.iter().map(|peer| json!(peer)));
            others["from"] = json!(from);
        }
        super::typed(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": super::metadata(wanted, &wanted.names.cluster),
            "spec": {
                "podSelector": selector,
                "policyTypes": ["Ingress"],
                "ingress": [members, others],
            },
        }))
    })
}
