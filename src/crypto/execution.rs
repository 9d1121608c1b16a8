//! What a client carries of a flow it is walking, or walked: sealed, so that it can neither be read nor changed, and
//! nothing of it has to be kept here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::system::{Entropy, random_array};

use super::aead;
use super::keyring::{KeyId, Keyring, Purpose, SecretKey};
use super::mac::mac;

const VERSION: u8 = 1;
/// Version, key id and nonce: what stands before the ciphertext.
const HEAD_LEN: usize = 1 + 4 + aead::NONCE_LEN;
/// Bytes of a text that may be one of ours; a cookie takes no more.
pub const EXECUTION_TEXT_MAX: usize = 3_600;

/// What is carried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Carried {
    /// Where somebody stands in a flow.
    Execution,
    /// Which second factor somebody showed at a browser.
    ShownFactor,
}

impl Carried {
    /// Its bytes in every key; never changes.
    fn label(self) -> &'static str {
        match self {
            Self::Execution => "keyledger flow execution v1",
            Self::ShownFactor => "keyledger shown factor v1",
        }
    }
}

/// Seals what is carried: `base64url(version ‖ key id u32 BE ‖ nonce 24 ‖ ciphertext ‖ tag 16)`, in `[A-Za-z0-9_-]`.
pub fn seal_carried(ring: &Keyring, what: Carried, clear: &[u8], entropy: &dyn Entropy) -> SecretString {
    let (id, key) = ring.active(Purpose::Refresh);
    let nonce: [u8; aead::NONCE_LEN] = random_array(entropy);
    let mut bytes = Vec::with_capacity(HEAD_LEN + clear.len() + aead::TAG_LEN);
    bytes.push(VERSION);
    bytes.extend_from_slice(&id.0.to_be_bytes());
    let head = bytes.clone();
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&aead::encrypt(&subkey(key, what), nonce, &head, clear));
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

/// Opens it again; `None` if it is none of ours, something else, or the ring no longer has its key.
pub fn open_carried(ring: &Keyring, what: Carried, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > EXECUTION_TEXT_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (head, rest) = bytes.split_at_checked(5)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<{ aead::NONCE_LEN }>()?;
    let (version, id) = head.split_first()?;
    let id = KeyId(u32::from_be_bytes(id.try_into().ok()?));
    let key = ring.get(Purpose::Refresh, id).filter(|_| *version == VERSION)?;
    aead::decrypt(&subkey(key, what), *nonce, head, ciphertext)
}

/// A key of its own for each use, beside the one that refresh tokens are made with: none says anything about another.
fn subkey(key: &SecretKey, what: Carried) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac(key, what.label(), &[]))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    #[test]
    fn an_execution_opens_for_us_alone_and_no_character_of_it_can_be_changed() {
        let entropy = SeededEntropy::new(1);
        let ring = Keyring::fresh(Timestamp(0), &entropy);
        let text = seal_carried(&ring, Carried::Execution, b"at stage 20", &entropy);
        let text = text.expose_secret();
        assert_eq!(
            open_carried(&ring, Carried::Execution, text).unwrap().as_slice(),
            b"at stage 20".as_slice()
        );
        assert!(open_carried(&ring, Carried::ShownFactor, text).is_none(), "M-03");
        let another = Keyring::fresh(Timestamp(0), &SeededEntropy::new(2));
        assert!(open_carried(&another, Carried::Execution, text).is_none());
        for at in 0..text.len() {
            for other in ["A", "b", "_", "=", " "] {
                let mut changed = text.to_owned();
                changed.replace_range(at..=at, other);
                assert_eq!(
                    open_carried(&ring, Carried::Execution, &changed).is_some(),
                    changed == text,
                    "{at}: {other:?}"
                );
            }
        }
        for length in 0..text.len() {
            assert!(
                open_carried(&ring, Carried::Execution, &text[..length]).is_none(),
                "length {length}"
            );
        }
        assert!(open_carried(&ring, Carried::Execution, &"A".repeat(EXECUTION_TEXT_MAX + 1)).is_none());
    }

    #[test]
    fn l_10_rotation_ends_no_execution_until_the_old_key_is_forgotten() {
        let entropy = SeededEntropy::new(1);
        let mut ring = Keyring::fresh(Timestamp(0), &entropy);
        let text = seal_carried(&ring, Carried::Execution, b"", &entropy);
        ring.rotate(Purpose::Refresh, Timestamp(1), &entropy).unwrap();
        assert!(open_carried(&ring, Carried::Execution, text.expose_secret()).is_some());
        ring.forget_retired(Purpose::Refresh).unwrap();
        assert!(open_carried(&ring, Carried::Execution, text.expose_secret()).is_none());
    }
}
