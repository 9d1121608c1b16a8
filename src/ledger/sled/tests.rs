use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::conformance::{self, Sample, positions};
use super::super::keys::{FORMAT, MetaName};
use super::super::replay::{ReplayError, replay};
use super::*;

fn try_open(dir: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(SledOptions::new(
        dir,
        "keyledger serve",
        Timestamp(1_000_000),
        [7; 16],
    ))
}

fn open(dir: &Path) -> SledStore {
    try_open(dir).unwrap()
}

/// A closed ledger of `count` commands, one append each.
fn ledger_of(count: u64, payload: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for position in 0..count {
        store
            .append(
                Position(position),
                &Sample::at(position).command(1, payload).batch(),
            )
            .unwrap();
    }
    dir
}

fn database(dir: &TempDir) -> PathBuf {
    dir.path().join(LEDGER_DIR).join("db")
}

#[test]
fn sled_keeps_the_contract() {
    let dirs = std::cell::RefCell::new(Vec::new());
    conformance::run(
        || {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            dirs.borrow_mut().push(dir);
            store
        },
        |store| {
            // The lock file is the way back from a store to its directory.
            let held = dirs
                .borrow()
                .iter()
                .rposition(|dir: &TempDir| matches!(try_open(dir.path()), Err(StoreError::Held { .. })));
            drop(store);
            open(dirs.borrow()[held.unwrap()].path())
        },
    );
}

#[test]
fn one_commit_is_one_device_flush() {
    const COMMITS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let mut store = open(dir.path());
    if cfg!(target_os = "linux") {
        assert_eq!(store.opened().flush, FlushPath::Interposed);
    }
    // The second start, at the same time: its probe writes something new too.
    let before = store.durable_file().synced_for_sled();
    for position in 0..COMMITS {
        store
            .append(
                Position(position),
                &Sample::at(position).command(1, 300).key(1, b"wrapped").batch(),
            )
            .unwrap();
    }
    let synced = store.durable_file().synced_for_sled() - before;
    // A little more: a full log buffer of 512 KiB, and the background thread's own writing.
    assert!(
        (COMMITS..COMMITS + COMMITS / 10).contains(&synced),
        "{synced} for {COMMITS}"
    );
    assert_eq!(store.durable_file().synced_by_us(), 0);
}

#[test]
fn r_02_rehearsals_are_flushed_like_commits_and_do_not_make_the_ledger_grow() {
    const REHEARSALS: u64 = 16_000;
    // Five or six segments of sled's log, which it uses again and again.
    const SIZE_MAX: u64 = 4 << 20;
    const { assert!(REHEARSALS * REHEARSED_BYTES as u64 > SIZE_MAX) };
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store
        .append(Position(0), &Sample::at(0).command(1, 300).batch())
        .unwrap();
    let before = store.durable_file().synced_for_sled();
    for _ in 0..REHEARSALS {
        store.rehearse().unwrap();
    }
    assert!(store.durable_file().synced_for_sled() - before >= REHEARSALS);
    let size = store.size_on_disk().unwrap();
    assert!(size < SIZE_MAX, "{size}");
}

#[test]
fn without_the_symbol_a_commit_syncs_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.opened.flush = FlushPath::OwnDescriptor;
    store
        .append(Position(0), &Sample::at(0).command(1, 300).batch())
        .unwrap();
    assert_eq!(store.durable_file().synced_by_us(), 1);
}

#[test]
fn a_failed_fdatasync_poisons_the_store_and_a_new_start_reads_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store
        .append(Position(0), &Sample::at(0).command(1, 10).batch())
        .unwrap();
    let batch = Sample::at(1).command(1, 10).batch();
    store.shared.live().file.fail_from_now_on();
    assert!(matches!(
        store.append(Position(1), &batch),
        Err(StoreError::Poisoned)
    ));
    assert!(matches!(
        store.commit(|_| Ok(())),
        Err(StoreError::UnknownOutcome { .. })
    ));
    assert!(matches!(
        store.scan(Position(0), &mut |_| ControlFlow::Continue(())),
        Err(StoreError::Poisoned)
    ));
    drop(store);
    assert_eq!(positions(&mut open(dir.path())).0, [0]);
}

