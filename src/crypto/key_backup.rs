//! The keys of a ledger in one file, sealed under a passphrase: what a backup needs to be read on another machine.
//!
//! File: `KLKEYBAK ‖ version 1 ‖ Argon2id memory KiB u32 ‖ passes u32 ‖ lanes u32 ‖ salt 16 ‖ nonce 24 ‖ ciphertext ‖ tag
//! 16`; everything before the ciphertext is authenticated. Clear text: entries of `kind u8 ‖ length u32 ‖ bytes`: 1 the
//! master key, 2 the keyring's file, 3 the erasure list's file. Numbers are big-endian. The key of the seal is Argon2id
//! (RFC 9106) of the normalised passphrase.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::keyring::{KeyFault, Keyring};
use super::master::MasterKey;
use super::password::{PasswordParams, normalise_password};
use super::{aead, files};
use crate::system::{Entropy, random_array};

const MAGIC: &[u8; 9] = b"KLKEYBAK\x01";
const SALT_LEN: usize = 16;
const HEAD_LEN: usize = MAGIC.len() + 12 + SALT_LEN;
/// What a new file costs to open: 64 MiB, three passes, about 0.2 s.
const COST: (u32, u32, u32) = (65_536, 3, 1);
/// Room for the erasures of some million users.
const FILE_MAX: u64 = 256 << 20;
/// Fewer characters than this are guessed, whatever Argon2 costs.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// More bytes than this are a file given by mistake.
const PASSPHRASE_BYTES_MAX: usize = 4_096;

const MASTER: u8 = 1;
const RING: u8 = 2;
const ERASURES: u8 = 3;

/// Where the keys of a ledger lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPlaces {
    /// The master key's file.
    pub master: PathBuf,
    /// The keyring's file.
    pub ring: PathBuf,
    /// The erasure list's file; it need not be there.
    pub erasures: PathBuf,
}

/// The keys of a ledger, outside its folders; wiped when dropped.
pub struct KeyMaterial {
    master: MasterKey,
    ring: Zeroizing<Vec<u8>>,
    erasures: Option<Zeroizing<Vec<u8>>>,
}

/// Why keys cannot be taken away or put back, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyBackupFault {
    /// A key file cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// It is too easily guessed.
    #[error(
        "the passphrase has fewer than {PASSPHRASE_CHARS_MIN} characters: take a longer one, such as six random words"
    )]
    Weak,
    /// It is no passphrase.
    #[error("the passphrase has more than {PASSPHRASE_BYTES_MAX} bytes: it may be another file")]
    LongPassphrase,
    /// Something of that name is there.
    #[error("{} is there already and is not replaced: name another file", .0.display())]
    Exists(PathBuf),
    /// The file is something else, or not whole.
    #[error("{} is not a key backup of this program, or it is cut short: use another copy of it", .0.display())]
    NotOne(PathBuf),
    /// A later program wrote it.
    #[error("{} has format {version}, which this version does not know: use the version that wrote it", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format's version.
        version: u8,
    },
    /// Another passphrase, or damage: the seal does not tell them apart.
    #[error("{} does not open: the passphrase is another one, or the file is damaged", .0.display())]
    Sealed(PathBuf),
    /// The system refuses to read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// The system refuses to write.
    #[error("cannot write {}: {}; no half file was left", .0.display(), .1)]
    Unwritable(PathBuf, #[source] io::Error),
}

impl KeyMaterial {
    /// Reads the keys from where they lie; proves that the master key opens the keyring.
    pub fn collect(master: MasterKey, places: &KeyPlaces) -> Result<Self, KeyBackupFault> {
        let Some(ring) = read(&places.ring)? else {
            return Err(KeyFault::RingMissing(places.ring.clone()).into());
        };
        Keyring::from_file(&ring, &places.ring, &master)?;
        let erasures = read(&places.erasures)?;
        Ok(Self {
            master,
            ring,
            erasures,
        })
    }

