//! The budget that lets a drain of nodes take one member at a time.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::super::wanted::Wanted;

/// None for a single member: it would block the drain of its node for ever.
pub(super) fn budget(wanted: &Wanted) -> Option<PodDisruptionBudget> {
    let wished = wanted.spec.pod_disruption_budget.enabled && wanted.spec.replicas > 1;
    wished.then(|| {
        super::typed(json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": super::metadata(wanted, &wanted.names.cluster),
            "spec": {
                "maxUnavailable": 1,
                "selector": {"matchLabels": wanted.names.selector()},
            },
        }))
    })
}
