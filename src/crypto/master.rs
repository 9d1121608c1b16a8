//! The one key that stays outside the ledger's folder and outside backups: it opens the keyring, which opens the rest.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

use crate::system::Entropy;

use super::files;
use super::keyring::KeyFault;

/// A key file holds 64 characters; more than this is some other file.
const FILE_MAX: u64 = 4_096;

/// 256 bits that wrap the keyring; wiped when dropped, never printed.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Draws a new key and writes it to `path` (mode 0600, folder 0700, on the disk when this returns).
    ///
    /// Refuses to replace a file: the old key may be the only way into a ledger.
    pub fn create(path: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFault> {
        let key = Self::fresh(entropy);
        key.write_new(path)?;
        Ok(key)
    }

    /// Writes the key to `path` in the form that [`MasterKey::load`] reads; refuses to replace a file.
    pub(super) fn write_new(&self, path: &Path) -> Result<(), KeyFault> {
        files::create(path, self.to_text().as_bytes()).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                KeyFault::MasterExists(path.into())
            } else {
                KeyFault::Unwritable(path.into(), error)
            }
        })
    }

    /// The key of bytes that were sealed elsewhere.
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key from `path`, unless others than its owner could read it as well.
    pub fn load(path: &Path) -> Result<Self, KeyFault> {
        let unreadable = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                KeyFault::MasterMissing(path.into())
            } else {
                KeyFault::Unreadable(path.into(), error)
            }
        };
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::MasterExposed {
                path: path.into(),
                mode,
            });
        }
        let bytes = files::read(&file, FILE_MAX).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyFault::MasterMalformed)?;
        Self::from_text(text)
    }

    /// The text that [`MasterKey::load`] reads: 64 hexadecimal digits and a line's end.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(65));
        for byte in self.0 {
            text.push(hex_digit(byte >> 4));
            text.push(hex_digit(byte & 15));
        }
        text.push('\n');
        text
    }

    /// Reads 64 hexadecimal digits, or 32 bytes in base64 of either alphabet; white space around it is ignored.
    pub fn from_text(text: &str) -> Result<Self, KeyFault> {
        let text = text.trim();
        if text.len() == 64 {
            return from_hex(text).map(Self).ok_or(KeyFault::MasterMalformed);
        }
        let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
        let decoded = engines
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .map(Zeroizing::new);
        let bytes = decoded
            .as_ref()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        bytes.map(Self).ok_or(KeyFault::MasterMalformed)
    }

    /// Draws a key that is written nowhere: for tests, and for printing by whoever keeps keys elsewhere.
    pub fn fresh(entropy: &dyn Entropy) -> Self {
        let mut key = Self([0; 32]);
        entropy.fill(&mut key.0);
        key
    }

    /// Which master key this is, without saying anything about it: tells a wrong key from a damaged file.
    pub fn fingerprint(&self) -> [u8; 16] {
        let full = blake3::derive_key("keyledger master key fingerprint v1", &self.0);
        let mut cut = [0; 16];
        cut.copy_from_slice(&full[..16]);
        cut
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).expect("a nibble is a hexadecimal digit")
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let digits = text.as_bytes();
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::system::SeededEntropy;

    #[test]
    fn a_created_key_is_private_and_loads_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/master.key");
        let key = MasterKey::create(&path, &SeededEntropy::new(1)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(MasterKey::load(&path).unwrap().0, key.0);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let key = MasterKey::create(&path, &SeededEntropy::new(1)).unwrap();
        let again = MasterKey::create(&path, &SeededEntropy::new(2));
        assert!(matches!(again, Err(KeyFault::MasterExists(_))));
        assert_eq!(MasterKey::load(&path).unwrap().0, key.0);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::create(&path, &SeededEntropy::new(1)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let fault = MasterKey::load(&path).unwrap_err().to_string();
        assert!(fault.contains("chmod 600") && fault.contains("640"), "{fault}");
    }

    #[test]
    fn a_missing_key_says_so() {
        let fault = MasterKey::load(Path::new("/nonexistent/master.key")).unwrap_err();
        assert!(matches!(fault, KeyFault::MasterMissing(_)));
    }

    #[test]
    fn a_key_reads_as_hex_and_as_base64() {
        let bytes = [0xab; 32];
        for text in [
            "ab".repeat(32),
            "AB".repeat(32),
            STANDARD.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes) + "\n",
        ] {
            assert_eq!(MasterKey::from_text(&text).unwrap().0, bytes);
        }
        for text in [
            "",
            "ab",
            &"zz".repeat(32),
            &STANDARD.encode([1; 31]),
            &STANDARD.encode([1; 33]),
        ] {
            assert!(matches!(
                MasterKey::from_text(text),
                Err(KeyFault::MasterMalformed)
            ));
        }
    }

    #[test]
    fn a_key_does_not_print() {
        let key = MasterKey::fresh(&SeededEntropy::new(1));
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
    }
}