    /// Writes the keys, sealed under a passphrase, to a file that must not be there (mode 0600, whole and durable, or
    /// not there at all).
    pub fn write(
        &self,
        path: &Path,
        passphrase: &SecretString,
        entropy: &dyn Entropy,
    ) -> Result<(), KeyBackupFault> {
        if passphrase.expose_secret().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(KeyBackupFault::Weak);
        }
        if fs::symlink_metadata(path).is_ok() {
            return Err(KeyBackupFault::Exists(path.into()));
        }
        let salt: [u8; SALT_LEN] = random_array(entropy);
        let mut file = Vec::from(MAGIC);
        for number in [COST.0, COST.1, COST.2] {
            file.extend_from_slice(&number.to_be_bytes());
        }
        file.extend_from_slice(&salt);
        let key = derive(passphrase, &salt, COST)?;
        let nonce: [u8; aead::NONCE_LEN] = random_array(entropy);
        file.extend_from_slice(&nonce);
        let sealed = aead::encrypt(&key, nonce, &file, &self.to_clear());
        file.extend_from_slice(&sealed);
        files::replace(path, &file).map_err(|error| KeyBackupFault::Unwritable(path.into(), error))
    }

    /// Opens what [`KeyMaterial::write`] wrote.
    pub fn open(path: &Path, passphrase: &SecretString) -> Result<Self, KeyBackupFault> {
        let not_one = || KeyBackupFault::NotOne(path.into());
        let unreadable = |error| KeyBackupFault::Unreadable(path.into(), error);
        let file = File::open(path).map_err(unreadable)?;
        let bytes = files::read(&file, FILE_MAX).map_err(unreadable)?;
        let version = MAGIC.len() - 1;
        if bytes.len() < HEAD_LEN + aead::NONCE_LEN || bytes[..version] != MAGIC[..version] {
            return Err(not_one());
        }
        if bytes[version] != MAGIC[version] {
            return Err(KeyBackupFault::TooNew {
                path: path.into(),
                version: bytes[version],
            });
        }
        let number = |at: usize| {
            let at = MAGIC.len() + 4 * at;
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let cost = (number(0), number(1), number(2));
        // Bounded before a byte is allocated: a damaged file must not cost gigabytes.
        PasswordParams::stored(cost.0, cost.1, cost.2).ok_or_else(not_one)?;
        let (context, sealed) = bytes.split_at(HEAD_LEN + aead::NONCE_LEN);
        let (head, nonce) = context.split_at(HEAD_LEN);
        let nonce = nonce.try_into().map_err(|_| not_one())?;
        let key = derive(passphrase, &head[MAGIC.len() + 12..], cost)?;
        let clear =
            aead::decrypt(&key, nonce, context, sealed).ok_or_else(|| KeyBackupFault::Sealed(path.into()))?;
        let material = Self::from_clear(&clear).ok_or_else(not_one)?;
        Keyring::from_file(&material.ring, path, &material.master)?;
        Ok(material)
    }

    /// The keyring.
    pub fn keyring(&self) -> Result<Keyring, KeyBackupFault> {
        let name = Path::new("(key backup)");
        Ok(Keyring::from_file(&self.ring, name, &self.master)?)
    }

    /// The master key's fingerprint.
    pub fn master_fingerprint(&self) -> [u8; 16] {
        self.master.fingerprint()
    }

    /// The erasure list's file, as it was when the keys were taken away.
    pub fn erasures(&self) -> Option<&[u8]> {
        self.erasures.as_ref().map(|bytes| bytes.as_slice())
    }

    /// Puts master key and keyring where they lie in a new place; files that are there already are kept if they hold the
    /// same keys (a restore that was interrupted, even after its epoch drew new ones), and refused if not. Without `master` only the keyring: the settings give
    /// the master key. The erasure list is put back by whoever knows how to unite two of them.
    pub fn install(&self, places: &KeyPlaces, with_master: MasterFile) -> Result<(), KeyBackupFault> {
        if with_master == MasterFile::Written {
            match MasterKey::load(&places.master) {
                Ok(there) if there.fingerprint() == self.master.fingerprint() => {}
                Ok(_) => return Err(KeyFault::MasterExists(places.master.clone()).into()),
                Err(KeyFault::MasterMissing(_)) => self.master.write_new(&places.master)?,
                Err(other) => return Err(other.into()),
            }
        }
        match read(&places.ring)? {
            Some(there) => {
                let there = Keyring::from_file(&there, &places.ring, &self.master)?;
                if there.has_what_lasts_of(&self.keyring()?) {
                    Ok(())
                } else {
                    Err(KeyFault::RingExists(places.ring.clone()).into())
                }
            }
            None => files::create(&places.ring, &self.ring)
                .map_err(|error| KeyBackupFault::Unwritable(places.ring.clone(), error)),
        }
    }

    fn to_clear(&self) -> Zeroizing<Vec<u8>> {
        let mut entries: Vec<(u8, &[u8])> = vec![(MASTER, self.master.bytes()), (RING, &self.ring)];
        entries.extend(self.erasures.as_ref().map(|list| (ERASURES, list.as_slice())));
        let length = entries.iter().map(|(_, bytes)| 5 + bytes.len()).sum();
        let mut clear = Zeroizing::new(Vec::with_capacity(length));
        for (kind, bytes) in entries {
            let length = u32::try_from(bytes.len()).expect("files are read up to 256 MiB");
            clear.push(kind);
            clear.extend_from_slice(&length.to_be_bytes());
            clear.extend_from_slice(bytes);
        }
        clear
    }

    fn from_clear(clear: &[u8]) -> Option<Self> {
        let (mut master, mut ring, mut erasures) = (None, None, None);
        let mut rest = clear;
        while let Some((&kind, tail)) = rest.split_first() {
            let (length, tail) = tail.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (bytes, tail) = tail.split_at_checked(length)?;
            rest = tail;
            match kind {
                MASTER => master = Some(MasterKey::from_bytes(bytes.try_into().ok()?)),
                RING => ring = Some(Zeroizing::new(bytes.to_vec())),
                ERASURES => erasures = Some(Zeroizing::new(bytes.to_vec())),
                _ => return None,
            }
        }
        Some(Self {
            master: master?,
            ring: ring?,
            erasures,
        })
    }
}

