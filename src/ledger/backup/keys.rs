//! The wrapped data keys of a ledger as a set: its digest, and what changed between two of them.

use std::collections::BTreeMap;

use super::super::error::StoreError;
use super::super::store::Reader;
use crate::types::DataKeyId;

const DIGEST_DOMAIN: &[u8; 23] = b"keyledger/data-keys/v1\0";
/// Bytes of a wrapped key's fingerprint: enough that no two of one id agree by chance.
const FINGERPRINT_LEN: usize = 16;

/// How many keys there are, and a hash over all of them in the order of their stored names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySetDigest {
    /// How many.
    pub count: u64,
    /// BLAKE3 over the domain and, for each key, id ‖ length u16 ‖ wrapped key.
    pub digest: [u8; 32],
}

/// A key that is new or changed, or (without a wrapped form) gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KeyChange {
    /// Which key.
    pub(super) id: DataKeyId,
    /// Its wrapped form; none if it is gone.
    pub(super) wrapped: Option<Vec<u8>>,
}

/// A digest that is being made; keys come in the order of their stored names.
pub struct KeySetHasher {
    hasher: blake3::Hasher,
    count: u64,
}

impl Default for KeySetHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl KeySetHasher {
    /// Begins with no keys.
    pub fn new() -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DIGEST_DOMAIN);
        Self { hasher, count: 0 }
    }

    /// Adds the next key.
    pub fn add(&mut self, id: DataKeyId, wrapped: &[u8]) {
        let length = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        self.hasher
            .update(&id.to_bytes())
            .update(&length.to_be_bytes())
            .update(wrapped);
        self.count += 1;
    }

    /// The digest of the keys so far.
    pub fn finish(&self) -> KeySetDigest {
        KeySetDigest {
            count: self.count,
            digest: *self.hasher.finalize().as_bytes(),
        }
    }
}

impl KeySetDigest {
    /// The digest of what a store holds.
    pub fn of(reader: &dyn Reader) -> Result<Self, StoreError> {
        let mut hasher = KeySetHasher::new();
        reader.data_keys(&mut |id, wrapped| hasher.add(id, wrapped))?;
        Ok(hasher.finish())
    }
}

/// The keys that earlier parts of a chain leave, by fingerprint: what a change is a change against. About 50 bytes a
/// key while a part is made.
#[derive(Default)]
pub(super) struct KnownKeys(BTreeMap<[u8; DataKeyId::LEN], [u8; FINGERPRINT_LEN]>);

impl KnownKeys {
    /// Takes in what a part holds.
    pub(super) fn apply(&mut self, id: DataKeyId, wrapped: Option<&[u8]>) {
        let id = id.to_bytes();
        match wrapped {
            Some(wrapped) => self.0.insert(id, fingerprint(wrapped)),
            None => self.0.remove(&id),
        };
    }

    /// Whether this very key is known; it counts as seen then, and is not among [`KnownKeys::unseen`].
    pub(super) fn see(&mut self, id: DataKeyId, wrapped: &[u8]) -> bool {
        self.0.remove(&id.to_bytes()) == Some(fingerprint(wrapped))
    }

    /// Those that were known and not seen.
    pub(super) fn unseen(self) -> impl Iterator<Item = DataKeyId> {
        self.0.into_keys().filter_map(|id| DataKeyId::from_bytes(&id))
    }
}

fn fingerprint(wrapped: &[u8]) -> [u8; FINGERPRINT_LEN] {
    let mut out = [0; FINGERPRINT_LEN];
    out.copy_from_slice(&blake3::hash(wrapped).as_bytes()[..FINGERPRINT_LEN]);
    out
}
