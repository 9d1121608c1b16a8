//! The erasure list: a file outside the database of the users whose keys must stay dead, so that an older copy of the
//! ledger, put back, brings nobody back.
//!
//! The file is only ever added to: a head of 16 bytes (`KLERASED`, version 1, zeros), then 48 bytes a user:
//!
//! | bytes | field |
//! |---|---|
//! | 16 | user id |
//! | 8 | when they were listed, i64, microseconds |
//! | 8 | where the ledger says so, position u64 |
//! | 16 | BLAKE3(domain ‖ all of the above), cut |
//!
//! All numbers are big-endian. It holds ids and nothing else of anybody. A user is listed after their erasure is durable
//! in the ledger and before their key is destroyed; what a crash tore off its end, the ledger still knows, and the next
//! start lists again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::dir::{make_dir, sync_dir};
use super::record::field;
use crate::types::{Position, Timestamp, UserId};

/// The list's file in the keys' directory.
pub const ERASURES_FILE: &str = "erasures";
/// Users on one list, at most: 48 MB of file.
pub const ERASURES_MAX: usize = 1_000_000;
const HEAD: [u8; 16] = *b"KLERASED\x01\0\0\0\0\0\0\0";
const ENTRY_LEN: usize = 48;
const BODY_LEN: usize = 32;
const DOMAIN: &[u8; 21] = b"keyledger/erasures/v1";

/// When a user was listed, and where the ledger says that they were erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// When they were listed.
    pub at: Timestamp,
    /// The position of the erasure in the ledger that it happened in.
    pub position: Position,
}

/// An open erasure list; there is one, beside the writer, under the data directory's lock.
#[derive(Debug)]
pub struct Erasures {
    path: PathBuf,
    file: Option<File>,
    users: BTreeMap<UserId, Erasure>,
}

/// Trouble with the erasure list.
#[derive(Debug, thiserror::Error)]
pub enum ErasuresError {
    /// The system refuses.
    #[error("cannot {doing} the erasure list {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The list.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    #[error(
        "the erasure list {} is damaged at entry {entry}: put a good copy of the file in its place; without one, move it \
         away: the erasures that the ledger itself knows are listed anew, and those of a ledger that was lost are not",
        path.display()
    )]
    Damaged {
        /// The list.
        path: PathBuf,
        /// Which entry, from 1; 0 is the head.
        entry: u64,
    },
    /// A later program wrote it.
    #[error(
        "the erasure list {} has format {found}, which this version does not know: run the version that wrote it, or a \
         later one", path.display()
    )]
    Newer {
        /// The list.
        path: PathBuf,
        /// Its format.
        found: u8,
    },
    /// The bound on users.
    #[error("the erasure list {} would hold more than {ERASURES_MAX} users, the most it can", path.display())]
    Full {
        /// The list.
        path: PathBuf,
    },
}