#[test]
fn ten_thousand_appends_replay_equal() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut written = Vec::new();
    for start in (0..10_000).step_by(10) {
        let batch = (0..5)
            .fold(Sample::at(start), |sample, n| sample.command(2, 40 * n))
            .batch();
        store.append(Position(start), &batch).unwrap();
        written.extend(batch.records);
    }
    let head = store.head();
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(store.head(), head);
    let mut read = Vec::new();
    let report = replay(&mut store, &mut |_, _, raw| {
        read.push(raw.to_vec());
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!((report.records, report.cut), (10_000, None));
    assert!(read == written);
}

#[test]
fn a_torn_tail_loses_a_suffix_only_and_what_remains_replays() {
    let whole = ledger_of(60, 300);
    let length = fs::metadata(database(&whole)).unwrap().len();
    for torn in [1, 700, 5_000] {
        let copy = tempfile::tempdir().unwrap();
        let ledger = copy.path().join(LEDGER_DIR);
        fs::create_dir_all(ledger.join("blobs")).unwrap();
        for name in ["db", "conf"] {
            fs::copy(whole.path().join(LEDGER_DIR).join(name), ledger.join(name)).unwrap();
        }
        fs::OpenOptions::new()
            .write(true)
            .open(ledger.join("db"))
            .unwrap()
            .set_len(length - torn)
            .unwrap();
        let mut store = open(copy.path());
        let (seen, report) = positions(&mut store);
        assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
        assert!(
            seen.len() < 60 && report.cut.is_none(),
            "{} of 60 after losing {torn} bytes",
            seen.len()
        );
        let next = store.head().next;
        store
            .append(next, &Sample::at(next.0).command(1, 300).batch())
            .unwrap();
    }
}

#[test]
fn a_flipped_byte_in_the_file_never_passes_unnoticed() {
    const COUNT: u64 = 400;
    let dir = ledger_of(COUNT, 300);
    // The second start writes an index snapshot: from then on a damaged page is not mistaken for a torn tail.
    drop(open(dir.path()));
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(database(&dir))
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 60_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 60_000).unwrap();
    let refused = match try_open(dir.path()) {
        Err(refused) => refused.to_string(),
        Ok(mut store) => match replay(&mut store, &mut |_, _, _| Ok::<_, Infallible>(())) {
            Err(ReplayError::Store(refused)) => refused.to_string(),
            other => panic!("a flipped byte passed: {other:?}"),
        },
    };
    assert!(refused.contains("copy the"), "{refused}");
}

#[test]
fn a_byte_changed_behind_the_checksums_is_found_by_the_chain_and_named_by_position() {
    let dir = ledger_of(20, 100);
    let store = open(dir.path());
    let key = Key::frame(Position(11));
    let mut frame = store.shared.live().db.get(key).unwrap().unwrap().to_vec();
    *frame.last_mut().unwrap() ^= 1;
    store.shared.live().db.insert(key, frame).unwrap();
    store.shared.live().db.flush().unwrap();
    drop(store);
    let refused = replay(&mut open(dir.path()), &mut |_, _, _| Ok::<_, Infallible>(())).unwrap_err();
    assert!(
        matches!(
            refused,
            ReplayError::Store(StoreError::Chain {
                position: Position(11)
            })
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("breaks at position 11"));
}

#[test]
fn a_second_opening_in_this_process_is_told_who_has_it_and_readers_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let refused = try_open(dir.path()).err().unwrap().to_string();
    let expected = format!(
        "held by process {} (keyledger serve, since 1970-01-01T00:00:01.000Z)",
        std::process::id()
    );
    assert!(refused.contains(&expected), "{refused}");
    let reader = store.reader();
    drop(store);
    assert!(matches!(try_open(dir.path()), Err(StoreError::Held { .. })));
    drop(reader);
    open(dir.path());
}

