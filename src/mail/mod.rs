//! Mails: what they say, and how they leave the house.

pub mod sink;
pub mod templates;
