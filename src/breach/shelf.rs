//! The folder of imported sets.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::LeakedHash;
use super::set::{LeakedSet, SetFault};

/// Sets that are looked into; each look-up of a password opens all of them.
pub const SETS_MAX: usize = 8;
const SUFFIX: &str = "set";
const NAME_MAX: usize = 32;

/// What a set is called: letters `a`–`z`, digits and `-`, at most 32, and no `-` at the start.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SetName(String);

/// A text that is no such name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("name a set with 1 to 32 of `a`–`z`, `0`–`9` and `-`, and no `-` at the start")]
pub struct SetNameFault;

impl FromStr for SetName {
    type Err = SetNameFault;

    fn from_str(text: &str) -> Result<Self, SetNameFault> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let holds = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-');
        holds.then(|| Self(text.to_owned())).ok_or(SetNameFault)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder of imported sets, which need not be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf of a folder.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a set of this name lies.
    pub fn path(&self, name: &SetName) -> PathBuf {
        self.folder.join(format!("{name}.{SUFFIX}"))
    }

    /// The names of all sets, sorted; no folder, no sets. More than [`SETS_MAX`] are not looked at.
    pub fn names(&self) -> io::Result<Vec<SetName>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut names = vec![];
        for entry in entries {
            let path = PathBuf::from(entry?.file_name());
            let is_set = path.extension().is_some_and(|suffix| suffix == SUFFIX);
            let name = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            names.extend(name.filter(|_| is_set));
        }
        names.sort();
        names.truncate(SETS_MAX);
        Ok(names)
    }

    /// Opens a set.
    pub fn open(&self, name: &SetName) -> Result<LeakedSet, SetFault> {
        LeakedSet::open(&self.path(name))
    }

    /// Removes a set; says whether there was one.
    pub fn remove(&self, name: &SetName) -> io::Result<bool> {
        match fs::remove_file(self.path(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The sets that have one of the hashes, and what is wrong with those that cannot be asked.
    pub fn look_up(&self, hashes: &[LeakedHash]) -> (Vec<SetName>, Vec<SetFault>) {
        let names = match self.names() {
            Ok(names) => names,
            Err(source) => {
                let path = self.folder.clone();
                return (vec![], vec![SetFault::Unreadable { path, source }]);
            }
        };
        let (mut found, mut faults) = (vec![], vec![]);
        for name in names {
            match self.has_any(&name, hashes) {
                Ok(true) => found.push(name),
                Ok(false) => {}
                // Removed between the look at the folder and now.
                Err(SetFault::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => faults.push(fault),
            }
        }
        (found, faults)
    }

    fn has_any(&self, name: &SetName, hashes: &[LeakedHash]) -> Result<bool, SetFault> {
        let set = self.open(name)?;
        for hash in hashes {
            if set.has(*hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
