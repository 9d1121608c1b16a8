//! Compaction: less space, the same ledger, and one good store whenever it is killed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyledger::domain::{Command, SuppressedClass};
use keyledger::engine::{Engine, Lane, state_hash};
use keyledger::ledger::compaction::{COMPACT_DIR, Compaction};
use keyledger::ledger::sled::LEDGER_DIR;
use keyledger::ledger::{Head, SledStore, Store, StoreError};
use keyledger::types::{DataKeyId, UserId};

use super::{done, run};
use crate::cli::founded;
use crate::rig::{PATIENCE, Rig, run as carry_out};

fn count_one(engine: &Engine) {
    let class = SuppressedClass::Limited;
    carry_out(
        engine,
        Lane::Proof,
        Command::RecordSuppressed {
            class,
            count: 1,
            first: None,
        },
    )
    .unwrap();
}

fn key(n: u8) -> DataKeyId {
    DataKeyId::User(UserId([n; 16]))
}

fn keys(store: &dyn Store) -> Vec<(DataKeyId, Vec<u8>)> {
    let mut keys = vec![];
    store
        .data_keys(&mut |id, wrapped| keys.push((id, wrapped.to_vec())))
        .unwrap();
    keys
}

fn begin(store: &SledStore) -> Result<Box<dyn Compaction>, StoreError> {
    Ok(store.reader().compaction()?.expect("sled has something to gain"))
}

