//! The random keys of each purpose, sealed under the master key in one small file.
//!
//! File: `magic 8 ‖ version 1 ‖ master key fingerprint 16 ‖ nonce 24 ‖ ciphertext ‖ tag 16 ‖ BLAKE3 of all before 32`.
//! Clear text: `next id u32 ‖ count u32 ‖ count × (purpose u8 ‖ id u32 ‖ created µs i64 ‖ state u8 ‖ key 32)`,
//! numbers big-endian. Ids count up over all purposes and never repeat, so an id alone names a key.

mod purpose;
mod shared;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

use crate::system::{Entropy, random_array};
use crate::types::Timestamp;

pub use purpose::Purpose;
pub use shared::SharedKeyring;

use super::mac::MacKey;
use super::master::MasterKey;
use super::{aead, files};

const MAGIC: &[u8; 8] = b"KLKEYRNG";
const VERSION: u8 = 1;
/// Magic, version and fingerprint: what the seal is bound to.
const HEAD_LEN: usize = 8 + 1 + 16;
const CHECKSUM_LEN: usize = 32;
const ENTRY_LEN: usize = 1 + 4 + 8 + 1 + 32;
/// Two rotations a day of one purpose for a year; 46 bytes each.
const KEYS_MAX: usize = 1_000;
const FILE_MAX: u64 = 128 * 1024;

/// Names a key within its ring; stored beside all that the key makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 256 random bits for one purpose; wiped when dropped, never printed.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The seed of the signer, the one key that leaves this room ([`Purpose::Signing`]).
    pub fn expose_seed(&self) -> &[u8; 32] {
        &self.0
    }
}

impl MacKey for SecretKey {
    fn mac_key(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Whether new things are made with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyState {
    /// The one key of its purpose that makes new things.
    Active,
    /// Kept for what it made.
    Retired,
}

/// One key of the ring.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it is for.
    pub purpose: Purpose,
    /// Its name.
    pub id: KeyId,
    /// When it was drawn.
    pub created: Timestamp,
    /// Whether it makes new things.
    pub state: KeyState,
    secret: SecretKey,
}

impl Key {
    /// The key itself.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

/// Why a key file cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The master key file is not there.
    #[error("there is no master key at {}: put it back there, name its place in the settings, or make a new ledger with `keyledger init` in another folder", .0.display())]
    MasterMissing(PathBuf),
    /// There is one already.
    #[error("{} exists already and is not replaced: a ledger may depend on that master key", .0.display())]
    MasterExists(PathBuf),
    /// Others can read it.
    #[error("others can read the master key (mode {mode:03o}): run `chmod 600 {}`", .path.display())]
    MasterExposed {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its text is no key.
    #[error(
        "the master key is neither 64 hexadecimal digits nor 32 bytes in base64: the file may be cut short or another file"
    )]
    MasterMalformed,
    /// The keyring file is not there.
    #[error("there is no keyring at {}: restore it from a backup, or make a new ledger with `keyledger init` in another folder", .0.display())]
    RingMissing(PathBuf),
    /// There is one already.
    #[error("{} exists already and is not replaced: a ledger may depend on that keyring", .0.display())]
    RingExists(PathBuf),
    /// The file is whole, but sealed under another master key.
    #[error(
        "the keyring was sealed under another master key: give the master key that belongs to this ledger"
    )]
    WrongMaster,
    /// The file is not what was written.
    #[error("the keyring at {} is damaged: restore it from a backup", .0.display())]
    RingDamaged(PathBuf),
    /// A later program wrote it.
    #[error(
        "the keyring has format {0}, which this version does not know: run the version that wrote it, or a later one"
    )]
    RingTooNew(u8),
    /// What these keys made is still stored.
    #[error("keys for {} cannot be forgotten: what they made is stored and would be lost", .0.name())]
    StillNeeded(Purpose),
    /// The settings give the master key, and no other one to take its place.
    #[error(
        "the settings give the master key, so they must give the one that takes its place, too: set master_key_next (or \
         master_key_next_file) to a new one, restart the server, and run the command again"
    )]
    NextMasterMissing,
    /// The bound on keys.
    #[error("the keyring holds {KEYS_MAX} keys, the most it can: forget retired ones first")]
    TooMany,
    /// The system refuses to read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// The system refuses to write.
    #[error("cannot write {}: {}", .0.display(), .1)]
    Unwritable(PathBuf, #[source] io::Error),
}

/// All keys, at least one and exactly one active for each purpose.
#[derive(Clone, Debug)]
pub struct Keyring {
    next: u32,
    /// Ascending by id.
    keys: Vec<Key>,
}

