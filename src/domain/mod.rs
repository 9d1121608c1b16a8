//! (being built)

pub mod common_passwords;
pub mod password_policy;
