//! Personal data and secrets as ciphertext that is bound to its place: what opens in one field, for one owner, under one
//! key, opens nowhere else.

use std::fmt;

use secrecy::ExposeSecret;
use zeroize::{Zeroize, Zeroizing};

use crate::system::{Entropy, random_array};
use crate::types::{DataKeyId, Sealed, SealedConfig};

use super::aead;
use super::keyring::{KeyId, Keyring, Purpose};
use super::mac::MacKey;

/// Version of the bytes that a seal is bound to; part of them.
const CONTEXT_VERSION: u8 = 1;

/// What a sealed value is; its label is part of the seal, so that one value cannot stand in for another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Field {
    /// An address of a user; owner: the user.
    UserAddress,
    /// A person's name; owner: the user.
    UserName,
    /// A sign-in name; owner: the user.
    Username,
    /// Network and program that an event came from; owner: the user, none for a stranger.
    EventClient,
    /// Where a mailed link is to lead in the end; owner: the user, none for a stranger.
    Callback,
    /// A password's verifier (PHC); owner: the credential.
    Verifier,
    /// The seed of an authenticator app (RFC 6238); owner: the user.
    TotpSeed,
    /// Keyed hashes of recovery codes; owner: the user.
    RecoveryCodes,
    /// The address of an e-mail factor that is not one of the user's; owner: the user.
    FactorAddress,
    /// What a mail needs beyond ids; owner: the mail.
    MailDetails,
    /// A secret of the configuration, such as an SMTP password; owner: the object.
    ConfigSecret,
}

impl Field {
    /// The stored label; never changes.
    pub fn label(self) -> &'static str {
        match self {
            Self::UserAddress => "user.address",
            Self::UserName => "user.name",
            Self::Username => "user.username",
            Self::EventClient => "event.client",
            Self::Callback => "request.callback",
            Self::Verifier => "credential.verifier",
            Self::TotpSeed => "user.totp-seed",
            Self::RecoveryCodes => "user.recovery-codes",
            Self::FactorAddress => "user.factor-address",
            Self::MailDetails => "mail.details",
            Self::ConfigSecret => "config.secret",
        }
    }
}

/// 256 bits that seal what belongs to one [`DataKeyId`]; unwrapped for a use and wiped after it, never printed.
pub struct DataKey {
    id: DataKeyId,
    bytes: [u8; 32],
}

impl DataKey {
    pub(super) fn new(id: DataKeyId, bytes: [u8; 32]) -> Self {
        Self { id, bytes }
    }

    /// Whose data it opens; carried along so that no seal can name another key than the one that made it.
    pub fn id(&self) -> DataKeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl MacKey for DataKey {
    fn mac_key(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({:?}, ..)", self.id)
    }
}

/// Seals `clear` under a data key, in the layout of [`Sealed`]; its length shows, up to [`Sealed::OVERHEAD`].
pub fn seal(key: &DataKey, field: Field, owner: [u8; 16], clear: &[u8], entropy: &dyn Entropy) -> Sealed {
    let nonce = random_array(entropy);
    let key_id = key.id.to_bytes();
    let context = context(Sealed::SCHEME_XCHACHA20_POLY1305, field, owner, &key_id);
    let ciphertext = aead::encrypt(&key.bytes, nonce, &context, clear);
    let mut out = Vec::with_capacity(Sealed::OVERHEAD + clear.len());
    out.push(Sealed::SCHEME_XCHACHA20_POLY1305);
    out.extend_from_slice(&key_id);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&ciphertext);
    Sealed(out.into_boxed_slice())
}

/// Opens what [`seal`] made; `None` if field, owner, key or a single bit differ.
pub fn open(key: &DataKey, field: Field, owner: [u8; 16], sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
    let (&[scheme], rest) = sealed.0.split_first_chunk::<1>()?;
    let (key_id, rest) = rest.split_first_chunk::<{ DataKeyId::LEN }>()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<{ aead::NONCE_LEN }>()?;
    if scheme != Sealed::SCHEME_XCHACHA20_POLY1305 || *key_id != key.id.to_bytes() {
        return None;
    }
    aead::decrypt(
        &key.bytes,
        *nonce,
        &context(scheme, field, owner, key_id),
        ciphertext,
    )
}

/// Seals a secret of the configuration (an SMTP password, a webhook secret) for the object `owner`.
pub fn seal_config(
    ring: &Keyring,
    owner: [u8; 16],
    clear: &secrecy::SecretString,
    entropy: &dyn Entropy,
) -> SealedConfig {
    let (id, key) = ring.active(Purpose::ConfigSecret);
    let nonce = random_array(entropy);
    let key_id = id.0.to_be_bytes();
    let clear = clear.expose_secret().as_bytes();
    let context = context(
        Sealed::SCHEME_XCHACHA20_POLY1305,
        Field::ConfigSecret,
        owner,
        &key_id,
    );
    let ciphertext = aead::encrypt(key.bytes(), nonce, &context, clear);
    let mut out = Vec::with_capacity(SealedConfig::OVERHEAD + clear.len());
    out.push(Sealed::SCHEME_XCHACHA20_POLY1305);
    out.extend_from_slice(&key_id);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&ciphertext);
    SealedConfig(out.into_boxed_slice())
}