/// A closed ledger of a folder with some events and keys.
fn filled(rig: &Rig, dir: &Path) -> Head {
    let store = rig.sled(dir).unwrap();
    let engine = rig.start(store);
    for _ in 0..40 {
        count_one(&engine);
    }
    let head = engine.head();
    assert!(engine.stop(PATIENCE));
    drop(engine);
    rig.sled(dir)
        .unwrap()
        .put_keys(&[(key(1), vec![1; 94]), (key(2), vec![2; 94])])
        .unwrap();
    head
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn a_ledger_is_compacted_by_hand_says_what_it_saved_and_stays_the_same() {
    let (_folder, data, _) = founded();
    done(&data, "user create ann@example.org --username ann.b");
    let before = done(&data, "verify");
    let compacted = done(&data, "compact");
    assert!(compacted["bytesBefore"].as_u64().unwrap() > 0, "{compacted}");
    assert_eq!(compacted["chain"], before["chain"]);
    assert!(!data.join(COMPACT_DIR).exists());
    let after = done(&data, "verify");
    assert_eq!(
        (&after["chain"], &after["verdict"]),
        (&before["chain"], &before["verdict"])
    );
    assert_eq!(done(&data, "user show ann.b")["email"], "ann@example.org");
    assert!(run(&data, "compact").out.contains("bytes"));
}

#[test]
fn compaction_beside_load_loses_nothing_acknowledged_and_saves_space() {
    let (rig, dir) = (Rig::new(), tempfile::tempdir().unwrap());
    let engine = rig.start(rig.sled(dir.path()).unwrap());
    for _ in 0..4_000 {
        count_one(&engine);
    }
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let compacted = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    count_one(&engine);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let compacted = engine.compact().unwrap();
        let so_far = acknowledged.load(Ordering::Relaxed);
        while acknowledged.load(Ordering::Relaxed) < so_far + 10 {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        compacted
    });
    assert!(compacted.after < compacted.before, "{compacted:?}");
    let proven = compacted.proof.head.unwrap();
    assert!(
        proven.next.0 > 4_000,
        "the proof reaches over what came meanwhile"
    );
    assert_eq!(engine.reader().chain_at(proven.next).unwrap(), Some(proven.chain));
    let (head, state) = (engine.head(), engine.read(state_hash));
    assert_eq!(head.next.0, 4_000 + acknowledged.load(Ordering::Relaxed) + 2);
    assert_eq!(engine.reader().chain_at(head.next).unwrap(), Some(head.chain));
    assert!(engine.stop(PATIENCE));
    drop(engine);
    let (engine, report) = rig.boot(rig.sled(dir.path()).unwrap()).unwrap();
    assert_eq!(report.events, head.next.0);
    assert_eq!((engine.head(), engine.read(state_hash)), (head, state));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn keys_that_change_while_the_copy_grows_are_what_they_should_be_afterwards() {
    let (rig, dir) = (Rig::new(), tempfile::tempdir().unwrap());
    let head = filled(&rig, dir.path());
    let mut store = rig.sled(dir.path()).unwrap();
    let mut copy = begin(&store).unwrap();
    assert!(matches!(begin(&store), Err(StoreError::Compacting)));
    copy.catch_up().unwrap();
    store
        .put_keys(&[(key(2), vec![22; 94]), (key(3), vec![3; 94])])
        .unwrap();
    store.destroy_keys(&[key(1)]).unwrap();
    copy.prove_keys().unwrap();
    copy.finish(&mut store).unwrap();
    copy.clear().unwrap();
    let expected = vec![(key(2), vec![22; 94]), (key(3), vec![3; 94])];
    assert_eq!(keys(&store), expected);
    store.destroy_keys(&[key(3)]).unwrap();
    drop((copy, store));
    let store = rig.sled(dir.path()).unwrap();
    assert_eq!((keys(&store), store.head()), (expected[..1].to_vec(), head));
    // And once more, on what was compacted.
    drop(begin(&store).unwrap());
    assert!(
        !dir.path().join(COMPACT_DIR).exists(),
        "a copy that is given up is removed"
    );
}

#[test]
fn whatever_moment_a_compaction_is_killed_at_one_good_store_is_there() {
    let (rig, dir) = (Rig::new(), tempfile::tempdir().unwrap());
    let head = filled(&rig, dir.path());
    let (ledger, copy) = (dir.path().join(LEDGER_DIR), dir.path().join(COMPACT_DIR));
    let kept = tempfile::tempdir().unwrap();
    let is_good = |moment: &str| {
        let store = rig.sled(dir.path()).unwrap();
        assert!(!copy.exists(), "{moment}: what is of no use is removed");
        assert_eq!((store.head(), keys(&store).len()), (head, 2), "{moment}");
        let mut frames = 0;
        store
            .scan(keyledger::types::Position(0), &mut |_| {
                frames += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert!(frames > 0, "{moment}");
    };
    // Just begun: an empty directory, and a database without content.
    std::fs::create_dir(&copy).unwrap();
    is_good("the directory is made");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("db"), b"").unwrap();
    is_good("the file is made");
    // In the middle, and just before the exchange: the copy as it lies on the disk then.
    let mut store = rig.sled(dir.path()).unwrap();
    let mut compaction = begin(&store).unwrap();
    copy_dir(&copy, &kept.path().join("begun"));
    compaction.catch_up().unwrap();
    copy_dir(&copy, &kept.path().join("whole"));
    copy_dir(&ledger, &kept.path().join("old"));
    compaction.finish(&mut store).unwrap();
    // Just after the exchange: the old store lies where the copy was, and is half removed.
    copy_dir(&copy, &kept.path().join("replaced"));
    compaction.clear().unwrap();
    drop((compaction, store));
    is_good("it is done");
    for (moment, left) in [
        ("the keys are copied", "begun"),
        ("all is copied", "whole"),
        ("it is exchanged", "replaced"),
    ] {
        copy_dir(&kept.path().join(left), &copy);
        is_good(moment);
        copy_dir(&kept.path().join(left), &copy);
        std::fs::remove_file(copy.join("db")).unwrap();
        is_good(moment);
    }
    // The store from before the exchange, with the copy beside it.
    std::fs::remove_dir_all(&ledger).unwrap();
    copy_dir(&kept.path().join("old"), &ledger);
    copy_dir(&kept.path().join("whole"), &copy);
    is_good("not yet exchanged");
}
