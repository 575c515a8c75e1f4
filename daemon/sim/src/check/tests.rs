//! Each checker reports a planted violation.
