//! The integration tests: one binary.

mod rest;
