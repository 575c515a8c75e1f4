//! What flows through a Kapacitor: points, batches, groups, values, times and durations, line
//! protocol, and the identities of members and clusters.
//!
//! FLOOR 0. Imports no other room. Everything here is an immutable value: cheap to clone, ordered,
//! free of clocks, files and sockets. Start with [`Point`] and [`Value`].
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod batch;
mod duration;
mod fields;
mod group;
mod ids;
pub mod line;
mod point;
mod time;
mod value;
pub mod wire;

pub use batch::{Batch, BatchPoint};
pub use duration::Duration;
pub use fields::{Fields, Tags};
pub use group::{Dimensions, Group};
pub use ids::{BootGeneration, ClusterId, MemberId};
pub use point::Point;
pub use time::Time;
pub use value::{Kind, Value};

/// Shared immutable text: measurement, tag and field names and values.
pub type Str = std::sync::Arc<str>;
