//! What is known to have leaked, beyond the list that is built in: sets that the operator imported, and the range
//! service of Have I Been Pwned, if a policy asks it.
//!
//! Passwords are listed by their SHA-1, because the public lists are; it protects nothing here. Nothing is held open or
//! in memory: each look-up opens what lies in the folder, so that a running server uses a set from the moment it is
//! there. What cannot be asked is told in the log, and the built-in list still applies (P-07).

mod import;
mod leaks;
mod lines;
mod online;
mod set;
mod shelf;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

pub use import::{Import, ImportFault, Imported, Progress, Source};
pub use leaks::{LeakSettings, Leaks};
pub use online::RANGE_TIME_MAX;
pub use set::{FALSE_POSITIVES_MAX, LeakedSet, SetFault};
pub use shelf::{SETS_MAX, SetName, SetNameFault, Shelf};

/// The hash under which a password is listed: SHA-1 of its UTF-8. It has no `Debug`: whoever reads it can guess.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeakedHash([u8; 20]);

impl LeakedHash {
    /// The hash of a password, which is in NFC already.
    pub fn of(password: &str) -> Self {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut bytes = [0; 20];
        bytes.copy_from_slice(hash.as_ref());
        Self(bytes)
    }

    /// Reads 40 hexadecimal digits of either case.
    fn from_hex(digits: &[u8]) -> Option<Self> {
        let mut bytes = [0; 20];
        if digits.len() != 40 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// 40 hexadecimal digits in upper case, as range services write them.
    fn to_hex(self) -> String {
        const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
        let halves = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        halves.map(|half| char::from(DIGITS[usize::from(half)])).collect()
    }

    /// What a set keeps of it: the first eight bytes, as a number.
    fn key(self) -> u64 {
        let first = self.0.iter().take(8);
        first.fold(0, |key, byte| key << 8 | u64::from(*byte))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_one_that_lists_write() {
        // The example of the range service's own documentation.
        let hash = LeakedHash::of("P@ssw0rd");
        assert_eq!(hash.to_hex(), "21BD12DC183F740EE76F27B78EB39C8AD972A757");
        assert_eq!(hash.key(), 0x21BD_12DC_183F_740E);
        for text in [hash.to_hex(), hash.to_hex().to_ascii_lowercase()] {
            assert!(LeakedHash::from_hex(text.as_bytes()) == Some(hash));
        }
        for text in ["", "21BD1", "21BD12DC183F740EE76F27B78EB39C8AD972A75G"] {
            assert!(LeakedHash::from_hex(text.as_bytes()).is_none(), "{text}");
        }
    }
}
