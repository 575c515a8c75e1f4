//! A point: one measurement at one time.

use crate::{Fields, Str, Tags, Time};

/// A point as it was written to (database, retention policy). Immutable; nodes share it and build
/// new ones when they change something.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Database it was written to.
    pub database: Str,
    /// Retention policy it was written to; may be empty.
    pub retention_policy: Str,
    /// Measurement.
    pub name: Str,
    /// All tags; an absent tag and an empty one are the same to groups.
    pub tags: Tags,
    /// Field values; may become empty inside a task.
    pub fields: Fields,
    /// Event time.
    pub time: Time,
}