const OTHER_PROCESS: &str = "opened-by-another-process";

#[test]
fn a_second_process_is_told_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path());
    fs::write(dir.path().join(OTHER_PROCESS), "").unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::the_other_process"), "--nocapture"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        other.status.success(),
        "{}",
        String::from_utf8_lossy(&other.stderr)
    );
    let said = fs::read_to_string(dir.path().join(OTHER_PROCESS)).unwrap();
    assert!(
        said.contains(&format!(
            "held by process {} (keyledger serve",
            std::process::id()
        )),
        "{said}"
    );
}

/// Does nothing unless `a_second_process_is_told_who_has_it` starts it in a directory with a note.
#[test]
fn the_other_process() {
    let note = Path::new(OTHER_PROCESS);
    if note.exists() {
        let refused = try_open(Path::new(".")).err().map(|refused| refused.to_string());
        fs::write(note, refused.unwrap_or_default()).unwrap();
    }
}

#[test]
fn leftovers_of_an_interrupted_start_are_removed_and_reported() {
    let dir = ledger_of(3, 100);
    let ledger = dir.path().join(LEDGER_DIR);
    let left = [
        ledger.join("snap.FFFFFFFFFFFFFFF0.generating"),
        ledger.join("snap.FFFFFFFFFFFFFFFF"),
    ];
    fs::write(&left[0], b"half of a snapshot").unwrap();
    fs::write(&left[1], b"").unwrap();
    let mut store = open(dir.path());
    let mut removed = store.opened().leftovers.clone();
    removed.sort();
    assert_eq!(removed, left);
    assert!(!left[0].exists() && !left[1].exists());
    assert_eq!(positions(&mut store).0, [0, 1, 2]);
}

#[test]
fn an_existing_ledger_keeps_its_id_and_birthday() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened().origin, Origin::Created);
    drop(store);
    let later = SledOptions::new(dir.path(), "x", Timestamp(9_000_000), [8; 16]);
    let store = SledStore::open(later).unwrap();
    assert_eq!(
        (store.opened().origin, store.opened().created),
        (Origin::Found, Timestamp(1_000_000))
    );
    assert_eq!(store.ledger_id(), [7; 16]);
}

#[test]
fn foreign_and_newer_directories_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join(LEDGER_DIR);
    fs::create_dir_all(&ledger).unwrap();
    fs::write(ledger.join("thesis.txt"), "precious").unwrap();
    assert!(matches!(try_open(dir.path()), Err(StoreError::Foreign { .. })));
    assert_eq!(fs::read_dir(&ledger).unwrap().count(), 1, "nothing was added");

    let dir = tempfile::tempdir().unwrap();
    let db = ::sled::open(dir.path().join(LEDGER_DIR)).unwrap();
    db.insert("their", "data").unwrap();
    db.flush().unwrap();
    drop(db);
    assert!(matches!(try_open(dir.path()), Err(StoreError::Foreign { .. })));

    let dir = ledger_of(1, 10);
    let store = open(dir.path());
    let mut newer = FORMAT;
    newer[FORMAT.len() - 1] = 2;
    store
        .shared
        .live()
        .db
        .insert(Key::Meta(MetaName::Format).to_bytes(), &newer)
        .unwrap();
    store.shared.live().db.flush().unwrap();
    drop(store);
    assert!(matches!(
        try_open(dir.path()),
        Err(StoreError::Newer { found: 2, .. })
    ));
}

#[test]
fn an_interrupted_making_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store
        .shared
        .live()
        .db
        .remove(Key::Meta(MetaName::Format).to_bytes())
        .unwrap();
    store.shared.live().db.flush().unwrap();
    drop(store);
    assert_eq!(open(dir.path()).opened().origin, Origin::Created);
}
