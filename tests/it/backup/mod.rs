//! Backups and restores, as an operator has them: the real binary, real folders, and what a damaged file does.

mod compacting;
mod damage;
mod load;
mod restoring;
mod schedule;

use std::path::{Path, PathBuf};

use keyledger::domain::{State, evolve};
use keyledger::engine::state_hash;
use keyledger::ledger::{SledOptions, SledStore, Store, codec, replay};
use keyledger::types::{Position, Timestamp};

use crate::cli::{Ran, run_with};

pub(crate) const WORDS: &str = "six random words in a row";

/// Runs a command with the passphrase in the environment.
fn run(data: &Path, words: &str) -> Ran {
    run_with(data, words, &[("KEYLEDGER_BACKUP__PASSPHRASE", WORDS)])
}

/// Runs a command that must be done.
#[track_caller]
fn done(data: &Path, words: &str) -> serde_json::Value {
    let ran = run(data, &format!("{words} --json"));
    assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
    ran.json()
}

/// The hash of the state that the events before a position fold to.
fn state_before(data: &Path, next: u64) -> [u8; 32] {
    let options = SledOptions::new(data, "a test", Timestamp(0), [0; 16]);
    let mut store = SledStore::open(options).unwrap();
    let mut state = State::default();
    let folded = replay(&mut store, &mut |header, payload, _| {
        if header.position < Position(next) {
            evolve(&mut state, &codec::decode(header, payload)?);
        }
        Ok::<_, codec::CodecFault>(())
    });
    folded.unwrap();
    state_hash(&state)
}

/// The chain of a ledger at a position.
fn chain_at(data: &Path, next: u64) -> Option<[u8; 32]> {
    let options = SledOptions::new(data, "a test", Timestamp(0), [0; 16]);
    let store = SledStore::open(options).unwrap();
    store.reader().chain_at(Position(next)).unwrap()
}

/// A copy of a ledger's keys, as an operator keeps one elsewhere.
fn copied_keys(data: &Path) -> PathBuf {
    let copy = data.with_extension("keys");
    std::fs::create_dir_all(&copy).unwrap();
    for name in ["master.key", "keyring", "anchor", "erasures"] {
        let file = data.join("keys").join(name);
        if file.exists() {
            std::fs::copy(file, copy.join(name)).unwrap();
        }
    }
    copy
}

/// Every part in a folder, in the order of names.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    parts.sort();
    parts
}
