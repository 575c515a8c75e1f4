//! Tasks and templates as users define them and the store keeps them.

use model::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A database and retention policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dbrp {
    pub(crate) db: String,
    pub(crate) rp: String,
}

/// Whether a task is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Disabled,
    Enabled,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) id: String,
    /// Empty without a template.
    pub(crate) template_id: String,
    /// `stream` or `batch`.
    pub(crate) kind: String,
    pub(crate) dbrps: Vec<Dbrp>,
    pub(crate) script: String,
    /// What the user set, as `vars::to_json` writes it.
    pub(crate) vars: Map<String, Json>,
    pub(crate) status: Status,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    pub(crate) last_enabled: Option<Time>,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) script: String,
    /// Declared vars with their defaults.
    pub(crate) vars: Map<String, Json>,
    pub(crate) created: Time,
    pub(crate) modified: Time,
}

/// What `POST` and `PATCH /tasks` take. Absent and empty are the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct TaskRequest {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: Option<RequestedKind>,
    pub(crate) dbrps: Vec<Dbrp>,
    pub(crate) script: String,
    pub(crate) status: Option<Status>,
    pub(crate) vars: Map<String, Json>,
    pub(crate) template_id: String,
}

/// What `POST` and `PATCH /templates` take.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct TemplateRequest {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: Option<RequestedKind>,
    pub(crate) script: String,
}

/// The `type` of a request: checked, then ignored, for the script decides.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RequestedKind {
    Stream,
    Batch,
}

/// True for ids of tasks and templates: letters, digits, `-`, `.` and `_`.
pub(crate) fn is_valid_id(id: &str) -> bool {
    let allowed = |c: char| c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    !id.is_empty() && id.chars().all(allowed)
}
