//! Scenarios under the operator that watches all namespaces.

mod chart;
mod cleanup;
mod content;
mod day_two;
mod external;
mod influx;
mod lifecycle;
mod load;
mod scale;
mod tls;
mod volumes;
