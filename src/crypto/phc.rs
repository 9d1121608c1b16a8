//! Password verifiers as text: the PHC string format, of which exactly Argon2's shape is read and written.
//!
//! `$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAABQ$<salt>$<hash>`, base64 without padding; `keyid` is the big-endian id of the
//! pepper and missing where there was none (an imported verifier).

use std::fmt::Write;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::keyring::{KeyId, SecretKey};
use super::password::PasswordParams;

/// Longest text that is read.
const TEXT_MAX: usize = 512;
/// What new verifiers have.
pub(super) const SALT_LEN: usize = 16;
pub(super) const HASH_LEN: usize = 32;
const SALT_MIN: usize = 8;
const HASH_MIN: usize = 16;
const SALT_AND_HASH_MAX: usize = 64;

/// A parsed verifier: what to compute, and what must come out.
pub(super) struct Verifier {
    pub(super) algorithm: Algorithm,
    pub(super) params: PasswordParams,
    pub(super) pepper: Option<KeyId>,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Zeroizing<Vec<u8>>,
}

impl Verifier {
    /// Reads a verifier whose cost and sizes are within bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut parts = text.strip_prefix('$')?.split('$');
        let algorithm = match parts.next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        if parts.next()? != "v=19" {
            return None;
        }
        let mut fields = parts.next()?.split(',');
        let memory = number(fields.next()?.strip_prefix("m=")?)?;
        let time = number(fields.next()?.strip_prefix("t=")?)?;
        let parallelism = number(fields.next()?.strip_prefix("p=")?)?;
        let params = PasswordParams::stored(memory, time, parallelism)?;
        let pepper = match fields.next() {
            Some(field) => Some(pepper_id(field.strip_prefix("keyid=")?)?),
            None => None,
        };
        let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
        let hash = Zeroizing::new(STANDARD_NO_PAD.decode(parts.next()?).ok()?);
        let complete = fields.next().is_none() && parts.next().is_none();
        let sized = (SALT_MIN..=SALT_AND_HASH_MAX).contains(&salt.len())
            && (HASH_MIN..=SALT_AND_HASH_MAX).contains(&hash.len());
        (complete && sized).then_some(Self {
            algorithm,
            params,
            pepper,
            salt,
            hash,
        })
    }

    /// The text that [`Verifier::parse`] reads.
    pub(super) fn to_phc(&self) -> SecretString {
        let name = match self.algorithm {
            Algorithm::Argon2id => "argon2id",
            Algorithm::Argon2i => "argon2i",
            Algorithm::Argon2d => "argon2d",
        };
        let (memory, time, lanes) = (
            self.params.memory_kib(),
            self.params.time(),
            self.params.parallelism(),
        );
        let mut text = String::with_capacity(TEXT_MAX);
        write!(text, "${name}$v=19$m={memory},t={time},p={lanes}").expect("a String takes every write");
        if let Some(id) = self.pepper {
            text.push_str(",keyid=");
            STANDARD_NO_PAD.encode_string(id.0.to_be_bytes(), &mut text);
        }
        text.push('$');
        STANDARD_NO_PAD.encode_string(&self.salt, &mut text);
        text.push('$');
        STANDARD_NO_PAD.encode_string(self.hash.as_slice(), &mut text);
        SecretString::from(text)
    }

    /// Whether a new verifier of the same password would be another: other cost, algorithm, pepper or sizes.
    pub(super) fn is_outdated(&self, params: PasswordParams, pepper: KeyId) -> bool {
        self.params != params
            || self.algorithm != Algorithm::Argon2id
            || self.pepper != Some(pepper)
            || self.salt.len() < SALT_LEN
            || self.hash.len() != HASH_LEN
    }

    /// Blocks of memory that computing it takes.
    pub(super) fn blocks(&self) -> usize {
        argon_params(self.params, self.hash.len()).block_count()
    }

    /// Computes the hash of a normalised password, or of what stands for one, with this salt and cost.
    pub(super) fn compute(
        &self,
        password: &[u8],
        pepper: Option<&SecretKey>,
        memory: &mut [Block],
    ) -> Zeroizing<Vec<u8>> {
        let params = argon_params(self.params, self.hash.len());
        let secret: &[u8] = pepper.map_or(&[], |key| key.bytes());
        let argon = Argon2::new_with_secret(secret, self.algorithm, Version::V0x13, params)
            .expect("a pepper has 32 bytes");
        let mut out = Zeroizing::new(vec![0; self.hash.len()]);
        argon
            .hash_password_into_with_memory(password, &self.salt, &mut out, memory)
            .expect("sizes are within Argon2's bounds: `parse` and the pool see to it");
        out
    }
}

