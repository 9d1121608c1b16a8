//! Parts of a ledger in memory: what they hold, what they refuse, and a disk that is full.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::super::conformance::Sample;
use super::super::memory::MemoryStore;
use super::super::store::{Batch, Store};
use super::make::{Partial, Stopped, write_part};
use super::*;
use crate::types::{DataKeyId, Position, Timestamp, UserId};

const NOW: Timestamp = Timestamp(1_768_919_400_000_000);

fn key(n: u8) -> DataKeyId {
    DataKeyId::User(UserId([n; 16]))
}

/// A ledger of so many commands of three records.
fn ledger(commands: u64) -> MemoryStore {
    let mut store = MemoryStore::new([7; 16]);
    grow(&mut store, commands);
    store
}

fn grow(store: &mut MemoryStore, commands: u64) {
    for _ in 0..commands {
        let next = store.head().next;
        let batch = Sample::at(next.0).command(3, 900).batch();
        store.append(next, &batch).unwrap();
    }
}

fn order(folder: &Path, since: Since, after: i64) -> Order {
    Order {
        to: Destination::Folder(folder.to_owned()),
        since,
        now: Timestamp(NOW.0 + after * 1_000_000),
    }
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn make(store: &MemoryStore, folder: &Path, since: Since, after: i64) -> Made {
    back_up(&*store.reader(), &order(folder, since, after), &mut go_on).unwrap()
}

type KeyTexts = Vec<(DataKeyId, Option<Vec<u8>>)>;

/// All keys of a chain in a folder, as its parts tell them.
fn told_keys(parts: &[Found]) -> Vec<(KeyScope, KeyTexts)> {
    let keys = |part: &Found| {
        let mut keys = vec![];
        each_key(&part.path, &mut |id, wrapped| {
            keys.push((id, wrapped.map(<[u8]>::to_vec)));
        })
        .unwrap();
        (part.header.keys, keys)
    };
    parts.iter().map(keys).collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

#[test]
fn later_parts_hold_what_was_added_and_the_keys_that_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ledger(4);
    store
        .put_keys(&[(key(1), vec![1; 90]), (key(2), vec![2; 90])])
        .unwrap();
    let first = make(&store, folder.path(), Since::Newest, 0);
    assert!(first.fresh_start.is_some(), "nothing was there to continue");
    assert_eq!((first.header.keys, first.summary.key_entries), (KeyScope::All, 2));

    let idle = make(&store, folder.path(), Since::Newest, 1);
    assert_eq!((idle.path, idle.summary.frames), (None, 0));
    assert_eq!(
        files_in(folder.path()).len(),
        1,
        "nothing happened, nothing is written"
    );

    grow(&mut store, 2);
    store
        .put_keys(&[(key(2), vec![22; 90]), (key(3), vec![3; 90])])
        .unwrap();
    store.destroy_keys(&[key(1)]).unwrap();
    let second = make(&store, folder.path(), Since::Newest, 2);
    assert_eq!(second.header.from, first.header.to);
    assert_eq!(second.summary.records, 6);
    let parts = newest_chain(folder.path(), None).unwrap();
    let changes = vec![
        (key(1), None),
        (key(2), Some(vec![22; 90])),
        (key(3), Some(vec![3; 90])),
    ];
    assert_eq!(told_keys(&parts)[1], (KeyScope::Changes, changes));
    assert_eq!(
        second.summary.key_set,
        KeySetDigest::of(&*store.reader()).unwrap()
    );
    let paths: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
    prove_chain(&paths, &mut go_on, &mut |_, _| {}).unwrap();

    let at = make(&store, folder.path(), Since::Position(first.header.to.next), 3);
    assert_eq!((at.header.from, at.header.keys), (first.header.to, KeyScope::All));
    let nowhere = order(folder.path(), Since::Position(Position(1)), 4);
    let nowhere = back_up(&*store.reader(), &nowhere, &mut go_on).unwrap_err();
    assert!(nowhere.to_string().contains("no append ended there"), "{nowhere}");
}

#[test]
fn a_part_is_never_replaced_and_two_are_not_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = ledger(1);
    let file = folder.path().join("whole.klbackup");
    let to_file = |since| Order {
        to: Destination::File(file.clone()),
        since,
        now: NOW,
    };
    back_up(&*store.reader(), &to_file(Since::Beginning), &mut go_on).unwrap();
    let again = back_up(&*store.reader(), &to_file(Since::Beginning), &mut go_on);
    assert!(matches!(again, Err(BackupError::Exists(_))));
    let auto = back_up(&*store.reader(), &to_file(Since::Newest), &mut go_on);
    assert!(matches!(auto, Err(BackupError::NotAFolder(_))));
    let held = super::folder::FolderLock::take(folder.path()).unwrap();
    let busy = back_up(
        &*store.reader(),
        &order(folder.path(), Since::Beginning, 1),
        &mut go_on,
    );
    assert!(matches!(busy, Err(BackupError::Busy(_))));
    drop(held);
    make(&store, folder.path(), Since::Beginning, 1);
}

