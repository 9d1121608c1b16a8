//! Keyledger gets people back into their accounts, and can prove what happened.
//!
//! Its only truth is an append-only ledger of events; users, sessions, tokens and the outbox are folded from it.
//! `src/ARCHITECTURE.md` is the map of the house.

pub mod app;
pub mod audit;
pub mod breach;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod desk;
pub mod domain;
pub mod engine;
pub mod http;
pub mod ledger;
pub mod mail;
pub mod outgoing;
pub mod system;
pub mod types;
pub mod workers;
