//! Members that exchange over a network in memory: the machine as a whole.

mod knock;
mod membership;
mod once;
mod pace;
mod world;
