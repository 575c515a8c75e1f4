//! The claims of a cluster, and whether those that are too small may grow.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec};
use kube::ResourceExt as _;

use super::is_true;
use crate::controller::Error;
use crate::controller::apply;
use crate::controller::decide::ClaimSeen;
use crate::name::{self, Names};
use crate::quantity::Quantity;
use crate::server::{Server, Version};

/// What a claim says while only its node can go on.
const PENDING: &str = "FileSystemResizePending";

pub(super) async fn look(
    server: &impl Server,
    names: &Names,
    size: &Quantity,
) -> Result<BTreeMap<i32, ClaimSeen>, Error> {
    let claims: Vec<PersistentVolumeClaim> = server
        .list(&names.namespace, &names.selector_text())
        .await
        .map_err(Error::of("list claims"))?;
    let mut seen = BTreeMap::new();
    for claim in claims {
        let Some(ordinal) = names.ordinal("data-", &claim.name_any()) else { continue };
        let mut claim = claim_seen(&claim);
        if claim.bound && !claim.ending && !claim.retired && claim.requested < *size {
            let (name, patch) = (names.claim(ordinal), apply::size(size));
            let version = &claim.version;
            let tried = server
                .rehearse::<PersistentVolumeClaim>(&names.namespace, &name, version, patch)
                .await;
            claim.fixed = refusal(tried)?;
        }
        seen.insert(ordinal, claim);
    }
    Ok(seen)
}

/// Why the API server will never take a change; failures that pass are left to the attempt.
fn refusal(tried: Result<(), kube::Error>) -> Result<Option<String>, Error> {
    match tried {
        Ok(()) => Ok(None),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 422) => {
            Ok(Some(status.message.clone()))
        }
        // Something in between cannot rehearse. A claim that changed meanwhile is asked again.
        Err(kube::Error::Api(status)) if status.code == 400 => Ok(None),
        Err(error) => Err(Error::of("ask whether a claim may grow")(error)),
    }
}

/// Size that a claim asks for.
pub(super) fn requested(claim: &PersistentVolumeClaimSpec) -> Option<Quantity> {
    let storage = claim.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    Quantity::parse(&storage.0)
}

fn claim_seen(claim: &PersistentVolumeClaim) -> ClaimSeen {
    let says = |annotation| claim.annotations().get(annotation);
    let status = claim.status.as_ref();
    let capacity = status.and_then(|status| status.capacity.as_ref()?.get("storage"));
    let mut conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let pending = conditions.find(|it| it.type_ == PENDING && it.status == "True");
    ClaimSeen {
        version: Version::of(claim),
        ending: claim.metadata.deletion_timestamp.is_some(),
        member_id: says(name::MEMBER_ID).cloned(),
        cluster_id: says(name::CLUSTER_ID).cloned(),
        leaving: is_true(says(name::LEAVING)),
        retired: is_true(says(name::RETIRED)),
        keep: is_true(says(name::KEEP)),
        bound: status.and_then(|status| status.phase.as_deref()) == Some("Bound"),
        requested: claim.spec.as_ref().and_then(requested).unwrap_or_default(),
        capacity: capacity.and_then(|size| Quantity::parse(&size.0)).unwrap_or_default(),
        fixed: None,
        pending_since: pending.and_then(|it| Some(it.last_transition_time.as_ref()?.0)),
    }
}
