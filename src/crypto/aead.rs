//! XChaCha20-Poly1305 behind two functions: the one cipher of the house.
//!
//! It is put together as its draft defines it: HChaCha20 makes a subkey of the key and the nonce's first 16 bytes, and
//! ChaCha20-Poly1305 (RFC 8439) does the rest under that subkey. What is sealed here is short, and *ring*'s assembly
//! needs a fifth of the time of what detects the processor's vectors for long texts. *ring* does not wipe its copy of
//! a key, so it never sees one: only the subkey of one message.

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of a nonce: long enough to be drawn at random for ever (draft-irtf-cfrg-xchacha).
pub(super) const NONCE_LEN: usize = 24;
/// Bytes of the authenticator behind each ciphertext.
pub(super) const TAG_LEN: usize = 16;

/// Ciphertext and authenticator of `clear`, bound to `context`.
pub(super) fn encrypt(key: &[u8; 32], nonce: [u8; NONCE_LEN], context: &[u8], clear: &[u8]) -> Vec<u8> {
    let (subkey, nonce) = derive(key, nonce);
    // The whole length at once, so that no clear text is left behind by growing.
    let mut text = Vec::with_capacity(clear.len() + TAG_LEN);
    text.extend_from_slice(clear);
    let tag = subkey
        .seal_in_place_separate_tag(nonce, Aad::from(context), &mut text)
        .expect("the cipher refuses only texts beyond 256 GiB");
    text.extend_from_slice(tag.as_ref());
    text
}

/// The clear text; `None` if anything differs from what was encrypted.
pub(super) fn decrypt(
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    context: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (subkey, nonce) = derive(key, nonce);
    let mut text = Zeroizing::new(sealed.to_vec());
    let length = subkey
        .open_in_place(nonce, Aad::from(context), &mut text)
        .ok()?
        .len();
    text.truncate(length);
    Some(text)
}

/// The message's own key, and what is left of its nonce (draft-irtf-cfrg-xchacha-03 §2.3).
fn derive(key: &[u8; 32], nonce: [u8; NONCE_LEN]) -> (LessSafeKey, Nonce) {
    let mut first = [0; 16];
    first.copy_from_slice(&nonce[..16]);
    let subkey = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>(key.into(), &first.into())));
    let mut rest = [0; 12];
    rest[4..].copy_from_slice(&nonce[16..]);
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*subkey).expect("a subkey has the cipher's 32 bytes");
    (LessSafeKey::new(key), Nonce::assume_unique_for_key(rest))
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    use chacha20poly1305::{XChaCha20Poly1305, XNonce};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_implementation_opens_what_is_sealed_here_and_seals_what_opens_here(
            key: [u8; 32], nonce: [u8; 24], context in prop::collection::vec(any::<u8>(), 0..80),
            clear in prop::collection::vec(any::<u8>(), 0..400), flipped: u16,
        ) {
            let other = XChaCha20Poly1305::new(&key.into());
            let payload = Payload { msg: &clear, aad: &context };
            let theirs = other.encrypt(&XNonce::from(nonce), payload).unwrap();
            let mut ours = encrypt(&key, nonce, &context, &clear);
            prop_assert_eq!(&ours, &theirs);
            let opened = decrypt(&key, nonce, &context, &ours);
            prop_assert_eq!(opened.as_deref(), Some(&clear));
            let at = usize::from(flipped) % ours.len();
            ours[at] ^= 1 << (flipped % 8);
            prop_assert!(decrypt(&key, nonce, &context, &ours).is_none());
        }
    }

    #[test]
    fn the_example_of_the_draft_comes_out() {
        let key: [u8; 32] = std::array::from_fn(|at| 0x80 + u8::try_from(at).unwrap());
        let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap());
        let context = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let clear =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
        let sealed = encrypt(&key, nonce, &context, clear);
        assert_eq!(sealed[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        let tag = [
            0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49,
        ];
        assert_eq!(sealed[clear.len()..], tag);
        assert!(decrypt(&key, nonce, &context, &sealed[1..]).is_none());
        assert!(decrypt(&key, nonce, &context, &[]).is_none());
    }
}
