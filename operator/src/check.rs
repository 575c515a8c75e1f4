//! Whether an operator works, seen from beside it: the definition is there, and whoever holds the lease
//! renews it. `helm test` asks.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::crd::KapacitorCluster;
use crate::lease::{self, Leases as _, TERM};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits until a leader shows that it lives, no longer than the lease runs without; says who it is.
pub(crate) async fn leader(
    client: Client,
    namespace: Option<&str>,
    lease: String,
) -> Result<String, String> {
    let clusters: Api<KapacitorCluster> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let listed = clusters.list(&ListParams::default().limit(1)).await;
    listed.map_err(|error| format!("cannot list kapacitorclusters.kapacitor.dev: {error}"))?;
    let leases = lease::Kubernetes::new(client, lease);
    let (mut pulse, begin) = (Pulse::default(), Instant::now());
    loop {
        let felt = match leases.read().await {
            Ok(lease) => pulse.feel(lease.as_ref()),
            Err(error) => Err(format!("cannot read the lease: {error}")),
        };
        match felt {
            Err(_) if begin.elapsed() < TERM => tokio::time::sleep(PAUSE).await,
            felt => return felt,
        }
    }
}

/// The signs of life of a leader.
#[derive(Debug, Default)]
struct Pulse {
    /// Who held the lease, and when it said to have renewed it.
    last: Option<(String, Option<MicroTime>)>,
}

impl Pulse {
    /// Who leads, once it has renewed the lease since an earlier look; before that, what is missing.
    fn feel(&mut self, lease: Option<&Lease>) -> Result<String, String> {
        let spec = lease.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let Some(holder) = spec.holder_identity.filter(|holder| !holder.is_empty()) else {
            self.last = None;
            return Err("no operator leads".to_owned());
        };
        match &self.last {
            Some((last, renewed)) if *last == holder && *renewed != spec.renew_time => Ok(holder),
            Some((last, _)) if *last == holder => {
                Err(format!("{holder} holds the lease, but does not renew it"))
            }
            _ => {
                let why = format!("{holder} holds the lease, and was looked at once only");
                self.last = Some((holder, spec.renew_time));
                Err(why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    #[test]
    fn who_renews_the_lease_leads() {
        let lease = |holder: &str, second| Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                renew_time: Timestamp::from_second(second).ok().map(MicroTime),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        let mut pulse = Pulse::default();
        let mut feel = |lease: Option<Lease>| pulse.feel(lease.as_ref());
        let missing = |felt: Result<String, String>, why: &str| {
            let said = felt.expect_err(why);
            assert!(said.contains(why), "{said}");
        };
        missing(feel(None), "no operator leads");
        missing(feel(Some(Lease::default())), "no operator leads");
        missing(feel(Some(lease("", 1))), "no operator leads");
        missing(feel(Some(lease("a", 1))), "looked at once only");
        missing(feel(Some(lease("a", 1))), "does not renew it");
        missing(feel(Some(lease("b", 2))), "looked at once only");
        assert_eq!(feel(Some(lease("b", 3))), Ok("b".to_owned()));
    }
}
