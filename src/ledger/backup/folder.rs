//! A folder of parts: their names, the newest chain in it, and which are old enough to go.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::super::store::LedgerId;
use super::error::BackupError;
use super::format::PartHeader;
use super::{PART_SUFFIX, read};
use crate::types::{Position, Timestamp};

/// How the name of a part ends while it is written.
pub(super) const PARTIAL_SUFFIX: &str = ".partial";
/// More parts than anybody keeps: a folder with more is some other folder.
const PARTS_MAX: usize = 100_000;

/// A part in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// What it says about itself.
    pub header: PartHeader,
}

/// What was removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// The files that are gone.
    pub removed: Vec<PathBuf>,
}

/// The folder of one backup at a time; dropping it lets go.
pub(super) struct FolderLock(File);

impl FolderLock {
    /// Takes the folder, or tells that another backup has it; never waits. The lock is the kernel's and leaves no file.
    pub(super) fn take(folder: &Path) -> Result<Self, BackupError> {
        let file = File::open(folder).map_err(trouble("open the folder", folder))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(trouble("lock the folder", folder)(source)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // If this fails, closing the file lets go.
        drop(self.0.unlock());
    }
}

pub(super) fn trouble(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::File {
        doing,
        path: path.clone(),
        source,
    }
}

/// The name of a part: where it begins and ends, and when it was made; names sort like positions.
pub(super) fn part_name(header: &PartHeader) -> String {
    let (from, to) = (header.from.next.0, header.to.next.0);
    format!("{from:012}-{to:012}-{}{PART_SUFFIX}", stamp(header.at))
}

/// A time without what names of files avoid: `20260120T143000.000Z`.
fn stamp(at: Timestamp) -> String {
    at.rfc3339().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// Files of a folder whose names end so.
pub(super) fn files(folder: &Path, suffix: &str) -> Result<Vec<PathBuf>, BackupError> {
    let list = trouble("list the folder", folder);
    let mut found = vec![];
    for entry in fs::read_dir(folder).map_err(&list)? {
        let path = entry.map_err(&list)?.path();
        if path.to_string_lossy().ends_with(suffix) && found.len() < PARTS_MAX {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// All parts of a folder, of one ledger or of any, the oldest first.
fn parts(folder: &Path, ledger: Option<LedgerId>) -> Result<Vec<Found>, BackupError> {
    let mut found = vec![];
    for path in files(folder, PART_SUFFIX)? {
        let part = read::look(&path)?;
        if ledger.is_none_or(|ledger| ledger == part.header.ledger) {
            found.push(part);
        }
    }
    found.sort_by_key(|part| (part.header.at, part.header.to.next));
    Ok(found)
}

/// The chain that ends with the newest part of a folder, first part first; empty if there is no part. Headers are
/// proven, contents not.
pub fn newest_chain(folder: &Path, ledger: Option<LedgerId>) -> Result<Vec<Found>, BackupError> {
    let mut parts = parts(folder, ledger)?;
    let Some(newest) = parts.pop() else {
        return Ok(vec![]);
    };
    if let Some(other) = parts
        .iter()
        .find(|part| part.header.ledger != newest.header.ledger)
    {
        return Err(BackupError::Foreign {
            path: other.path.clone(),
            what: "the folder holds backups of several ledgers",
        });
    }
    let mut chain = vec![newest];
    while let Some(first) = chain.last()
        && first.header.from.next > Position(0)
    {
        let from = first.header.from;
        // Two parts may end at one place; the newer one counts. One without frames ends where it begins.
        let before = parts
            .iter()
            .rposition(|part| part.header.to == from && part.header.at <= first.header.at);
        let Some(before) = before else {
            return Err(BackupError::Gap {
                path: first.path.clone(),
                found: from.next,
                due: parts
                    .iter()
                    .map(|part| part.header.to.next)
                    .filter(|next| *next < from.next)
                    .max()
                    .unwrap_or_default(),
            });
        };
        chain.push(parts.remove(before));
    }
    chain.reverse();
    Ok(chain)
}

/// Removes the parts of a ledger that are older than its newest so many first parts. To be called after a newer one was
/// proven.
pub fn prune(folder: &Path, ledger: LedgerId, keep: usize) -> Result<Pruned, BackupError> {
    let _lock = FolderLock::take(folder)?;
    let parts = parts(folder, Some(ledger))?;
    let firsts = parts.iter().filter(|part| part.header.from.next == Position(0));
    let Some(oldest_kept) = firsts.rev().nth(keep.max(1) - 1) else {
        return Ok(Pruned::default());
    };
    let oldest_kept = oldest_kept.header.at;
    let mut pruned = Pruned::default();
    for part in parts.iter().filter(|part| part.header.at < oldest_kept) {
        fs::remove_file(&part.path).map_err(trouble("remove the old backup", &part.path))?;
        pruned.removed.push(part.path.clone());
    }
    Ok(pruned)
}
