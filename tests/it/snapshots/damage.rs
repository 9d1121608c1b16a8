//! Snapshots that are of no use: each is named, with the reason, and the next older one or all events serve instead.

use std::fs;
use std::path::Path;

use keyledger::engine::{Engine, Lane, state_hash};
use keyledger::ledger::snapshot::Wanted;
use keyledger::ledger::{MemoryStore, Reader, Shelf};
use tempfile::TempDir;

use super::take;
use crate::engine::workload;
use crate::people::{HOME, Person};
use crate::rig::{PATIENCE, Rig, run};

/// A ledger with two snapshots.
fn taken(dir: &Path, ledger: u8) -> (Engine, [std::path::PathBuf; 2]) {
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([ledger; 16]));
    workload(&engine, &rig.clock);
    let older = take(dir, &engine).path;
    run(&engine, Lane::Stranger, Person(0x70).signs_up(HOME)).unwrap();
    let newer = take(dir, &engine).path;
    (engine, [older, newer])
}

/// What is found, and what was said of those in the way.
fn looked(dir: &Path, reader: &dyn Reader) -> (Option<std::path::PathBuf>, Vec<String>) {
    let (found, skipped) = Shelf::of(dir).find(reader, Wanted::Newest);
    let said = skipped.iter().map(ToString::to_string).collect();
    (found.map(|found| found.path), said)
}

#[test]
fn a_flipped_bit_or_a_missing_end_anywhere_is_found_and_the_older_one_serves() {
    let dir = TempDir::new().unwrap();
    let (engine, [older, newer]) = taken(dir.path(), 1);
    let whole = fs::read(&newer).unwrap();
    let step = (whole.len() / 150).max(1);
    for at in (0..whole.len()).step_by(step).chain([0, 9, 11, whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        for bytes in [&damaged[..], &whole[..at]] {
            fs::write(&newer, bytes).unwrap();
            let (found, said) = looked(dir.path(), &**engine.reader());
            assert_eq!(found.as_ref(), Some(&older), "byte {at}");
            assert!(
                said.len() == 1 && said[0].contains(newer.to_str().unwrap()),
                "{said:?}"
            );
            assert!(
                said[0].contains("is skipped") && said[0].contains("may be deleted"),
                "{said:?}"
            );
        }
    }
    fs::write(&newer, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(looked(dir.path(), &**engine.reader()).0, Some(older.clone()));
    fs::write(&newer, &whole).unwrap();
    assert_eq!(looked(dir.path(), &**engine.reader()), (Some(newer), vec![]));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn another_ledgers_snapshot_and_one_of_another_program_are_named_and_skipped() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (engine, [older, newer]) = taken(dir.path(), 1);
    let (foreign, [_, theirs]) = taken(other.path(), 2);
    assert!(foreign.stop(PATIENCE));
    let mine = fs::read(&newer).unwrap();
    let say = |bytes: &[u8]| {
        fs::write(&newer, bytes).unwrap();
        let (found, said) = looked(dir.path(), &**engine.reader());
        assert_eq!(found.as_ref(), Some(&older));
        said.concat()
    };
    assert!(say(&fs::read(theirs).unwrap()).contains("it belongs to another ledger"));
    let mut newer_schema = mine.clone();
    newer_schema[11] = 99;
    assert!(say(&newer_schema).contains("its state is of schema 99"));
    let mut newer_layout = mine.clone();
    newer_layout[9] = 7;
    assert!(say(&newer_layout).contains("its layout is version 7"));
    assert!(say(&[b'n'; 400]).contains("does not begin like a snapshot"));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a_ledger_that_was_cut_or_went_on_otherwise_does_not_take_the_snapshot() {
    let dir = TempDir::new().unwrap();
    let (engine, _) = taken(dir.path(), 1);
    assert!(engine.stop(PATIENCE));
    let mut rig = Rig::new();
    rig.shelf = Some(Shelf::of(dir.path()));
    // The same ledger, as a restored copy would have it: its beginning alone.
    let shorter = rig.start(MemoryStore::new([1; 16]));
    let (found, said) = looked(dir.path(), &**shorter.reader());
    assert!(found.is_none() && said.len() == 2, "{said:?}");
    assert!(said[0].contains("and the ledger ends at"), "{said:?}");
    // And then another history of the same length.
    while shorter.head().next.0 < engine.head().next.0 {
        let person = Person(u8::try_from(shorter.head().next.0 % 251).unwrap());
        let _ = run(&shorter, Lane::Stranger, person.fails_to_sign_in(HOME));
    }
    let (found, said) = looked(dir.path(), &**shorter.reader());
    assert!(found.is_none() && said.len() == 2, "{said:?}");
    assert!(said[0].contains("is not what it held then"), "{said:?}");
    assert!(shorter.stop(PATIENCE));
}

#[test]
fn a_start_whose_snapshots_are_all_damaged_folds_every_event() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    let gate = crate::engine::Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    workload(&engine, &rig.clock);
    let path = take(dir.path(), &engine).path;
    let live = engine.read(state_hash);
    assert!(engine.stop(PATIENCE));
    fs::write(path, vec![0; 5_000]).unwrap();
    rig.shelf = Some(Shelf::of(dir.path()));
    let (engine, report) = rig.boot(gate.look(|store| store.reopen()).unwrap()).unwrap();
    assert_eq!(report.snapshot, None);
    assert_eq!(engine.read(state_hash), live);
    assert!(engine.stop(PATIENCE));
}
