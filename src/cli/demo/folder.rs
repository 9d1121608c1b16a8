//! A folder that is gone when the demo is.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::system::{OsEntropy, random_id};

pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes a folder that only this user can enter, under a name that nobody could have taken before.
    pub(super) fn make() -> io::Result<Self> {
        let mut name = "keyledger-demo-".to_owned();
        for byte in &random_id(&OsEntropy)[..8] {
            write!(name, "{byte:02x}").expect("a String takes every write");
        }
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the demo's folder could not be removed");
        }
    }
}
