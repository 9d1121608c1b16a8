//! Keyed BLAKE3 over fields whose ends are unambiguous.

use crate::types::Tag;

/// A key under which bytes can be authenticated: a purpose key or a data key.
pub trait MacKey {
    /// The 32 bytes, for keyed BLAKE3 only.
    fn mac_key(&self) -> &[u8; 32];
}

/// Keyed BLAKE3 over the length-prefixed domain and parts: no two different lists of fields give the same input.
pub fn mac(key: &impl MacKey, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key.mac_key());
    field(&mut hasher, domain.as_bytes());
    for part in parts {
        field(&mut hasher, part);
    }
    *hasher.finalize().as_bytes()
}

/// The same, cut to the 16 bytes of a [`Tag`]: names for addresses, networks and clients that say nothing without the key.
pub fn tag(key: &impl MacKey, domain: &str, parts: &[&[u8]]) -> Tag {
    let full = mac(key, domain, parts);
    let mut cut = [0; 16];
    cut.copy_from_slice(&full[..16]);
    Tag(cut)
}

fn field(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed([u8; 32]);

    impl MacKey for Fixed {
        fn mac_key(&self) -> &[u8; 32] {
            &self.0
        }
    }

    #[test]
    fn fields_cannot_flow_into_each_other() {
        let key = Fixed([1; 32]);
        let reference = mac(&key, "d", &[b"ab", b"c"]);
        assert_eq!(reference, mac(&key, "d", &[b"ab", b"c"]));
        assert_ne!(reference, mac(&key, "d", &[b"a", b"bc"]));
        assert_ne!(reference, mac(&key, "d", &[b"abc"]));
        assert_ne!(reference, mac(&key, "d", &[b"ab", b"c", b""]));
        assert_ne!(reference, mac(&key, "da", &[b"b", b"c"]));
        assert_ne!(reference, mac(&Fixed([2; 32]), "d", &[b"ab", b"c"]));
        assert_eq!(tag(&key, "d", &[b"ab", b"c"]).0, reference[..16]);
    }
}
