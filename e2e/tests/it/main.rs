//! Tests from outside the walls: rules of the house, then programs as users run them.

mod cluster;
mod corpus;
mod durable;
mod faults;
mod handbook;
mod influx;
mod input;
mod member;
mod pace;
mod rooms;
mod sealed;
mod tidy;
