//! Alerts: levels, events, topics with their states, handler specs, and the delivery of events to
//! handlers.
//!
//! FLOOR 2. Imports `model`, `tick` and `template`. It judges and remembers; it sends nothing: single
//! attempts are made by the shell, which is told by [`Delivery`] what to attempt and when. Which
//! member of a cluster acts is decided in `dedup`, not here.
//!
//! Start with [`Event`] (what an alert node raises), [`Topics`] (last states), [`HandlerSpec`] and
//! [`Handler`] (what users define), [`Delivery`] (what is pending). [`json`] and [`Row`] write JSON
//! as Go's encoder does and are used by every part that shows data.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod level;

mod event;

mod data;
mod details;
pub mod json;
mod series;

mod glob;
mod inhibit;
mod occurrence;
mod topics;

mod handler;
pub mod kind;
mod patch;
mod spec;

mod aggregate;
mod delivery;
mod matching;

#[cfg(test)]
mod tests;

pub use aggregate::{Aggregate, MAX_SUMMARY_DETAILS, MAX_SUMMARY_ROWS};
pub use data::AlertData;
pub use delivery::{
    Attempt, Counters, Delivery, DeliveryLimits, End, Finished, Full, HandlerName, Outcome, Token,
};
pub use details::{Details, ServerInfo};
pub use event::{Body, Data, Event, EventKey, MAX_HOPS, MEMORY_FACTOR, Source};
pub use glob::{BadPattern, Glob};
pub use handler::{Handler, HandlerError};
pub use inhibit::{Inhibitor, Inhibitors};
pub use level::{InvalidLevel, Level};
pub use matching::Match;
pub use occurrence::Occurrences;
pub use patch::{PatchError, apply_patch};
pub use series::{Row, RowValues, Series};
pub use spec::{HandlerSpec, InvalidSpec, MAX_SPEC_BYTES};
pub use topics::{Collected, MAX_OK_STATES, MAX_STATES, Record, State, TopicStatus, Topics};
