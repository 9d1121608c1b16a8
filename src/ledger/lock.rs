//! One process to a data directory: a locked file that says who has it.
//!
//! The lock is the kernel's (`flock`), so it ends with the process, however that ends; the text in the file is only for
//! people. Network file systems, FUSE and container overlays keep neither this lock nor fsync reliably: the data
//! directory belongs on a local disk or a volume.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::StoreError;
use crate::types::Timestamp;

/// The lock file's name in the data directory.
pub const LOCK_FILE: &str = "lock";
/// More than any text of ours: a foreign file is not read to its end.
const TEXT_MAX: u64 = 1_024;
const COMMAND_MAX: usize = 120;

/// Who holds a data directory, as the lock file tells; each part is missing if the file is not ours or just being
/// written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holder {
    /// The process.
    pub pid: Option<u32>,
    /// What it was started as: `keyledger serve`.
    pub command: Option<String>,
    /// When it took the lock, RFC 3339.
    pub since: Option<String>,
}

/// A held data directory; dropping it lets go.
#[derive(Debug)]
pub struct DirLock {
    file: File,
}

impl DirLock {
    /// Takes the lock of `dir` for `command`, or tells who has it; never waits.
    pub fn take(dir: &Path, command: &str, now: Timestamp) -> Result<Self, StoreError> {
        let path = dir.join(LOCK_FILE);
        let trouble = |doing| {
            let path = path.clone();
            move |source| StoreError::File { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(trouble("open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held {
                    dir: dir.to_owned(),
                    holder: Holder::read(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(trouble("lock")(source)),
        }
        let command: String = command
            .chars()
            .filter(|c| !c.is_control())
            .take(COMMAND_MAX)
            .collect();
        let text = format!("{}\n{}\n{command}\n", std::process::id(), now.rfc3339());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(trouble("write the lock file"))?;
        Ok(Self { file })
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing alone would leave it to a child process that is just being started and has a copy. If this fails,
        // the end of the process unlocks.
        drop(self.file.unlock());
    }
}

impl Holder {
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        if file.take(TEXT_MAX).read_to_string(&mut text).is_err() {
            return Self::default();
        }
        let mut lines = text
            .lines()
            .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>());
        let mut line = || lines.next().filter(|line| !line.is_empty());
        Self {
            pid: line().and_then(|pid| pid.parse().ok()),
            since: line(),
            command: line(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => write!(f, "another process")?,
        }
        match (&self.command, &self.since) {
            (Some(command), Some(since)) => write!(f, " ({command}, since {since})"),
            (Some(command), None) => write!(f, " ({command})"),
            (None, Some(since)) => write!(f, " (since {since})"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_directory_names_its_holder_and_is_free_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::parse_rfc3339("2026-01-20T14:30:00Z").unwrap();
        let lock = DirLock::take(dir.path(), "keyledger\nserve", now).unwrap();
        let refused = DirLock::take(dir.path(), "keyledger check", now).unwrap_err();
        let StoreError::Held { holder, .. } = &refused else {
            panic!("not held: {refused}")
        };
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(
            refused
                .to_string()
                .contains("(keyledgerserve, since 2026-01-20T14:30:00.000Z): stop it"),
            "{refused}"
        );
        drop(lock);
        DirLock::take(dir.path(), "keyledger check", now).unwrap();
    }

    #[test]
    fn a_lock_file_of_nobody_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK_FILE), [0xff; 4_000]).unwrap();
        DirLock::take(dir.path(), "x", Timestamp(0)).unwrap();
    }
}