fn argon_params(params: PasswordParams, hash_len: usize) -> Params {
    Params::new(
        params.memory_kib(),
        params.time(),
        params.parallelism(),
        Some(hash_len),
    )
    .expect("PasswordParams are within Argon2's bounds")
}

/// A decimal number in its one spelling.
fn number(digits: &str) -> Option<u32> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if canonical { digits.parse().ok() } else { None }
}

fn pepper_id(text: &str) -> Option<KeyId> {
    let bytes: [u8; 4] = STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()?;
    Some(KeyId(u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const TEXT: &str = "$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAABQ$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

    #[test]
    fn a_verifier_survives_its_text() {
        let verifier = Verifier::parse(TEXT).unwrap();
        assert_eq!(verifier.params, PasswordParams::default());
        assert_eq!(verifier.pepper, Some(KeyId(5)));
        assert_eq!(
            (verifier.salt.as_slice(), verifier.hash.as_slice()),
            (&[1; 16][..], &[2; 32][..])
        );
        assert_eq!(verifier.to_phc().expose_secret(), TEXT);
        let bare = TEXT.replace(",keyid=AAAABQ", "").replace("argon2id", "argon2i");
        assert_eq!(Verifier::parse(&bare).unwrap().to_phc().expose_secret(), bare);
    }

    #[test]
    fn p_12_unbounded_and_malformed_verifiers_are_refused() {
        let long = "A".repeat(600);
        for bad in [
            String::new(),
            "$".into(),
            "plain text".into(),
            TEXT[1..].into(),
            TEXT.replace("m=19456", "m=4194304"),
            TEXT.replace("m=19456", "m=019456"),
            TEXT.replace("m=19456", "m=+19456"),
            TEXT.replace("m=19456", "m="),
            TEXT.replace("m=19456", "m=99999999999"),
            TEXT.replace("t=2", "t=4000000000"),
            TEXT.replace("p=1", "p=16777215"),
            TEXT.replace("m=19456,t=2", "t=2,m=19456"),
            TEXT.replace("v=19", "v=16"),
            TEXT.replace("argon2id", "argon2x"),
            TEXT.replace("keyid=AAAABQ", "keyid=AAAA"),
            TEXT.replace("keyid=AAAABQ", "data=AAAABQ"),
            TEXT.replace("AQEBAQEBAQEBAQEBAQEBAQ", "AQEB"),
            TEXT.replace("AQEBAQEBAQEBAQEBAQEBAQ", "not base64!"),
            format!("{TEXT}$"),
            format!("{TEXT}="),
            format!("{TEXT}{long}"),
            TEXT.rsplit_once('$').unwrap().0.into(),
        ] {
            assert!(Verifier::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_computation_is_argon2() {
        // A known answer from the argon2 crate's tests (kat.rs): password "password", salt "somesalt".
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let verifier = Verifier::parse(text).unwrap();
        let mut memory = vec![Block::new(); verifier.blocks()];
        assert_eq!(*verifier.compute(b"password", None, &mut memory), *verifier.hash);
    }

    #[test]
    fn p_09_what_would_be_made_otherwise_today_is_outdated() {
        let verifier = Verifier::parse(TEXT).unwrap();
        let params = PasswordParams::default();
        assert!(!verifier.is_outdated(params, KeyId(5)));
        assert!(verifier.is_outdated(params, KeyId(6)));
        assert!(verifier.is_outdated(PasswordParams::checked(65_536, 3, 1).unwrap(), KeyId(5)));
        let imported = Verifier::parse(&TEXT.replace("argon2id", "argon2i")).unwrap();
        assert!(imported.is_outdated(params, KeyId(5)));
    }
}
