//! The house from outside, room by room: the law in sentences, the engine under faults, the ledger over restarts, its
//! snapshots, the REST contract, the pages behind mailed links, the command line, what an auditor can prove, what a copy
//! of the disk gives away, lists of leaked passwords, what receivers of events get, and the rules that
//! the source itself keeps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod backup;
mod breach;
mod cli;
mod console;
mod engine;
mod flows;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod house;
mod law;
mod objects;
mod pages;
mod people;
mod privacy;
mod rest;
mod rig;
#[path = "../sim/mod.rs"]
mod sim;
mod snapshots;
mod storage;
mod support;
mod webhooks;