impl Erasures {
    /// Opens a list; a missing file is made by the first [`Erasures::add`].
    pub fn open(path: &Path) -> Result<Self, ErasuresError> {
        let mut list = Self {
            path: path.to_owned(),
            file: None,
            users: BTreeMap::new(),
        };
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(list),
            Err(error) => return Err(list.trouble("open", error)),
        };
        let whole = list.read(&file)?;
        let length = file
            .metadata()
            .map_err(|error| list.trouble("read", error))?
            .len();
        if whole < length {
            // A torn end: never relied on, because no key was destroyed before the list was durable.
            file.set_len(whole)
                .and_then(|()| file.sync_all())
                .map_err(|error| list.trouble("mend", error))?;
        }
        list.file = Some(file);
        Ok(list)
    }

    /// Reads all entries; says where the last whole one ends.
    fn read(&mut self, file: &File) -> Result<u64, ErasuresError> {
        let trouble = |error| self.trouble("read", error);
        let mut reader = BufReader::new(file);
        let mut head = [0; HEAD.len()];
        let got = read_full(&mut reader, &mut head).map_err(trouble)?;
        if head != HEAD || got < head.len() {
            let path = self.path.clone();
            return Err(
                if got == head.len() && head[..8] == HEAD[..8] && head[8] > HEAD[8] {
                    ErasuresError::Newer { path, found: head[8] }
                } else {
                    ErasuresError::Damaged { path, entry: 0 }
                },
            );
        }
        let mut users = BTreeMap::new();
        let (mut number, mut torn) = (0, None);
        let mut entry = [0; ENTRY_LEN];
        while read_full(&mut reader, &mut entry).map_err(trouble)? == ENTRY_LEN {
            number += 1;
            match (decode(&entry), torn) {
                // What is whole after what is not was written after it: so that was whole once, too.
                (Some(_), Some(entry)) => {
                    let path = self.path.clone();
                    return Err(ErasuresError::Damaged { path, entry });
                }
                (Some((user, erasure)), None) => {
                    if users.len() >= ERASURES_MAX {
                        let path = self.path.clone();
                        return Err(ErasuresError::Full { path });
                    }
                    users.entry(user).or_insert(erasure);
                }
                (None, None) => torn = Some(number),
                (None, Some(_)) => {}
            }
        }
        self.users = users;
        let whole = torn.map_or(number, |first| first - 1);
        Ok(HEAD.len() as u64 + whole * ENTRY_LEN as u64)
    }

    /// Lists users that are not listed yet; durable on `Ok`. After an error nobody knows what the file holds, and only
    /// opening it anew tells.
    pub fn add(
        &mut self,
        erased: impl IntoIterator<Item = (UserId, Erasure)>,
    ) -> Result<usize, ErasuresError> {
        let fresh: BTreeMap<_, _> = erased
            .into_iter()
            .filter(|(user, _)| !self.users.contains_key(user))
            .collect();
        if fresh.is_empty() {
            return Ok(0);
        }
        if self.users.len() + fresh.len() > ERASURES_MAX {
            return Err(ErasuresError::Full {
                path: self.path.clone(),
            });
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.make()?,
        };
        let mut bytes = Vec::with_capacity(fresh.len() * ENTRY_LEN);
        for (user, erasure) in &fresh {
            bytes.extend_from_slice(&encode(*user, *erasure));
        }
        let mut end = &file;
        end.seek(SeekFrom::End(0))
            .and_then(|_| end.write_all(&bytes))
            .and_then(|()| file.sync_all())
            .map_err(|error| self.trouble("write", error))?;
        self.file = Some(file);
        let count = fresh.len();
        self.users.extend(fresh);
        Ok(count)
    }

    /// Makes the file whole under another name first, so that a crash leaves either none or a good one.
    fn make(&self) -> Result<File, ErasuresError> {
        let fresh = self.path.with_extension("new");
        let folder = self.path.parent().unwrap_or(Path::new("."));
        make_dir(folder).map_err(|error| self.trouble("make", io::Error::other(error)))?;
        let made = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .and_then(|mut file| {
                file.write_all(&HEAD)?;
                file.sync_all()?;
                fs::rename(&fresh, &self.path)?;
                Ok(file)
            });
        let file = made.map_err(|error| self.trouble("make", error))?;
        sync_dir(folder).map_err(|error| self.trouble("make", io::Error::other(error)))?;
        Ok(file)
    }

    /// Adds what another list holds, as a restore does with the list that it is given; says how many users that were.
    pub fn merge(&mut self, other: &Self) -> Result<usize, ErasuresError> {
        self.add(other.users())
    }

    /// Whether a user is listed.
    pub fn contains(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Everybody who is listed, in the order of their ids.
    pub fn users(&self) -> impl Iterator<Item = (UserId, Erasure)> + '_ {
        self.users.iter().map(|(user, erasure)| (*user, *erasure))
    }

    /// How many users are listed.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    fn trouble(&self, doing: &'static str, source: io::Error) -> ErasuresError {
        ErasuresError::File {
            doing,
            path: self.path.clone(),
            source,
        }
    }
}

