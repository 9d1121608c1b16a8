//! The integration tests: one binary.

mod cli;
mod rest;
mod support;
