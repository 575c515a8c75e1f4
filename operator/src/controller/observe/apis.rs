//! Where the HTTP API of each member is, and how it speaks: while a change of `spec.tls.api` goes from
//! pod to pod, some speak TLS and some do not, so each pod says it itself.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;

use super::super::Error;
use super::super::decide::PodSeen;
use crate::member::Api;
use crate::name::Names;
use crate::server::Server;

/// Key of a Secret with the certificate of an authority.
const AUTHORITY: &str = "ca.crt";

/// The API of each pod's member, by ordinal, or why it cannot be asked.
pub(in super::super) type Apis = BTreeMap<i32, Result<Api, String>>;

/// Of all these pods.
pub(super) async fn of(
    server: &impl Server,
    names: &Names,
    pods: &BTreeMap<i32, PodSeen>,
) -> Result<Apis, Error> {
    let secrets: BTreeSet<&String> =
        pods.values().filter_map(|pod| pod.authority.as_ref()).collect();
    let mut authorities = BTreeMap::new();
    for secret in secrets {
        authorities.insert(secret, authority(server, names, secret).await?);
    }
    let of = |(ordinal, pod): (&i32, &PodSeen)| {
        let host = names.host(&names.pod(*ordinal));
        let api = match &pod.authority {
            None => Ok(Api::plain(&host)),
            Some(secret) => authorities[secret].clone().map(|pem| Api::sealed(&host, pem)),
        };
        (*ordinal, api)
    };
    Ok(pods.iter().map(of).collect())
}

async fn authority(
    server: &impl Server,
    names: &Names,
    secret: &str,
) -> Result<Result<Vec<u8>, String>, Error> {
    let read: Option<Secret> =
        server.get(&names.namespace, secret).await.map_err(Error::of("read an authority"))?;
    let pem = read.and_then(|secret| Some(secret.data?.remove(AUTHORITY)?.0));
    Ok(pem.ok_or_else(|| format!("Secret {secret} does not hold {AUTHORITY}")))
}