/// Opens what [`seal_config`] made, also under a retired key.
pub fn open_config(ring: &Keyring, owner: [u8; 16], sealed: &SealedConfig) -> Option<secrecy::SecretString> {
    let (&[scheme], rest) = sealed.0.split_first_chunk::<1>()?;
    let (key_id, rest) = rest.split_first_chunk::<4>()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<{ aead::NONCE_LEN }>()?;
    if scheme != Sealed::SCHEME_XCHACHA20_POLY1305 {
        return None;
    }
    let key = ring.get(Purpose::ConfigSecret, KeyId(u32::from_be_bytes(*key_id)))?;
    let context = context(scheme, Field::ConfigSecret, owner, key_id);
    let clear = aead::decrypt(key.bytes(), *nonce, &context, ciphertext)?;
    std::str::from_utf8(&clear).ok().map(secrecy::SecretString::from)
}

/// What a seal is bound to: scheme, version, length-prefixed label, owner, key id.
fn context(scheme: u8, field: Field, owner: [u8; 16], key_id: &[u8]) -> Vec<u8> {
    let label = field.label().as_bytes();
    let length = u8::try_from(label.len()).expect("labels are short constants");
    let mut out = Vec::with_capacity(3 + label.len() + owner.len() + key_id.len());
    out.extend_from_slice(&[scheme, CONTEXT_VERSION, length]);
    out.extend_from_slice(label);
    out.extend_from_slice(&owner);
    out.extend_from_slice(key_id);
    out
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::{Timestamp, UserId};

    const OWNER: [u8; 16] = [4; 16];

    fn key(byte: u8) -> DataKey {
        DataKey::new(DataKeyId::User(UserId([byte; 16])), [byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_in_its_place() {
        let entropy = SeededEntropy::new(1);
        for clear in [&b""[..], b"ada@example.org", &[7; 3_000]] {
            let sealed = seal(&key(1), Field::UserAddress, OWNER, clear, &entropy);
            assert_eq!(sealed.0.len(), clear.len() + Sealed::OVERHEAD);
            assert_eq!(sealed.key_id(), Some(key(1).id()));
            assert_eq!(
                open(&key(1), Field::UserAddress, OWNER, &sealed)
                    .unwrap()
                    .as_slice(),
                clear
            );
        }
    }

    #[test]
    fn a_seal_opens_nowhere_else() {
        let sealed = seal(&key(1), Field::UserAddress, OWNER, b"ada", &SeededEntropy::new(1));
        assert!(open(&key(1), Field::UserName, OWNER, &sealed).is_none());
        assert!(open(&key(1), Field::UserAddress, [5; 16], &sealed).is_none());
        assert!(open(&key(2), Field::UserAddress, OWNER, &sealed).is_none());
        let other_id = DataKey::new(DataKeyId::Day(9), [1; 32]);
        assert!(open(&other_id, Field::UserAddress, OWNER, &sealed).is_none());
        for at in 0..sealed.0.len() {
            let mut bytes = sealed.0.clone();
            bytes[at] ^= 1;
            assert!(
                open(&key(1), Field::UserAddress, OWNER, &Sealed(bytes)).is_none(),
                "byte {at}"
            );
        }
        for length in 0..sealed.0.len() {
            let cut = Sealed(sealed.0[..length].into());
            assert!(
                open(&key(1), Field::UserAddress, OWNER, &cut).is_none(),
                "length {length}"
            );
        }
    }

    #[test]
    fn equal_texts_do_not_look_equal() {
        let entropy = SeededEntropy::new(1);
        let [one, two] = [(); 2].map(|()| seal(&key(1), Field::UserName, OWNER, b"ada", &entropy));
        assert_ne!(one, two);
    }

    #[test]
    fn configuration_secrets_outlive_rotation_and_are_bound_to_their_object() {
        let entropy = SeededEntropy::new(1);
        let mut ring = Keyring::fresh(Timestamp(0), &entropy);
        let sealed = seal_config(&ring, OWNER, &SecretString::from("smtp secret"), &entropy);
        ring.rotate(Purpose::ConfigSecret, Timestamp(1), &entropy)
            .unwrap();
        assert_eq!(
            open_config(&ring, OWNER, &sealed).unwrap().expose_secret(),
            "smtp secret"
        );
        assert_eq!(sealed.0.len(), SealedConfig::OVERHEAD + "smtp secret".len());
        assert!(open_config(&ring, [5; 16], &sealed).is_none());
        for at in 0..sealed.0.len() {
            let mut bytes = sealed.0.clone();
            bytes[at] ^= 1;
            assert!(
                open_config(&ring, OWNER, &SealedConfig(bytes)).is_none(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn data_keys_do_not_print() {
        let text = format!("{:?}", key(9));
        assert!(text.ends_with(", ..)") && !text.contains("[9, 9"), "{text}");
    }
}
