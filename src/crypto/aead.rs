//! XChaCha20-Poly1305 behind two functions: the one cipher of the house.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Bytes of a nonce: long enough to be drawn at random for ever (draft-irtf-cfrg-xchacha).
pub(super) const NONCE_LEN: usize = 24;
/// Bytes of the authenticator behind each ciphertext.
pub(super) const TAG_LEN: usize = 16;

/// Ciphertext and authenticator of `clear`, bound to `context`.
pub(super) fn encrypt(key: &[u8; 32], nonce: [u8; NONCE_LEN], context: &[u8], clear: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: clear,
                aad: context,
            },
        )
        .expect("the cipher refuses only texts beyond 256 GiB")
}

/// The clear text; `None` if anything differs from what was encrypted.
pub(super) fn decrypt(
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    context: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: sealed,
                aad: context,
            },
        )
        .ok()
        .map(Zeroizing::new)
}
