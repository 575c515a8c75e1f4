//! Scenarios under the operator that watches all namespaces.

mod day_two;
mod influx;
mod lifecycle;
mod scale;
