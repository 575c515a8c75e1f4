//! Lambda expressions: type check and evaluation.
