//! Variables of tasks and templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Variables by name.
pub type Vars = BTreeMap<String, Var>;

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Var {
    /// `bool int float string regex duration lambda list star`
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value, `null` if a template requires one. A duration is nanoseconds or `"10s"`.
    #[serde(default)]
    pub value: Json,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}
