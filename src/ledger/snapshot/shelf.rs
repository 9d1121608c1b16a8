//! Where snapshots lie: a folder with the newest few.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::super::dir::{make_dir, sync_dir};
use super::super::store::Reader;
use super::read::read;
use super::write::write;
use super::{Contents, SnapshotFault, SnapshotHead, View};
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

/// A folder of snapshots. Everything in it may be deleted at any time.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
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

    /// The first wanted one that is whole and belongs to the ledger; and those that were in the way.
    pub fn find(&self, reader: &dyn Reader, wanted: Wanted) -> (Option<Found>, Vec<Skipped>) {
        let mut skipped = Vec::new();
        for (position, path) in self.files() {
            if matches!(wanted, Wanted::Until(until) if position > until) {
                continue;
            }
            match read(&path, reader, wanted) {
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
    pub fn put(&self, head: &SnapshotHead, contents: &View<'_>) -> Result<PathBuf, SnapshotFault> {
        make_dir(&self.dir)?;
        self.remove_unfinished();
        let name = format!("{:0DIGITS$}", head.at.next.0);
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        let path = self.dir.join(format!("{name}{ENDING}"));
        let written = write(&unfinished, head, contents)
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
