//! The directories of a ledger: made, made durable, and cleared of what an interrupted start left.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Makes a directory, and those above it, for the owner only.
pub(crate) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| StoreError::File {
            doing: "make the directory",
            path: dir.to_owned(),
            source,
        })
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    // The parent of a relative path of one part is written as nothing.
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)
        .and_then(|open| open.sync_all())
        .map_err(|source| StoreError::File {
            doing: "sync the directory",
            path: dir.to_owned(),
            source,
        })
}

/// Refuses a directory with files but no database: our own descriptor's file is always the first to be made.
pub(crate) fn refuse_foreign_files(dir: &Path) -> Result<(), StoreError> {
    let there = list(dir)?;
    if there.is_empty() || dir.join("db").is_file() {
        return Ok(());
    }
    let found = there
        .first()
        .map(|path| format!("{} without a database", path.display()))
        .unwrap_or_default();
    Err(StoreError::Foreign {
        dir: dir.to_owned(),
        found,
    })
}

/// Removes half-written index snapshots, which sled would take for whole ones; the log has everything they say.
pub(crate) fn remove_leftovers(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut removed = Vec::new();
    for path in list(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("snap.") {
            continue;
        }
        let is_empty = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0);
        if is_empty || name.ends_with(".generating") {
            fs::remove_file(&path).map_err(|source| StoreError::File {
                doing: "remove the leftover",
                path: path.clone(),
                source,
            })?;
            removed.push(path);
        }
    }
    Ok(removed)
}

/// Bytes of all files below a directory; those that vanish meanwhile do not count.
pub(crate) fn size_of(dir: &Path) -> Result<u64, StoreError> {
    let mut size = 0;
    for path in list(dir)? {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => size += size_of(&path)?,
            Ok(metadata) => size += metadata.len(),
            Err(_) => {}
        }
    }
    Ok(size)
}

/// Names of what lies in the database's directory.
fn list(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|source| StoreError::File {
            doing: "list the directory",
            path: dir.to_owned(),
            source,
        })
}
