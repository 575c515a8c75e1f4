//! What becomes of the subscriptions of members that are gone.

#![expect(unreachable_pub, reason = "KubeSchema writes a second type inside of a function")]

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::duration::Duration;

/// What becomes of the subscriptions of members that are gone. Left alone, InfluxDB would go on
/// sending to them.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.policy == 'Skip' && has(self.sweep) && self.sweep == 'Drop')")
        .message("with cleanup.policy Skip nothing may be dropped: leave cleanup.sweep out, or set it to Report")
)]
pub struct Cleanup {
    /// When the resource is deleted and the InfluxDB does not answer: BestEffort lets go after
    /// `deadline` with a Warning that holds the statements to run, Required waits for ever, Skip never
    /// touches the InfluxDB at all.
    #[serde(default)]
    pub policy: CleanupPolicy,
    /// How long BestEffort tries. More than 0s, at most 24h.
    #[serde(default = "five_minutes")]
    #[x_kube(
        validation = Rule::new("duration(self) > duration('0s') && duration(self) <= duration('24h')")
            .message("cleanup.deadline must be more than 0s, at most 24h")
    )]
    pub deadline: Duration,
    /// What the sweeper does with subscriptions of members of this cluster that are gone: Drop, or
    /// Report alone. By default Drop, with policy Skip Report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "sweep_schema")]
    pub sweep: Option<Sweep>,
    /// Time between two looks of the sweeper. From 10s to 24h.
    #[serde(default = "ten_minutes")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('10s') && duration(self) <= duration('24h')")
            .message("cleanup.sweepInterval must be from 10s to 24h")
    )]
    pub sweep_interval: Duration,
}

/// What matters more when the resource is deleted: that it goes, or that no subscription stays.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CleanupPolicy {
    /// Try until the deadline.
    #[default]
    BestEffort,
    /// Hold the resource until it is done.
    Required,
    /// Never touch InfluxDB.
    Skip,
}

/// What the sweeper does with what it finds.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sweep {
    /// Say so.
    Report,
    /// Drop it.
    Drop,
}

impl Cleanup {
    /// What the sweeper does: as written, else what fits the policy.
    pub fn sweep(&self) -> Sweep {
        self.sweep.unwrap_or(match self.policy {
            CleanupPolicy::Skip => Sweep::Report,
            CleanupPolicy::BestEffort | CleanupPolicy::Required => Sweep::Drop,
        })
    }
}

impl Default for Cleanup {
    fn default() -> Self {
        Self {
            policy: CleanupPolicy::default(),
            deadline: five_minutes(),
            sweep: None,
            sweep_interval: ten_minutes(),
        }
    }
}

fn sweep_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["Report", "Drop"]})
}

fn five_minutes() -> Duration {
    Duration::new("5m")
}

fn ten_minutes() -> Duration {
    Duration::new("10m")
}
