//! Programs as processes: what the tests from outside share.
