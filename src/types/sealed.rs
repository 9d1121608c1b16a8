//! Ciphertext that names the key it needs.

use super::ids::DataKeyId;

/// Sealed bytes: `scheme u8 ‖ data key id 17 B ‖ nonce 24 B ‖ ciphertext ‖ tag 16 B`.
///
/// Scheme 1 is XChaCha20-Poly1305; only `crypto::vault` makes and opens them. Sealed bytes stay sealed in the
/// ledger, in state and in snapshots: when the key dies, every copy dies with it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sealed(pub Box<[u8]>);

impl Sealed {
    /// XChaCha20-Poly1305 with a random 24-byte nonce.
    pub const SCHEME_XCHACHA20_POLY1305: u8 = 1;
    /// Bytes that sealing adds to the clear text.
    pub const OVERHEAD: usize = 1 + DataKeyId::LEN + 24 + 16;

    /// Which key opens it.
    pub fn key_id(&self) -> Option<DataKeyId> {
        DataKeyId::from_bytes(self.0.get(1..=DataKeyId::LEN)?)
    }
}

/// A secret of the configuration: `scheme u8 ‖ key id u32 BE ‖ nonce 24 B ‖ ciphertext ‖ tag 16 B`, sealed under a purpose
/// key, because it belongs to no person and dies with none. Only `crypto::seal_config` and `crypto::open_config` make and
/// open it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SealedConfig(pub Box<[u8]>);

impl SealedConfig {
    /// Bytes that sealing adds to the clear text.
    pub const OVERHEAD: usize = 1 + 4 + 24 + 16;
}
