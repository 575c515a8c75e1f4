//! Scenarios that want an operator of their own.

mod packaging;