impl Keyring {
    /// Draws one key for each purpose and writes them to a new file.
    pub fn create(
        path: &Path,
        master: &MasterKey,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyFault> {
        let ring = Self::fresh(now, entropy);
        files::create(path, &ring.to_file(master, entropy)).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                KeyFault::RingExists(path.into())
            } else {
                KeyFault::Unwritable(path.into(), error)
            }
        })?;
        Ok(ring)
    }

    /// Draws one key for each purpose, in memory only.
    pub fn fresh(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut ring = Self {
            next: 1,
            keys: Vec::new(),
        };
        for purpose in Purpose::ALL {
            ring.add(purpose, now, entropy);
        }
        ring
    }

    /// The name of the key that a purpose has in a fresh ring.
    pub fn first(purpose: Purpose) -> KeyId {
        KeyId(purpose::code(purpose).into())
    }

    /// Opens the file that [`Keyring::create`] or [`Keyring::save`] wrote.
    pub fn open(path: &Path, master: &MasterKey) -> Result<Self, KeyFault> {
        let unreadable = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                KeyFault::RingMissing(path.into())
            } else {
                KeyFault::Unreadable(path.into(), error)
            }
        };
        let file = File::open(path).map_err(unreadable)?;
        let bytes = files::read(&file, FILE_MAX).map_err(unreadable)?;
        Self::from_file(&bytes, path, master)
    }

    /// Opens the bytes of such a file; `path` is what errors name.
    pub(super) fn from_file(bytes: &[u8], path: &Path, master: &MasterKey) -> Result<Self, KeyFault> {
        let damaged = || KeyFault::RingDamaged(path.into());
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or_else(damaged)?;
        if body.get(..8) != Some(MAGIC.as_slice()) || blake3::hash(body).as_bytes() != checksum {
            return Err(damaged());
        }
        let (head, rest) = body.split_at_checked(HEAD_LEN).ok_or_else(damaged)?;
        if head[8] != VERSION {
            return Err(KeyFault::RingTooNew(head[8]));
        }
        if head[9..] != master.fingerprint() {
            return Err(KeyFault::WrongMaster);
        }
        let (nonce, sealed) = rest
            .split_first_chunk::<{ aead::NONCE_LEN }>()
            .ok_or_else(damaged)?;
        let clear = aead::decrypt(master.bytes(), *nonce, head, sealed).ok_or_else(damaged)?;
        Self::from_clear(&clear).ok_or_else(damaged)
    }

    /// Writes all keys, replacing the file at once or not at all; durable when this returns.
    pub fn save(&self, path: &Path, master: &MasterKey, entropy: &dyn Entropy) -> Result<(), KeyFault> {
        files::replace(path, &self.to_file(master, entropy))
            .map_err(|error| KeyFault::Unwritable(path.into(), error))
    }

    /// The key that makes new things.
    pub fn active(&self, purpose: Purpose) -> (KeyId, &SecretKey) {
        let mut newest_first = self.keys.iter().rev();
        newest_first
            .find(|key| key.purpose == purpose && key.state == KeyState::Active)
            .map(|key| (key.id, &key.secret))
            .expect("each purpose has an active key: `fresh`, `rotate` and `from_clear` see to it")
    }

    /// The key that made something, if it is of this purpose and still kept.
    pub fn get(&self, purpose: Purpose, id: KeyId) -> Option<&SecretKey> {
        let at = self.keys.binary_search_by_key(&id, |key| key.id).ok()?;
        let key = &self.keys[at];
        (key.purpose == purpose).then_some(&key.secret)
    }

    /// Every key of a purpose, oldest first.
    pub fn all(&self, purpose: Purpose) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.purpose == purpose)
    }

    /// Whether it holds every key of another ring whose work does not expire.
    pub(super) fn has_what_lasts_of(&self, other: &Self) -> bool {
        let mut lasting = other
            .keys
            .iter()
            .filter(|key| !purpose::is_short_lived(key.purpose));
        lasting.all(|key| {
            let own = self.get(key.purpose, key.id);
            own.is_some_and(|own| own.0.ct_eq(&key.secret.0).into())
        })
    }

    /// Draws a new active key and keeps the old ones, so that nothing alive ends; not yet saved.
    pub fn rotate(
        &mut self,
        purpose: Purpose,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<KeyId, KeyFault> {
        if self.keys.len() >= KEYS_MAX || self.next == u32::MAX {
            return Err(KeyFault::TooMany);
        }
        for key in self.keys.iter_mut().filter(|key| key.purpose == purpose) {
            key.state = KeyState::Retired;
        }
        Ok(self.add(purpose, now, entropy))
    }

    /// Draws a key that is not active yet, for what must be made under it first; not yet saved.
    pub fn prepare(
        &mut self,
        purpose: Purpose,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<KeyId, KeyFault> {
        let active = self.active(purpose).0;
        let prepared = self.rotate(purpose, now, entropy)?;
        self.activate(purpose, active);
        Ok(prepared)
    }

    /// Makes a key of the ring the active one of its purpose; not yet saved.
    pub fn activate(&mut self, purpose: Purpose, id: KeyId) {
        assert!(
            self.get(purpose, id).is_some(),
            "only a key of the ring can be active"
        );
        for key in self.keys.iter_mut().filter(|key| key.purpose == purpose) {
            key.state = if key.id == id {
                KeyState::Active
            } else {
                KeyState::Retired
            };
        }
    }

    /// Forgets the retired keys of a purpose and so ends all that they made; returns how many; not yet saved.
    ///
    /// Only for keys whose work expires anyway: after a theft or a restore, not to tidy up.
    pub fn forget_retired(&mut self, purpose: Purpose) -> Result<usize, KeyFault> {
        if !purpose::is_short_lived(purpose) {
            return Err(KeyFault::StillNeeded(purpose));
        }
        let before = self.keys.len();
        self.keys
            .retain(|key| key.purpose != purpose || key.state == KeyState::Active);
        Ok(before - self.keys.len())
    }

    /// Forgets retired keys of a purpose that nothing needs any more; returns how many; not yet saved.
    pub fn forget_unneeded(&mut self, purpose: Purpose, is_needed: impl Fn(&Key) -> bool) -> usize {
        let before = self.keys.len();
        self.keys
            .retain(|key| key.purpose != purpose || key.state == KeyState::Active || is_needed(key));
        before - self.keys.len()
    }

    /// Forgets the keys that wrapped data keys before the present one.
    pub(super) fn forget_rewrapped(&mut self) {
        self.forget_unneeded(Purpose::UserWrap, |_| false);
    }

    /// When a retired key gave way to its successor; `None` for an active one.
    pub fn retired_at(&self, key: &Key) -> Option<Timestamp> {
        let mut later = self.all(key.purpose).filter(|other| other.id > key.id);
        later.next().map(|successor| successor.created)
    }

    fn add(&mut self, purpose: Purpose, now: Timestamp, entropy: &dyn Entropy) -> KeyId {
        let id = KeyId(self.next);
        self.next += 1;
        let mut secret = SecretKey([0; 32]);
        entropy.fill(&mut secret.0);
        self.keys.push(Key {
            purpose,
            id,
            created: now,
            state: KeyState::Active,
            secret,
        });
        id
    }

    fn to_file(&self, master: &MasterKey, entropy: &dyn Entropy) -> Vec<u8> {
        let mut clear = Zeroizing::new(Vec::with_capacity(8 + self.keys.len() * ENTRY_LEN));
        let count = u32::try_from(self.keys.len()).expect("KEYS_MAX bounds the ring");
        clear.extend_from_slice(&self.next.to_be_bytes());
        clear.extend_from_slice(&count.to_be_bytes());
        for key in &self.keys {
            clear.push(purpose::code(key.purpose));
            clear.extend_from_slice(&key.id.0.to_be_bytes());
            clear.extend_from_slice(&key.created.0.to_be_bytes());
            clear.push(match key.state {
                KeyState::Active => 1,
                KeyState::Retired => 2,
            });
            clear.extend_from_slice(&key.secret.0);
        }
        let mut file = Vec::new();
        file.extend_from_slice(MAGIC);
        file.push(VERSION);
        file.extend_from_slice(&master.fingerprint());
        let nonce = random_array(entropy);
        let sealed = aead::encrypt(master.bytes(), nonce, &file, &clear);
        file.extend_from_slice(&nonce);
        file.extend_from_slice(&sealed);
        let checksum = blake3::hash(&file);
        file.extend_from_slice(checksum.as_bytes());
        file
    }

    fn from_clear(clear: &[u8]) -> Option<Self> {
        let (next, rest) = clear.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (entries, remainder) = rest.as_chunks::<ENTRY_LEN>();
        let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
        if !remainder.is_empty() || entries.len() != count || count > KEYS_MAX {
            return None;
        }
        let next = u32::from_be_bytes(*next);
        let keys = entries.iter().map(key_from).collect::<Option<Vec<_>>>()?;
        let one_active = |purpose| {
            let of_purpose = keys.iter().filter(|key: &&Key| key.purpose == purpose);
            of_purpose.filter(|key| key.state == KeyState::Active).count() == 1
        };
        let ascending = keys.windows(2).all(|pair| pair[0].id < pair[1].id);
        let below_next = keys.last().is_some_and(|key| key.id.0 < next);
        (ascending && below_next && Purpose::ALL.into_iter().all(one_active)).then_some(Self { next, keys })
    }
}

fn key_from(entry: &[u8; ENTRY_LEN]) -> Option<Key> {
    let (&[code], rest) = entry.split_first_chunk::<1>()?;
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let (created, rest) = rest.split_first_chunk::<8>()?;
    let (&[state], rest) = rest.split_first_chunk::<1>()?;
    Some(Key {
        purpose: purpose::from_code(code)?,
        id: KeyId(u32::from_be_bytes(*id)),
        created: Timestamp(i64::from_be_bytes(*created)),
        state: match state {
            1 => KeyState::Active,
            2 => KeyState::Retired,
            _ => return None,
        },
        secret: SecretKey(rest.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests;
