//! Cosignatures of witnesses (`c2sp.org/tlog-cosignature`): somebody else's word that they saw a checkpoint, and none that
//! contradicts it, at that time. A witness signs `cosignature/v1`, the time, and the text of the checkpoint.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::note::{KeyName, Note, NoteFault, NoteSignature, is_signed};
use crate::types::{PublicKey, Signature, Timestamp};

/// The signature type "timestamped Ed25519 cosignature" of the specification.
const COSIGNATURE_TYPE: u8 = 4;
/// Bytes of a cosignature: seconds since 1970, and the signature.
const COSIGNATURE_LEN: usize = 8 + 64;

/// A witness's public key with its name, as the operator was given it: `NAME+ID+KEY`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessKey {
    /// Whose it is.
    pub name: KeyName,
    id: [u8; 4],
    public: PublicKey,
}

impl WitnessKey {
    /// A key under a name.
    pub fn new(name: KeyName, public: PublicKey) -> Self {
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', COSIGNATURE_TYPE])
            .chain_update(public.0)
            .finalize();
        let mut id = [0; 4];
        id.copy_from_slice(&hash[..4]);
        Self { name, id, public }
    }

    /// When the witness signed the text of a note, if one of the note's signatures is a good one of theirs.
    pub fn cosigned(&self, note: &Note<'_>) -> Option<Timestamp> {
        let own =
            |signature: &&NoteSignature| signature.name == self.name.as_str() && signature.id == self.id;
        note.signatures
            .iter()
            .filter(own)
            .find_map(|signature| self.is_good(note.text, &signature.bytes))
    }

    fn is_good(&self, text: &str, bytes: &[u8]) -> Option<Timestamp> {
        let bytes: &[u8; COSIGNATURE_LEN] = bytes.try_into().ok()?;
        let (time, signature) = bytes.split_first_chunk()?;
        let seconds = u64::from_be_bytes(*time);
        let signed = format!("cosignature/v1\ntime {seconds}\n{text}");
        let signature = Signature(Box::new(signature.try_into().ok()?));
        let at = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
        is_signed(&self.public, signed.as_bytes(), &signature).then_some(Timestamp(at))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![COSIGNATURE_TYPE];
        key.extend_from_slice(&self.public.0);
        let id = u32::from_be_bytes(self.id);
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for WitnessKey {
    type Err = NoteFault;

    fn from_str(text: &str) -> Result<Self, NoteFault> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteFault::Key("it has fewer than three parts"));
        };
        let name = KeyName::parse(name).ok_or(NoteFault::Key("its name is empty or has a space"))?;
        let key = STANDARD
            .decode(key)
            .map_err(|_| NoteFault::Key("its last part is not base64"))?;
        let public = match key.split_first() {
            Some((&COSIGNATURE_TYPE, public)) => public.try_into().ok(),
            Some(_) | None => {
                return Err(NoteFault::Key(
                    "it is of another kind than a witness's (Ed25519, type 4)",
                ));
            }
        };
        let public = public.ok_or(NoteFault::Key("its key has not 32 bytes"))?;
        let made = Self::new(name, PublicKey(public));
        if made.to_string() != text {
            return Err(NoteFault::Key("its id does not fit its name and key"));
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Keyring, Purpose, Signer};
    use crate::system::SeededEntropy;

    const TEXT: &str = "audit.example.org\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn signer() -> Signer {
        let ring = Keyring::fresh(Timestamp(0), &SeededEntropy::new(7));
        Signer::new(ring.active(Purpose::Signing).1)
    }

    fn key() -> WitnessKey {
        WitnessKey::new(KeyName::parse("witness.example").unwrap(), signer().public())
    }

    fn cosigned(seconds: u64, text: &str) -> String {
        let signed = format!("cosignature/v1\ntime {seconds}\n{text}");
        let mut bytes = key().id.to_vec();
        bytes.extend_from_slice(&seconds.to_be_bytes());
        bytes.extend_from_slice(&*signer().sign(signed.as_bytes()).0);
        format!("{text}\n\u{2014} witness.example {}\n", STANDARD.encode(bytes))
    }

    #[test]
    fn l_03_a_cosignature_says_when_a_witness_saw_a_checkpoint_and_nothing_near_it_does() {
        let note = cosigned(1_800_000_000, TEXT);
        let at = |note: &str| Note::parse(note).ok().and_then(|note| key().cosigned(&note));
        assert_eq!(at(&note), Some(Timestamp(1_800_000_000_000_000)));
        for place in 0..note.len() {
            let mut bytes = note.as_bytes().to_vec();
            bytes[place] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            assert_eq!(at(&changed), None, "byte {place}");
        }
        // The signature of the log itself is none, whoever's key it is.
        let own = signer().note(&key().name, TEXT);
        assert_eq!(at(&own), None);
    }

    #[test]
    fn the_key_of_a_witness_is_read_only_as_it_is_written() {
        let text = key().to_string();
        assert_eq!(text.parse::<WitnessKey>().unwrap(), key());
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed.parse::<WitnessKey>().is_err(), "{changed}");
        }
        let of_log = crate::crypto::VerifierKey::new(key().name, signer().public());
        assert!(of_log.to_string().parse::<WitnessKey>().is_err());
    }
}
