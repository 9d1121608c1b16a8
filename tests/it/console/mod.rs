//! The console and its listener: who may come in, and what changes by it.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod doors;
mod forms;
mod guarding;
mod keeping;
mod newcomers;
mod pages;
mod rows;
mod system;
mod templates;
mod users;
mod webhooks;

use crate::support::{Call, Doors, House};

const ADA: &str = "ada@example.org";
const BEN: &str = "ben@example.org";
const PASSWORD: &str = "Lost-and-forgotten-1";
