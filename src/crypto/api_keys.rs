//! API keys: drawn at random, shown once, kept as a keyed hash.

use std::fmt::Write;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::domain::ApiKeyKind;
use crate::system::{Entropy, random_array};

use super::keyring::{KeyId, Keyring, Purpose};
use super::mac::mac;

/// What its text begins with.
fn prefix(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "pk_",
        ApiKeyKind::Secret => "sk_",
    }
}

const HEX_LEN: usize = 64;

/// Draws a key of 256 bits: the prefix and 64 lower-case hexadecimal digits.
pub fn fresh_api_key(kind: ApiKeyKind, entropy: &dyn Entropy) -> SecretString {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random_array(entropy));
    let mut text = String::with_capacity(3 + HEX_LEN);
    text.push_str(prefix(kind));
    for byte in bytes.iter() {
        write!(text, "{byte:02x}").expect("a String takes every write");
    }
    SecretString::from(text)
}

/// Which kind a text is, if it has exactly the form of a key.
pub fn parse_api_key(text: &str) -> Option<ApiKeyKind> {
    let (kind, digits) = [ApiKeyKind::Publishable, ApiKeyKind::Secret]
        .into_iter()
        .find_map(|kind| text.strip_prefix(prefix(kind)).map(|digits| (kind, digits)))?;
    let is_hex = digits.len() == HEX_LEN
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then_some(kind)
}

/// By what a key is stored and found; `None` if the ring has no such key of [`Purpose::ApiKey`].
///
/// Look-ups try each key of that purpose: rotation ends no API key. The hash, not the secret, is what is looked up.
pub fn api_key_hash(ring: &Keyring, key_id: KeyId, text: &str) -> Option<[u8; 32]> {
    let key = ring.get(Purpose::ApiKey, key_id)?;
    Some(mac(key, "keyledger api key v1", &[text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    #[test]
    fn a_fresh_key_has_the_form_of_its_kind() {
        let entropy = SeededEntropy::new(1);
        for kind in [ApiKeyKind::Publishable, ApiKeyKind::Secret] {
            let key = fresh_api_key(kind, &entropy);
            assert_eq!(parse_api_key(key.expose_secret()), Some(kind));
            assert_eq!(key.expose_secret().len(), 67);
            assert_ne!(key.expose_secret(), fresh_api_key(kind, &entropy).expose_secret());
        }
    }

    #[test]
    fn a6_only_the_exact_form_is_a_key() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(parse_api_key(&format!("sk_{hex}")), Some(ApiKeyKind::Secret));
        let bad = [
            String::new(),
            "pk_".into(),
            hex.clone(),
            format!("xk_{hex}"),
            format!("PK_{hex}"),
            format!("pk_{}", hex.to_uppercase()),
            format!("pk_{hex}0"),
            format!("pk_{}", &hex[1..]),
            format!(" pk_{hex}"),
            format!("pk_{hex}\n"),
            format!("pk_{}", "é".repeat(32)),
        ];
        for text in bad {
            assert_eq!(parse_api_key(&text), None, "{text:?}");
        }
    }

    #[test]
    fn s_01_the_stored_hash_depends_on_the_key_outside_the_ledger() {
        let entropy = SeededEntropy::new(1);
        let mut ring = Keyring::fresh(Timestamp(0), &entropy);
        let (old, _) = ring.active(Purpose::ApiKey);
        let new = ring.rotate(Purpose::ApiKey, Timestamp(1), &entropy).unwrap();
        let key = fresh_api_key(ApiKeyKind::Secret, &entropy);
        let hash = |id| api_key_hash(&ring, id, key.expose_secret());
        assert_eq!(hash(old), hash(old));
        assert_ne!(hash(old), hash(new));
        assert!(hash(KeyId(99)).is_none());
    }
}
