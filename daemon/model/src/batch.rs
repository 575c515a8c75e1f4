//! A batch: points of one group that a window or a query put together.

use std::sync::Arc;

use crate::{Fields, Group, Str, Tags, Time};

/// Points of one group up to a time. Group tags are exactly the dimensions of `group`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Measurement.
    pub name: Str,
    /// Group the points belong to; its tags are the batch's tags.
    pub group: Group,
    /// The time the batch stands for (end of its window or range).
    pub tmax: Time,
    /// Points in order of arrival.
    pub points: Arc<[BatchPoint]>,
}

/// A point inside a batch; name and group are the batch's.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPoint {
    /// Field values.
    pub fields: Fields,
    /// All tags of the point, the group's included.
    pub tags: Tags,
    /// Event time.
    pub time: Time,
}
