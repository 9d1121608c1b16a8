//! Where snapshots lie: a folder with the newest few.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{fs, io};

use super::super::dir::{make_dir, sync_dir};
use super::super::store::Reader;
use super::read::Begun;
use super::write::write;
use super::{Contents, SnapshotFault, SnapshotHead, Source};
use crate::types::{Position, Timestamp};

/// The snapshots' folder within the data directory.
pub const SNAPSHOTS_DIR: &str = "snapshots";
/// How many are kept: one that turns out damaged leaves another.
const KEPT: usize = 2;
/// Digits of a position in a file's name, so that names sort like positions.
const DIGITS: usize = 20;
const ENDING: &str = ".snap";
/// The ending of one that is being written.
const UNFINISHED: &str = ".snap.writing";

/// A folder of snapshots. Everything in it may be deleted at any time. Cheap to copy.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
    ahead: Arc<Mutex<Option<Ahead>>>,
}

/// A snapshot that is read before anybody asks for it.
#[derive(Debug)]
struct Ahead {
    path: PathBuf,
    reading: JoinHandle<Result<(SnapshotHead, Contents), SnapshotFault>>,
}

/// A snapshot that was found and read.
#[derive(Debug)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What it is bound to.
    pub head: SnapshotHead,
    /// What it holds.
    pub contents: Contents,
}

/// A snapshot that was of no use, and why.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot {} is skipped: {fault}; it may be deleted", path.display())]
pub struct Skipped {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub fault: SnapshotFault,
}

/// Which snapshots will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The newest.
    Newest,
    /// The newest at or before a position.
    Until(Position),
    /// The newest with nothing later than a moment.
    Before(Timestamp),
}

impl Shelf {
    /// The folder `snapshots` of a data directory; it need not be there.
    pub fn of(data: &Path) -> Self {
        Self {
            dir: data.join(SNAPSHOTS_DIR),
            ahead: Arc::default(),
        }
    }

    /// The files, the newest first.
    pub fn files(&self) -> Vec<(Position, PathBuf)> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some((position_of(&entry.file_name().to_string_lossy())?, entry.path())))
            .collect();
        files.sort_by(|a, b| b.cmp(a));
        files
    }

    /// Begins to read the newest one, on a thread of its own, because [`Shelf::find`] will soon be asked for it: what a
    /// start does while it opens the ledger.
    pub fn read_ahead(&self) {
        let Some((_, path)) = self.files().into_iter().next() else {
            return;
        };
        let owned = path.clone();
        let reading = std::thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(move || Begun::open(&owned)?.finish());
        // Without a thread it is read when it is asked for.
        if let Ok(reading) = reading {
            *self.ahead() = Some(Ahead { path, reading });
        }
    }

    fn ahead(&self) -> MutexGuard<'_, Option<Ahead>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first wanted one that is whole and belongs to the ledger; and those that were in the way.
    pub fn find(&self, reader: &dyn Reader, wanted: Wanted) -> (Option<Found>, Vec<Skipped>) {
        let mut skipped = Vec::new();
        let mut ahead = self.ahead().take();
        for (position, path) in self.files() {
            if matches!(wanted, Wanted::Until(until) if position > until) {
                continue;
            }
            let ahead = ahead.take_if(|ahead| ahead.path == path);
            match read(&path, ahead, reader, wanted) {
                Ok(Some((head, contents))) => {
                    let found = Found { path, head, contents };
                    return (Some(found), skipped);
                }
                Ok(None) => {}
                Err(fault) => skipped.push(Skipped { path, fault }),
            }
        }
        (None, skipped)
    }

    /// Keeps a snapshot durably, for the owner only, and removes all but the newest few. One at a time.
    pub fn put(&self, head: &SnapshotHead, source: &mut impl Source) -> Result<PathBuf, SnapshotFault> {
        make_dir(&self.dir)?;
        self.remove_unfinished();
        let name = format!("{:0DIGITS$}", head.at.next.0);
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        let path = self.dir.join(format!("{name}{ENDING}"));
        let written = write(&unfinished, head, source)
            .and_then(|()| fs::rename(&unfinished, &path).map_err(SnapshotFault::file("rename it")));
        if let Err(fault) = written {
            // A full disk gets its room back; what cannot be removed now is removed before the next one.
            remove(&unfinished);
            return Err(fault);
        }
        sync_dir(&self.dir)?;
        for (_, old) in self.files().into_iter().skip(KEPT) {
            remove(&old);
        }
        Ok(path)
    }

    /// Removes what a crash left.
    fn remove_unfinished(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries {
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                remove(&entry.path());
            }
        }
    }
}

/// Reads a snapshot and proves it whole and the ledger's own; `None` if it is not a wanted one.
fn read(
    path: &Path,
    ahead: Option<Ahead>,
    reader: &dyn Reader,
    wanted: Wanted,
) -> Result<Option<(SnapshotHead, Contents)>, SnapshotFault> {
    let begun = Begun::open(path)?;
    if matches!(wanted, Wanted::Before(moment) if begun.head.time > moment) {
        return Ok(None);
    }
    begun.head.check(reader)?;
    let read = match ahead.map(|ahead| ahead.reading.join()) {
        // If another file has come in its place meanwhile, that is the one.
        Some(Ok(Ok(read))) if read.0 == begun.head => Ok(read),
        Some(Ok(_) | Err(_)) | None => begun.finish(),
    };
    read.map(Some)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "an old snapshot could not be removed");
    }
}

fn position_of(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(ENDING)?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Position))?
}
