//! kapacitord
