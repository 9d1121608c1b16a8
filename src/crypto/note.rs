//! Signed notes of `c2sp.org/signed-note` with Ed25519 (RFC 8032): text that others can check with tools of their own.
//!
//! A note is a text, an empty line, and signature lines. A verifier key names its owner and carries its id, which is
//! the first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use super::SecretKey;
use crate::types::{PublicKey, Signature};

/// Bytes of a note, at most.
const NOTE_MAX: usize = 64 << 10;
/// Signatures of a note, at most.
const SIGNATURES_MAX: usize = 64;
/// Bytes of a key's name, at most.
const NAME_MAX: usize = 255;
/// The signature type "Ed25519" of the specification.
const ED25519_TYPE: u8 = 1;

/// Why text is not a note, or not one of a known key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteFault {
    /// Not of the form that the specification gives.
    #[error("it is not a signed note: {0}")]
    Malformed(&'static str),
    /// Not a verifier key.
    #[error("it is not a verifier key (NAME+ID+KEY): {0}")]
    Key(&'static str),
    /// None of its signatures is by a known key.
    #[error("none of its signatures is by the key {0}")]
    Unsigned(String),
    /// A signature that claims to be by a known key, and is not.
    #[error("its signature by the key {0} does not fit its text: one of them was changed")]
    Forged(String),
}

/// Makes signatures; the secret half stays inside.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The signer that a purpose key is the seed of.
    pub fn new(seed: &SecretKey) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_seed());
        Self(pair.expect("every 32 bytes are an Ed25519 seed"))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey(bytes.expect("an Ed25519 public key has 32 bytes"))
    }

    /// Signs bytes.
    pub fn sign(&self, text: &[u8]) -> Signature {
        let signature = self.0.sign(text);
        let bytes: [u8; 64] = signature
            .as_ref()
            .try_into()
            .expect("an Ed25519 signature has 64 bytes");
        Signature(Box::new(bytes))
    }

    /// Makes a note of a text that ends in a newline, signed under this name.
    pub fn note(&self, name: &KeyName, text: &str) -> String {
        let key = VerifierKey::new(name.clone(), self.public());
        let mut signature = key.id.to_vec();
        signature.extend_from_slice(&*self.sign(text.as_bytes()).0);
        format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
    }
}

/// Whether a signature is that of a public key under these bytes.
pub fn is_signed(public: &PublicKey, text: &[u8], signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, public.0)
        .verify(text, &*signature.0)
        .is_ok()
}

/// The name of a key: no spaces, no plus sign, 1 to 255 bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyName(String);

impl KeyName {
    /// Takes a name that fits.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= NAME_MAX
            && !text.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control());
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key with its owner's name: what an auditor is given once and keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    /// Whose it is.
    pub name: KeyName,
    /// Its id under that name.
    pub id: [u8; 4],
    /// The key.
    pub public: PublicKey,
}

impl VerifierKey {
    /// A key under a name.
    pub fn new(name: KeyName, public: PublicKey) -> Self {
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(public.0)
            .finalize();
        let mut id = [0; 4];
        id.copy_from_slice(&hash[..4]);
        Self { name, id, public }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.public.0);
        let id = u32::from_be_bytes(self.id);
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteFault;

    fn from_str(text: &str) -> Result<Self, NoteFault> {
        // The name has no plus sign, the key may have some.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteFault::Key("it has fewer than three parts"));
        };
        let name = KeyName::parse(name).ok_or(NoteFault::Key("its name is empty or has a space"))?;
        let key = STANDARD
            .decode(key)
            .map_err(|_| NoteFault::Key("its last part is not base64"))?;
        let (kind, public) = key.split_first().ok_or(NoteFault::Key("it holds no key"))?;
        if *kind != ED25519_TYPE {
            return Err(NoteFault::Key("it is of another kind than Ed25519"));
        }
        let public = public
            .try_into()
            .map_err(|_| NoteFault::Key("its key has not 32 bytes"))?;
        let made = Self::new(name, PublicKey(public));
        if made.to_string() != text || id.len() != 8 {
            return Err(NoteFault::Key("its id does not fit its name and key"));
        }
        Ok(made)
    }
}

/// One signature line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// The signer's name.
    pub name: String,
    /// The key's id.
    pub id: [u8; 4],
    /// The signature, of whatever kind.
    pub bytes: Vec<u8>,
}

/// A note that was read and is not proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note<'a> {
    /// The signed text, its last newline included.
    pub text: &'a str,
    /// The signatures.
    pub signatures: Vec<NoteSignature>,
}

