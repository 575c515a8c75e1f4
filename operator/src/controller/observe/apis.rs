//! Where the HTTP API of each member is, and how it speaks: while a change of `spec.tls.api` goes from
//! pod to pod, some speak TLS and some do not, so each pod says it itself.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decide::PodSeen;
use super::super::{Error, secret};
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
    for name in secrets {
        let authority = secret::file(server, &names.namespace, name, AUTHORITY).await?;
        authorities.insert(name, authority);
    }
    let of = |(ordinal, pod): (&i32, &PodSeen)| {
        let host = names.host(&names.pod(*ordinal));
        let api = match &pod.authority {
            None => Ok(Api::plain(&host)),
            Some(name) => authorities[name].clone().map(|pem| Api::tls(&host, pem)),
        };
        (*ordinal, api)
    };
    Ok(pods.iter().map(of).collect())
}
