//! Snapshots taken while the writer goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use keyledger::engine::{Lane, SnapshotTrouble, fold, state_hash};
use keyledger::ledger::{MemoryStore, Shelf};
use keyledger::types::Span;
use tempfile::TempDir;

use super::{snapshots, take};
use crate::engine::Gate;
use crate::people::{net, person};
use crate::rig::{PATIENCE, Rig, run};

const PEOPLE: u32 = 100;

#[test]
fn law_1_a_snapshot_taken_while_others_write_holds_one_moment_and_nothing_after_it() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    for number in 0..PEOPLE {
        let sign_up = person(number).signs_up(net(number));
        run(&engine, Lane::Proof, sign_up).unwrap();
    }
    let done = AtomicBool::new(false);
    let mut taken = std::thread::scope(|scope| {
        let (engine, rig, done) = (&engine, &rig, &done);
        scope.spawn(move || {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                // Users go, others change, and new ones come, before and behind what is being written.
                if number < PEOPLE / 2 {
                    run(engine, Lane::Proof, person(number).is_erased()).unwrap();
                    run(engine, Lane::Proof, person(PEOPLE - 1 - number).is_banned()).unwrap();
                }
                if number < PEOPLE {
                    let newcomer = person(PEOPLE + number);
                    run(engine, Lane::Proof, newcomer.signs_up(net(PEOPLE + number))).unwrap();
                }
                let stranger = net(number % (2 * PEOPLE));
                let guess = person(number % (2 * PEOPLE)).fails_to_sign_in(stranger);
                run(engine, Lane::Stranger, guess).unwrap_err();
                rig.clock.advance(Span::minutes(1));
                number += 1;
            }
        });
        let mut taken = vec![];
        for _ in 0..6 {
            let before = engine.head().next;
            let one = take(dir.path(), engine);
            assert!(before <= one.at && one.at <= engine.head().next);
            taken.push(one);
        }
        done.store(true, Ordering::Relaxed);
        taken
    });
    taken.dedup_by_key(|one| one.at);
    let (live, durable) = (engine.read(state_hash), engine.durable());
    assert!(engine.stop(PATIENCE));

    let folded = fold(&mut gate.look(|store| store.reopen()).unwrap()).unwrap();
    assert_eq!(state_hash(&folded.state), live);
    for from in taken.iter().rev().take(2) {
        rig.shelf = Some(Shelf::of(dir.path()));
        let (engine, report) = rig.boot(gate.look(|store| store.reopen()).unwrap()).unwrap();
        assert_eq!(report.snapshot, Some(from.at));
        assert_eq!(engine.read(state_hash), live);
        assert_eq!(engine.durable(), durable, "the tree too");
        assert!(engine.stop(PATIENCE));
        std::fs::remove_file(&from.path).unwrap();
    }
}

#[test]
fn a_snapshot_that_is_given_up_leaves_nothing_behind_and_the_next_one_is_whole() {
    let dir = TempDir::new().unwrap();
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    run(&engine, Lane::Proof, person(1).signs_up(net(1))).unwrap();
    let given_up = snapshots(dir.path()).take(&engine, &AtomicBool::new(true));
    assert!(matches!(given_up, Err(SnapshotTrouble::Stopped)), "{given_up:?}");
    let shelf = Shelf::of(dir.path());
    assert_eq!(shelf.files(), []);
    let left = std::fs::read_dir(dir.path().join("snapshots")).unwrap().count();
    assert_eq!(left, 0, "no half of one");
    run(&engine, Lane::Proof, person(1).is_banned()).unwrap();
    let taken = take(dir.path(), &engine);
    assert_eq!(taken.at, engine.head().next);
    assert!(engine.stop(PATIENCE));
}