#[test]
fn another_history_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    make(&ledger(3), folder.path(), Since::Beginning, 0);
    let mut other = MemoryStore::new([7; 16]);
    let batch = Sample::at(0).command(9, 10).batch();
    other.append(Position(0), &batch).unwrap();
    let made = make(&other, folder.path(), Since::Newest, 1);
    assert_eq!(made.header.from.next, Position(0));
    assert!(made.fresh_start.unwrap().contains("another history"));
    let stranger = MemoryStore::new([8; 16]);
    make(&stranger, folder.path(), Since::Newest, 2);
    let mixed = newest_chain(folder.path(), None).unwrap_err();
    assert!(mixed.to_string().contains("several ledgers"), "{mixed}");
}

#[test]
fn old_chains_go_only_after_newer_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ledger(1);
    for round in 0..3 {
        make(&store, folder.path(), Since::Beginning, round * 10);
        grow(&mut store, 1);
        make(&store, folder.path(), Since::Newest, round * 10 + 5);
    }
    assert_eq!(
        prune(folder.path(), [9; 16], 1).unwrap(),
        Pruned::default(),
        "another ledger's"
    );
    assert_eq!(prune(folder.path(), [7; 16], 3).unwrap(), Pruned::default());
    assert_eq!(prune(folder.path(), [7; 16], 2).unwrap().removed.len(), 2);
    assert_eq!(
        prune(folder.path(), [7; 16], 0).unwrap().removed.len(),
        2,
        "one chain always stays"
    );
    assert_eq!(newest_chain(folder.path(), None).unwrap().len(), 2);
}

/// A disk with so much room.
struct Small<'a>(&'a mut dyn Write, usize);

impl Write for Small<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 -= bytes.len();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_full_disk_leaves_no_half_file_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = ledger(200);
    let reader = store.reader();
    let whole = make(&store, folder.path(), Since::Beginning, 0);
    let room = usize::try_from(whole.bytes).unwrap();
    let path = folder.path().join("full.klbackup");
    for room in [0, 5, 20, room / 3, room - 1] {
        let partial = Partial::begin(&path).unwrap();
        let written = partial.write(&mut |out| -> Result<_, Stopped> {
            write_part(&*reader, &whole.header, None, Small(out, room), &mut go_on)
        });
        let error = written.unwrap_err();
        assert!(matches!(error, BackupError::Full { .. }), "{room}: {error}");
        assert!(error.to_string().contains("free some space"), "{error}");
        drop(partial);
        assert_eq!(files_in(folder.path()).len(), 1, "{room}");
    }
}

#[test]
fn what_a_killed_backup_left_is_cleared_by_the_next_and_an_interrupted_one_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = ledger(4_000);
    let left = folder.path().join("000000000000-000000000003-x.klbackup.partial");
    std::fs::write(left, b"half").unwrap();
    let stop = back_up(
        &*store.reader(),
        &order(folder.path(), Since::Beginning, 0),
        &mut |_| ControlFlow::Break(()),
    );
    assert!(matches!(stop, Err(BackupError::Interrupted)));
    assert_eq!(files_in(folder.path()).len(), 0);
}

#[test]
fn a_part_survives_its_stored_form_and_no_byte_of_it_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ledger(2);
    store
        .append(
            store.head().next,
            &Batch {
                keys: vec![(key(1), vec![5; 94])],
                ..Sample::at(6).command(1, 10).batch()
            },
        )
        .unwrap();
    let made = make(&store, folder.path(), Since::Beginning, 0);
    let whole = std::fs::read(made.path.unwrap()).unwrap();
    let read = |bytes: &[u8]| {
        PartReader::begin(bytes).and_then(|part| part.each(&mut |_| ControlFlow::Continue(())))
    };
    assert_eq!(read(&whole).unwrap(), Some(made.summary));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(read(&changed).is_err(), "byte {at}");
        assert!(read(&whole[..at]).is_err(), "cut at {at}");
    }
    assert!(matches!(
        read(&[whole.as_slice(), b"x"].concat()),
        Err(PartFault::Trailing { .. })
    ));
}