impl<'a> Note<'a> {
    /// Reads a note.
    pub fn parse(note: &'a str) -> Result<Self, NoteFault> {
        let malformed = NoteFault::Malformed;
        if note.len() > NOTE_MAX {
            return Err(malformed("it is longer than 64 KiB"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(malformed("it has control characters"));
        }
        let split = note
            .rfind("\n\n")
            .ok_or(malformed("no empty line stands before its signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or(malformed("its last line does not end"))?;
        let signatures: Vec<_> = lines
            .split('\n')
            .map(signature)
            .collect::<Option<_>>()
            .ok_or(malformed("a signature line cannot be read"))?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(malformed("it has more than 64 signatures"));
        }
        Ok(Self { text, signatures })
    }

    /// Whether a known key signed the text. Signatures of others say nothing, for or against.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteFault> {
        let mut own = self
            .signatures
            .iter()
            .filter(|signature| signature.name == key.name.as_str() && signature.id == key.id)
            .peekable();
        if own.peek().is_none() {
            return Err(NoteFault::Unsigned(key.to_string()));
        }
        let is_good = own.all(|signature| {
            let bytes = <[u8; 64]>::try_from(signature.bytes.as_slice());
            bytes.is_ok_and(|bytes| is_signed(&key.public, self.text.as_bytes(), &Signature(Box::new(bytes))))
        });
        if is_good {
            Ok(())
        } else {
            Err(NoteFault::Forged(key.to_string()))
        }
    }
}

fn signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let name = KeyName::parse(name)?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let (id, bytes) = decoded.split_first_chunk()?;
    (!bytes.is_empty()).then(|| NoteSignature {
        name: name.as_str().to_owned(),
        id: *id,
        bytes: bytes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Keyring, Purpose};
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    /// The example of `c2sp.org/signed-note`, section "Verifier keys".
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    /// The example of Go's `golang.org/x/mod/sumdb/note`.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SAYING: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer() -> Signer {
        let ring = Keyring::fresh(Timestamp(0), &SeededEntropy::new(5));
        Signer::new(ring.active(Purpose::Signing).1)
    }

    #[test]
    fn l_03_the_published_notes_are_believed_and_nothing_near_them() {
        for (key, note) in [(KEY, NOTE), (PETER, SAYING)] {
            let key: VerifierKey = key.parse().unwrap();
            assert_eq!(Note::parse(note).unwrap().verify(&key), Ok(()));
            for at in 0..note.len() {
                let mut bytes = note.as_bytes().to_vec();
                bytes[at] ^= 1;
                let Ok(changed) = String::from_utf8(bytes) else {
                    continue;
                };
                let believed = Note::parse(&changed).and_then(|note| note.verify(&key));
                assert!(believed.is_err(), "byte {at}");
            }
        }
        let other: VerifierKey = PETER.parse().unwrap();
        let unsigned = Note::parse(NOTE).unwrap().verify(&other);
        assert_eq!(unsigned, Err(NoteFault::Unsigned(PETER.to_owned())));
    }

    #[test]
    fn a_verifier_key_is_read_only_as_it_is_written() {
        for text in [KEY, PETER] {
            assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
            for at in 0..text.len() {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] ^= 1;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn what_a_signer_notes_is_read_with_its_key() {
        let signer = signer();
        let name = KeyName::parse("auth.example.org#2").unwrap();
        let key = VerifierKey::new(name.clone(), signer.public());
        let note = signer.note(&name, "one\n\ntwo\n");
        let read = Note::parse(&note).unwrap();
        assert_eq!((read.text, read.signatures.len()), ("one\n\ntwo\n", 1));
        assert_eq!(read.verify(&key), Ok(()));
        // Signatures of others may stand beside it, and neither help nor harm.
        let more = format!("{note}\u{2014} witness.example {}\n", STANDARD.encode([7; 76]));
        assert_eq!(Note::parse(&more).unwrap().verify(&key), Ok(()));
        let twice = format!("{note}{}", note.rsplit_once("\n\n").unwrap().1.replace('A', "B"));
        assert!(Note::parse(&twice).and_then(|note| note.verify(&key)).is_err());
    }

    #[test]
    fn names_and_notes_that_cannot_be_are_refused() {
        for name in ["", "a b", "a+b", "a\u{a0}b", &"x".repeat(256)] {
            assert_eq!(KeyName::parse(name), None, "{name}");
        }
        for note in [
            "",
            "text\n",
            "text\n\n",
            "text\n\nline\n",
            "text\r\n\n\u{2014} a AAAAAAA=\n",
        ] {
            assert!(Note::parse(note).is_err(), "{note:?}");
        }
        assert!(Note::parse(&format!("{}\n{}", "x".repeat(NOTE_MAX), NOTE)).is_err());
    }
}
