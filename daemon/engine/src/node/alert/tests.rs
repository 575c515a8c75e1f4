//! Alert nodes over line protocol, beyond the recorded cases.
