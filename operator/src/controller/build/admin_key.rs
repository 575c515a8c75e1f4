//! The Secret with the key that signs membership changes.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::super::wanted::Wanted;
use crate::key::{AdminKey, PRIVATE, PUBLIC};

/// The Secret. It is created once and never applied again: a key must not change by itself.
pub fn admin_key(wanted: &Wanted, key: &AdminKey) -> Secret {
    // Secrets hold bytes: `stringData` would be lost in a typed round trip of the answer.
    let data = |text: String| k8s_openapi::ByteString(text.into_bytes());
    super::typed(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": super::metadata(wanted, &wanted.names.admin_key()),
        "type": "Opaque",
        "immutable": true,
        "data": {PRIVATE: data(key.to_pem()), PUBLIC: data(key.public())},
    }))
}