/// Whether the master key is kept in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MasterFile {
    /// It is, and is written.
    Written,
    /// The settings give the key.
    None,
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyBackupFault> {
    let unreadable = |error| KeyBackupFault::Unreadable(path.into(), error);
    match File::open(path) {
        Ok(file) => files::read(&file, FILE_MAX).map(Some).map_err(unreadable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn derive(
    passphrase: &SecretString,
    salt: &[u8],
    (memory, passes, lanes): (u32, u32, u32),
) -> Result<Zeroizing<[u8; 32]>, KeyBackupFault> {
    if passphrase.expose_secret().len() > PASSPHRASE_BYTES_MAX {
        return Err(KeyBackupFault::LongPassphrase);
    }
    let params = Params::new(memory, passes, lanes, Some(32)).expect("costs are checked before");
    let normal = normalise_password(passphrase.expose_secret());
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(normal.as_bytes(), salt, &mut *key)
        .expect("sizes are within Argon2's bounds");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn places(dir: &Path) -> KeyPlaces {
        KeyPlaces {
            master: dir.join("master.key"),
            ring: dir.join("keyring"),
            erasures: dir.join("erasures"),
        }
    }

    fn material(dir: &Path) -> KeyMaterial {
        let entropy = SeededEntropy::new(1);
        let master = MasterKey::create(&places(dir).master, &entropy).unwrap();
        Keyring::create(&places(dir).ring, &master, Timestamp(0), &entropy).unwrap();
        std::fs::write(places(dir).erasures, b"list").unwrap();
        KeyMaterial::collect(master, &places(dir)).unwrap()
    }

    #[test]
    fn keys_come_back_with_their_passphrase_and_with_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let taken = material(dir.path());
        let file = dir.path().join("keys.sealed");
        let words = secret("six random words in a row");
        taken.write(&file, &words, &SeededEntropy::new(2)).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(
            KeyMaterial::open(&file, &secret("six random words in a roe")),
            Err(KeyBackupFault::Sealed(_))
        ));
        let back = KeyMaterial::open(&file, &words).unwrap();
        assert_eq!(back.erasures(), Some(b"list".as_slice()));
        let other = dir.path().join("other");
        back.install(&places(&other), MasterFile::Written).unwrap();
        back.install(&places(&other), MasterFile::Written).unwrap();
        let master = MasterKey::load(&places(&other).master).unwrap();
        assert_eq!(master.fingerprint(), taken.master_fingerprint());
        Keyring::open(&places(&other).ring, &master).unwrap();
        assert!(matches!(
            taken.write(&file, &words, &SeededEntropy::new(2)),
            Err(KeyBackupFault::Exists(_))
        ));
        let sealed = fs::read(&file).unwrap();
        let clear = fs::read(places(dir.path()).ring).unwrap();
        assert!(!sealed.windows(32).any(|window| window == &clear[..32]));
    }

    #[test]
    fn a_short_passphrase_and_a_damaged_or_foreign_file_are_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let taken = material(dir.path());
        let file = dir.path().join("keys.sealed");
        let weak = taken.write(&file, &secret("hunter2"), &SeededEntropy::new(2));
        assert!(weak.unwrap_err().to_string().contains("12 characters"));
        assert!(!file.exists());
        let words = secret("six random words in a row");
        taken.write(&file, &words, &SeededEntropy::new(2)).unwrap();
        let whole = fs::read(&file).unwrap();
        for (at, what) in [
            (0, "not a key backup"),
            (8, "format"),
            (9, "not a key backup"),
            (30, "does not open"),
            (whole.len() - 1, "does not open"),
        ] {
            let mut torn = whole.clone();
            torn[at] ^= 0x80;
            fs::write(&file, &torn).unwrap();
            let said = KeyMaterial::open(&file, &words).err().unwrap().to_string();
            assert!(said.contains(what), "{at}: {said}");
        }
        fs::write(&file, &whole[..20]).unwrap();
        assert!(matches!(
            KeyMaterial::open(&file, &words),
            Err(KeyBackupFault::NotOne(_))
        ));
    }
}
