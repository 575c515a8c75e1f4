//! Reading a file out of a Secret.

use k8s_openapi::api::core::v1::Secret;

use super::Error;
use crate::server::Server;

/// The content of a key of a Secret, or why there is none, in words.
pub(super) async fn file(
    server: &impl Server,
    namespace: &str,
    name: &str,
    key: &str,
) -> Result<Result<Vec<u8>, String>, Error> {
    let read: Option<Secret> =
        server.get(namespace, name).await.map_err(Error::of("read a certificate"))?;
    let file = read.and_then(|secret| Some(secret.data?.remove(key)?.0));
    Ok(file.ok_or_else(|| format!("Secret {name} does not hold {key}")))
}
