//! A disk that changes, cuts or loses files: the next start says so, or has lost nothing.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyledger::engine::{Rollback, state_hash};
use keyledger::ledger::Anchor;
use keyledger::ledger::anchor::ANCHOR_FILE;
use tempfile::TempDir;

use crate::people::{Net, Person};
use crate::rig::{PATIENCE, Rig, run};

/// What is done to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Harm {
    Flip(u64),
    Truncate(u64),
    Remove,
}

/// A closed ledger with some people, and an anchor that knows all of it.
struct Closed {
    rig: Rig,
    dir: TempDir,
    hash: [u8; 32],
}

impl Closed {
    fn new() -> Self {
        let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
        let engine = rig.start(rig.sled(dir.path()).unwrap());
        for n in 0..60 {
            let person = Person(0x40 + n);
            run(
                &engine,
                keyledger::engine::Lane::Stranger,
                person.signs_up(Net(u16::from(n))),
            )
            .unwrap();
        }
        let mut anchor = Anchor::open(&dir.path().join(ANCHOR_FILE)).unwrap();
        engine.note_anchor(&mut anchor).unwrap();
        let hash = engine.read(state_hash);
        assert!(engine.stop(PATIENCE));
        drop(engine);
        // A second start leaves what a start writes.
        let closed = Self { rig, dir, hash };
        assert_eq!(closed.start(closed.dir.path()), Ok(closed.hash));
        closed
    }

    /// Starts on a folder: the state that readers would see, or what the operator is told.
    fn start(&self, dir: &Path) -> Result<[u8; 32], String> {
        let store = self.rig.sled(dir).map_err(|fault| fault.to_string())?;
        let anchor = dir.join(ANCHOR_FILE);
        let booted = self.rig.boot_anchored(store, Some(&anchor), Rollback::Refuse);
        let (engine, _) = booted.map_err(|fault| fault.to_string())?;
        let seen = engine.read(state_hash);
        assert!(engine.stop(PATIENCE));
        Ok(seen)
    }

    /// Files of the folder, by their names in it.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = vec![];
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(self.dir.path()).unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    fn copy(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        for file in self.files() {
            let to = copy.path().join(&file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(self.dir.path().join(&file), to).unwrap();
        }
        copy
    }

    /// Harms a copy, and starts on it.
    fn after(&self, file: &Path, harm: Harm) -> Result<[u8; 32], String> {
        let copy = self.copy();
        let path = copy.path().join(file);
        match harm {
            Harm::Flip(offset) => {
                let open = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
                let mut byte = [0];
                open.read_exact_at(&mut byte, offset).unwrap();
                open.write_all_at(&[!byte[0]], offset).unwrap();
            }
            Harm::Truncate(length) => fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(length)
                .unwrap(),
            Harm::Remove => fs::remove_file(&path).unwrap(),
        }
        self.start(copy.path())
    }
}

/// Every how many bytes one is flipped.
fn stride() -> u64 {
    let asked = std::env::var("KEYLEDGER_FLIP_EVERY").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(20_011)
}

#[test]
fn l_03_a_damaged_file_is_refused_in_words_or_has_lost_nothing() {
    let closed = Closed::new();
    let mut harms = vec![];
    for file in closed.files() {
        let length = fs::metadata(closed.dir.path().join(&file)).unwrap().len();
        // Small files more closely; the head of a large one is where most of it lies.
        let every = stride().min(length / 12 + 1);
        harms.extend(
            (0..length)
                .step_by(usize::try_from(every).unwrap())
                .map(|at| (file.clone(), Harm::Flip(at))),
        );
        for cut in [
            0,
            length / 2,
            length.saturating_sub(4_096),
            length.saturating_sub(1),
        ] {
            harms.push((file.clone(), Harm::Truncate(cut)));
        }
        harms.push((file, Harm::Remove));
    }
    let (next, told) = (AtomicUsize::new(0), Mutex::new((0, 0)));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((file, harm)) = harms.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = closed.after(file, *harm);
                    let mut told = told.lock().unwrap();
                    match seen {
                        Ok(hash) => {
                            assert_eq!(hash, closed.hash, "{harm:?} of {} is not noticed", file.display());
                            told.0 += 1;
                        }
                        Err(words) => {
                            assert!(words.len() > 20, "{harm:?} of {}: {words:?}", file.display());
                            told.1 += 1;
                        }
                    }
                }
            });
        }
    });
    let (sound, refused) = told.into_inner().unwrap();
    println!(
        "{} harms: {sound} without loss, {refused} refused in words",
        harms.len()
    );
    assert!(sound > 0 && refused > 0, "{sound} sound, {refused} refused");
}

#[test]
fn a_copy_of_the_data_starts_by_itself_and_one_that_was_left_behind_is_refused_where_the_anchor_is() {
    let closed = Closed::new();
    let (one, two) = (closed.copy(), closed.copy());
    assert_eq!(closed.start(one.path()), Ok(closed.hash), "a copy is whole");
    // The first goes on, and its keys' folder knows.
    let store = closed.rig.sled(one.path()).unwrap();
    let anchor = one.path().join(ANCHOR_FILE);
    let (engine, _) = closed
        .rig
        .boot_anchored(store, Some(&anchor), Rollback::Refuse)
        .unwrap();
    run(&engine, keyledger::engine::Lane::Proof, Person(0x40).is_banned()).unwrap();
    engine.note_anchor(&mut Anchor::open(&anchor).unwrap()).unwrap();
    assert!(engine.stop(PATIENCE));
    drop(engine);
    fs::copy(&anchor, two.path().join(ANCHOR_FILE)).unwrap();
    let refused = closed.start(two.path()).unwrap_err();
    assert!(refused.contains("--accept-rollback"), "{refused}");
}
