//! The end-to-end stories: one binary.
