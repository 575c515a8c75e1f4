//! kapacitord: one member.

fn main() {}