/// Fills a buffer as far as the file reaches; says how far that was.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn encode(user: UserId, erasure: Erasure) -> [u8; ENTRY_LEN] {
    let mut out = [0; ENTRY_LEN];
    out[..16].copy_from_slice(&user.0);
    out[16..24].copy_from_slice(&erasure.at.0.to_be_bytes());
    out[24..BODY_LEN].copy_from_slice(&erasure.position.0.to_be_bytes());
    let check = checksum(&out[..BODY_LEN]);
    out[BODY_LEN..].copy_from_slice(&check);
    out
}

fn decode(entry: &[u8; ENTRY_LEN]) -> Option<(UserId, Erasure)> {
    let (body, check) = entry.split_at(BODY_LEN);
    (*check == checksum(body)).then(|| {
        let erasure = Erasure {
            at: Timestamp(i64::from_be_bytes(field(body, 16))),
            position: Position(u64::from_be_bytes(field(body, 24))),
        };
        (UserId(field(body, 0)), erasure)
    })
}

fn checksum(body: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN).update(body);
    field(hasher.finalize().as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn erasure(number: u8) -> (UserId, Erasure) {
        let position = Position(u64::from(number));
        let at = Timestamp(1_768_919_400_000_000);
        (UserId([number; 16]), Erasure { at, position })
    }

    fn listed(path: &Path) -> Vec<(UserId, Erasure)> {
        Erasures::open(path).unwrap().users().collect()
    }

    #[test]
    fn who_is_listed_once_stays_listed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys").join(ERASURES_FILE);
        let mut list = Erasures::open(&path).unwrap();
        assert!(list.is_empty() && !path.exists(), "looking makes nothing");
        assert_eq!(list.add([erasure(1), erasure(2)]).unwrap(), 2);
        let again = Erasure {
            position: Position(99),
            ..erasure(1).1
        };
        assert_eq!(list.add([(erasure(1).0, again), erasure(3)]).unwrap(), 1);
        assert_eq!(listed(&path), [erasure(1), erasure(2), erasure(3)]);
        assert_eq!(fs::metadata(&path).unwrap().len(), 16 + 3 * 48);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(list.contains(UserId([2; 16])) && !list.contains(UserId([9; 16])));
    }

    #[test]
    fn a_list_takes_over_what_another_holds() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let mut first = Erasures::open(&one).unwrap();
        first.add([erasure(1)]).unwrap();
        let mut second = Erasures::open(&other).unwrap();
        second.add([erasure(1), erasure(2)]).unwrap();
        assert_eq!(first.merge(&second).unwrap(), 1);
        assert_eq!(listed(&one), listed(&other));
    }

    #[test]
    fn a_torn_end_is_cut_at_every_length_and_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ERASURES_FILE);
        Erasures::open(&path)
            .unwrap()
            .add([erasure(1), erasure(2), erasure(3)])
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 16..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let left = (length - 16) / 48;
            let mut list = Erasures::open(&path).unwrap();
            assert_eq!(list.len(), left, "{length}");
            list.add([erasure(1), erasure(2), erasure(3)]).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        // A file grows before its bytes arrive: zeros at the end are torn, too.
        fs::write(&path, [&whole[..64], &[0; 96]].concat()).unwrap();
        assert_eq!(listed(&path), [erasure(1)]);
    }

    #[test]
    fn damage_before_the_end_is_named_and_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ERASURES_FILE);
        Erasures::open(&path)
            .unwrap()
            .add([erasure(1), erasure(2), erasure(3)])
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..16 + 2 * 48 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let words = Erasures::open(&path).unwrap_err().to_string();
            let entry = if at < 16 { 0 } else { (at - 16) / 48 + 1 };
            assert!(
                words.contains(&format!("damaged at entry {entry}")),
                "{at}: {words}"
            );
        }
        let mut newer = whole;
        newer[8] = 2;
        fs::write(&path, &newer).unwrap();
        let words = Erasures::open(&path).unwrap_err().to_string();
        assert!(words.contains("format 2"), "{words}");
    }
}
