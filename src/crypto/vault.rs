//! The data keys of all users, credentials and days: wrapped in memory, unwrapped for one use, destroyed on erasure.

use std::collections::HashSet;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::{Zeroize, Zeroizing};

use crate::system::{Entropy, random_array};
use crate::types::{DataKeyId, Sealed, search};

use super::aead;
use super::keyring::{KeyId, Purpose, SecretKey, SharedKeyring};
use super::seal::{self, DataKey, Field};

/// Enough shards that none holds more than some hundred keys at a million users.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 12;

/// A data key as the ledger stores it: `scheme u8 ‖ user-wrap key id u32 BE ‖ nonce 24 B ‖ ciphertext 32 B ‖ tag 16 B`,
/// bound to its [`DataKeyId`].
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey([u8; Self::LEN]);

impl WrappedKey {
    /// Length of the stored form.
    pub const LEN: usize = 1 + 4 + aead::NONCE_LEN + 32 + aead::TAG_LEN;
    /// XChaCha20-Poly1305 under a key of [`Purpose::UserWrap`].
    const SCHEME: u8 = Sealed::SCHEME_XCHACHA20_POLY1305;

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads the stored form; `None` for another length or scheme. Whether it opens shows on use.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; Self::LEN] = bytes.try_into().ok()?;
        (bytes[0] == Self::SCHEME).then_some(Self(bytes))
    }

    /// Which key of the ring wraps it.
    pub fn wrapped_by(&self) -> KeyId {
        KeyId(u32::from_be_bytes([self.0[1], self.0[2], self.0[3], self.0[4]]))
    }

    fn wrap(id: DataKeyId, clear: &[u8; 32], by: (KeyId, &SecretKey), entropy: &dyn Entropy) -> Self {
        let (key_id, key) = by;
        let nonce: [u8; aead::NONCE_LEN] = random_array(entropy);
        let ciphertext = aead::encrypt(key.bytes(), nonce, &context(id, key_id), clear);
        let mut out = [0; Self::LEN];
        out[0] = Self::SCHEME;
        out[1..5].copy_from_slice(&key_id.0.to_be_bytes());
        out[5..29].copy_from_slice(&nonce);
        out[29..].copy_from_slice(&ciphertext);
        Self(out)
    }

    fn unwrap_under(&self, id: DataKeyId, key: &SecretKey) -> Option<DataKey> {
        let mut nonce = [0; aead::NONCE_LEN];
        nonce.copy_from_slice(&self.0[5..29]);
        let clear = aead::decrypt(key.bytes(), nonce, &context(id, self.wrapped_by()), &self.0[29..])?;
        Some(DataKey::new(id, clear.as_slice().try_into().ok()?))
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(by {}, ..)", self.wrapped_by())
    }
}

/// What a wrapped key is bound to.
fn context(id: DataKeyId, by: KeyId) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(b"keyledger data key v1");
    out.push(WrappedKey::SCHEME);
    out.extend_from_slice(&by.0.to_be_bytes());
    out.extend_from_slice(&id.to_bytes());
    out
}

/// One entry: 94 bytes, no padding.
struct Entry {
    id: [u8; DataKeyId::LEN],
    wrapped: WrappedKey,
}

type Shard = Vec<Entry>;

/// All living data keys, wrapped; clear ones are never kept.
///
/// Shards of sorted arrays instead of one hash map: about 105 bytes a key against 200, and no pause while a large table grows.
pub struct Vault {
    ring: SharedKeyring,
    shards: Box<[RwLock<Shard>]>,
    /// Those that are still on their way; none when all are here.
    coming: RwLock<Option<Coming>>,
}

/// Finds the stored form of a key where all of them are.
pub type KeySource = Box<dyn Fn(DataKeyId) -> Option<WrappedKey> + Send + Sync>;

/// Keys that are not here yet.
struct Coming {
    source: KeySource,
    /// Destroyed meanwhile, or before: they stay so, whatever the source says.
    gone: HashSet<DataKeyId>,
}

impl Vault {
    /// Begins empty; boot inserts what the ledger stores.
    pub fn new(ring: SharedKeyring) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::new())).collect();
        Self {
            ring,
            shards,
            coming: RwLock::new(None),
        }
    }

    /// The ring whose keys wrap the data keys.
    pub fn keyring(&self) -> &SharedKeyring {
        &self.ring
    }

    /// Begins with keys that come later: until [`Vault::is_whole`], what is not here is looked up at the source, except
    /// what is `gone`.
    pub fn expect(&self, source: KeySource, gone: HashSet<DataKeyId>) {
        *self.coming.write().unwrap_or_else(PoisonError::into_inner) = Some(Coming { source, gone });
    }

    /// Keeps a key that was expected, unless it was replaced or destroyed meanwhile.
    pub fn arrive(&self, id: DataKeyId, wrapped: WrappedKey) {
        // Held throughout: whoever destroys the key meanwhile waits, and then finds it here.
        let coming = self.coming.read().unwrap_or_else(PoisonError::into_inner);
        if coming.as_ref().is_some_and(|coming| !coming.gone.contains(&id)) && !self.holds(id) {
            self.insert(id, wrapped);
        }
    }

    /// Says that all expected keys are here.
    pub fn complete(&self) {
        *self.coming.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether all living keys are here.
    pub fn is_whole(&self) -> bool {
        self.coming
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    fn ask_source(&self, id: DataKeyId) -> Option<WrappedKey> {
        let coming = self.coming.read().unwrap_or_else(PoisonError::into_inner);
        let coming = coming.as_ref().filter(|coming| !coming.gone.contains(&id))?;
        (coming.source)(id)
    }

    /// Draws a data key and wraps it; not inserted, because it counts only once the ledger has it.
    pub fn make(&self, id: DataKeyId, entropy: &dyn Entropy) -> (DataKey, WrappedKey) {
        let clear: Zeroizing<[u8; 32]> = Zeroizing::new(random_array(entropy));
        let ring = self.ring.current();
        let wrapped = WrappedKey::wrap(id, &clear, ring.active(Purpose::UserWrap), entropy);
        (DataKey::new(id, *clear), wrapped)
    }

    /// Keeps a wrapped key that is durable; replaces one of the same id (a rewrapped one).
    pub fn insert(&self, id: DataKeyId, wrapped: WrappedKey) {
        let id = id.to_bytes();
        let mut shard = self.write(&id);
        match position(&shard, &id) {
            Ok(at) => shard[at].wrapped = wrapped,
            Err(at) => {
                if shard.len() == shard.capacity() {
                    // An eighth more instead of twice as much: memory matters more here than copying.
                    let more = shard.len() / 8 + 4;
                    shard.reserve_exact(more);
                }
                shard.insert(at, Entry { id, wrapped });
            }
        }
    }

    /// Unwraps a key for one use; `None` if it was destroyed, never was, or does not open.
    pub fn key(&self, id: DataKeyId) -> Option<DataKey> {
        self.open_wrapped(id, &self.wrapped(id)?)
    }

    /// Unwraps a key that is not in the vault (yet).
    pub fn open_wrapped(&self, id: DataKeyId, wrapped: &WrappedKey) -> Option<DataKey> {
        let ring = self.ring.current();
        wrapped.unwrap_under(id, ring.get(Purpose::UserWrap, wrapped.wrapped_by())?)
    }

    /// The stored form of a living key.
    pub fn wrapped(&self, id: DataKeyId) -> Option<WrappedKey> {
        self.held(id).or_else(|| self.ask_source(id))
    }

    fn held(&self, id: DataKeyId) -> Option<WrappedKey> {
        let id = id.to_bytes();
        let shard = self.read(&id);
        position(&shard, &id).ok().map(|at| shard[at].wrapped.clone())
    }

    /// A key wrapped under the active key of the ring, if it is not already; `None` if it does not open.
    pub fn rewrap(&self, id: DataKeyId, wrapped: WrappedKey, entropy: &dyn Entropy) -> Option<WrappedKey> {
        let ring = self.ring.current();
        let by = ring.active(Purpose::UserWrap);
        if wrapped.wrapped_by() == by.0 {
            return Some(wrapped);
        }
        let key = wrapped.unwrap_under(id, ring.get(Purpose::UserWrap, wrapped.wrapped_by())?)?;
        Some(WrappedKey::wrap(id, key.bytes(), by, entropy))
    }

    /// Puts a key that was wrapped anew in the place of the same one, unless it was destroyed meanwhile.
    pub fn replace(&self, id: DataKeyId, wrapped: WrappedKey) {
        let id = id.to_bytes();
        let mut shard = self.write(&id);
        if let Ok(at) = position(&shard, &id) {
            shard[at].wrapped = wrapped;
        }
    }

    /// Destroys a key, and with it all that it sealed; `false` if it is not here (L-11).
    ///
    /// The ledger forgets its copy by its own means, and does so first.
    pub fn destroy(&self, id: DataKeyId) -> bool {
        let was_coming = self.ask_source(id).is_some();
        if let Some(coming) = &mut *self.coming.write().unwrap_or_else(PoisonError::into_inner) {
            coming.gone.insert(id);
        }
        let id = id.to_bytes();
        let mut shard = self.write(&id);
        let Ok(at) = position(&shard, &id) else {
            return was_coming;
        };
        shard[at].wrapped.0.zeroize();
        shard.remove(at);
        true
    }

    /// Whether a key lives.
    pub fn contains(&self, id: DataKeyId) -> bool {
        self.holds(id) || self.ask_source(id).is_some()
    }

    /// Whether a key is here already.
    pub fn holds(&self, id: DataKeyId) -> bool {
        let id = id.to_bytes();
        position(&self.read(&id), &id).is_ok()
    }

    /// How many keys are here.
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whether no key is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the entries take.
    pub fn memory_bytes(&self) -> usize {
        let entries = |shard: &RwLock<Shard>| shard.read().unwrap_or_else(PoisonError::into_inner).capacity();
        self.shards.iter().map(entries).sum::<usize>() * size_of::<Entry>()
    }

    /// Seals under a living key; `None` if there is none.
    pub fn seal(
        &self,
        id: DataKeyId,
        field: Field,
        owner: [u8; 16],
        clear: &[u8],
        entropy: &dyn Entropy,
    ) -> Option<Sealed> {
        Some(seal::seal(&self.key(id)?, field, owner, clear, entropy))
    }

    /// Opens with the key that the sealed bytes name; `None` if it is dead or they do not belong here.
    pub fn open(&self, field: Field, owner: [u8; 16], sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        seal::open(&self.key(sealed.key_id()?)?, field, owner, sealed)
    }

    fn shard(&self, id: &[u8; DataKeyId::LEN]) -> &RwLock<Shard> {
        &self.shards[usize::from(u16::from_be_bytes([id[1], id[2]]) >> (u16::BITS - SHARD_BITS))]
    }

    fn read(&self, id: &[u8; DataKeyId::LEN]) -> RwLockReadGuard<'_, Shard> {
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, id: &[u8; DataKeyId::LEN]) -> RwLockWriteGuard<'_, Shard> {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} keys)", self.len())
    }
}

fn position(shard: &Shard, id: &[u8; DataKeyId::LEN]) -> Result<usize, usize> {
    // By what is random in them first: the kinds would stand in blocks, and no guess would hit.
    let rank = |id: &[u8; DataKeyId::LEN]| {
        let [kind, random @ ..] = *id;
        (u128::from_be_bytes(random), kind)
    };
    let wanted = rank(id);
    search(shard.len(), wanted.0 << SHARD_BITS, |at| {
        rank(&shard[at].id).cmp(&wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keyring::Keyring;
    use crate::system::{SeededEntropy, random_id};
    use crate::types::{CredentialId, Timestamp, UserId};

    fn vault(entropy: &SeededEntropy) -> Vault {
        Vault::new(SharedKeyring::new(Keyring::fresh(Timestamp(0), entropy)))
    }

    #[test]
    fn a_key_comes_back_from_its_stored_form() {
        let entropy = SeededEntropy::new(1);
        let vault = vault(&entropy);
        for id in [
            DataKeyId::User(UserId([1; 16])),
            DataKeyId::Credential(CredentialId([1; 16])),
            DataKeyId::Day(1),
        ] {
            let (key, wrapped) = vault.make(id, &entropy);
            assert!(!vault.contains(id), "a key counts only once it is durable");
            let stored = WrappedKey::from_bytes(wrapped.as_bytes()).unwrap();
            vault.insert(id, stored);
            assert_eq!(vault.key(id).unwrap().bytes(), key.bytes());
        }
        assert_eq!((vault.len(), vault.is_empty()), (3, false));
    }

    #[test]
    fn a_wrapped_key_opens_under_no_other_name() {
        let entropy = SeededEntropy::new(1);
        let vault = vault(&entropy);
        let (_, wrapped) = vault.make(DataKeyId::Day(1), &entropy);
        assert!(vault.open_wrapped(DataKeyId::Day(1), &wrapped).is_some());
        assert!(vault.open_wrapped(DataKeyId::Day(2), &wrapped).is_none());
        for at in 0..WrappedKey::LEN {
            let mut bytes = *wrapped.as_bytes();
            bytes[at] ^= 1;
            let opened = WrappedKey::from_bytes(&bytes)
                .and_then(|wrapped| vault.open_wrapped(DataKeyId::Day(1), &wrapped));
            assert!(opened.is_none(), "byte {at}");
        }
        assert!(WrappedKey::from_bytes(&wrapped.as_bytes()[1..]).is_none());
    }

    #[test]
    fn l_11_what_a_destroyed_key_sealed_is_unreadable() {
        let entropy = SeededEntropy::new(1);
        let vault = vault(&entropy);
        let id = DataKeyId::User(UserId([1; 16]));
        vault.insert(id, vault.make(id, &entropy).1);
        let sealed = vault
            .seal(id, Field::UserName, [1; 16], b"Ada", &entropy)
            .unwrap();
        assert_eq!(
            vault.open(Field::UserName, [1; 16], &sealed).unwrap().as_slice(),
            b"Ada"
        );
        assert!(vault.destroy(id) && !vault.destroy(id));
        assert!(vault.open(Field::UserName, [1; 16], &sealed).is_none());
        assert!(
            vault
                .seal(id, Field::UserName, [1; 16], b"Ada", &entropy)
                .is_none()
        );
    }

    #[test]
    fn l_10_data_keys_outlive_the_rotation_of_what_wraps_them() {
        let entropy = SeededEntropy::new(1);
        let mut ring = Keyring::fresh(Timestamp(0), &entropy);
        let id = DataKeyId::Day(5);
        let first = Vault::new(SharedKeyring::new(ring.clone()));
        let (key, wrapped) = first.make(id, &entropy);
        ring.rotate(Purpose::UserWrap, Timestamp(1), &entropy).unwrap();
        let second = Vault::new(SharedKeyring::new(ring.clone()));
        second.insert(id, wrapped.clone());
        assert_eq!(second.key(id).unwrap().bytes(), key.bytes());
        let rewrapped = second.rewrap(id, wrapped, &entropy).unwrap();
        assert_eq!(rewrapped.wrapped_by(), ring.active(Purpose::UserWrap).0);
        second.replace(id, rewrapped.clone());
        assert_eq!((second.key(id).unwrap().bytes(), second.len()), (key.bytes(), 1));
        assert_eq!(
            second.rewrap(id, rewrapped.clone(), &entropy),
            Some(rewrapped.clone())
        );
        second.destroy(id);
        second.replace(id, rewrapped);
        assert!(!second.contains(id), "what was destroyed stays so");
    }

    #[test]
    fn l_11_a_key_that_is_destroyed_before_it_arrives_never_arrives() {
        let entropy = SeededEntropy::new(1);
        let vault = vault(&entropy);
        let [kept, doomed, erased, replaced] = [1, 2, 3, 4].map(DataKeyId::Day);
        let (key, wrapped) = vault.make(kept, &entropy);
        let all: std::collections::HashMap<_, _> = [kept, doomed, erased, replaced]
            .map(|id| {
                (
                    id,
                    if id == kept {
                        wrapped.clone()
                    } else {
                        vault.make(id, &entropy).1
                    },
                )
            })
            .into();
        let source = all.clone();
        vault.expect(
            Box::new(move |id| source.get(&id).cloned()),
            HashSet::from([erased]),
        );
        assert_eq!(vault.key(kept).unwrap().bytes(), key.bytes(), "asked for early");
        assert!(!vault.contains(erased) && !vault.holds(kept) && !vault.is_whole());
        assert!(vault.destroy(doomed) && !vault.destroy(doomed));
        let newer = vault.make(replaced, &entropy).1;
        vault.insert(replaced, newer.clone());
        for (id, wrapped) in all {
            vault.arrive(id, wrapped);
        }
        vault.complete();
        assert!(vault.is_whole() && vault.contains(kept));
        assert!(!vault.contains(doomed) && !vault.contains(erased));
        assert_eq!(vault.wrapped(replaced), Some(newer));
    }

    #[test]
    fn many_keys_stay_small_and_findable() {
        let entropy = SeededEntropy::new(1);
        let vault = vault(&entropy);
        let (_, wrapped) = vault.make(DataKeyId::Day(1), &entropy);
        let ids: Vec<_> = (0..100_000)
            .map(|_| DataKeyId::User(UserId(random_id(&entropy))))
            .collect();
        for &id in &ids {
            vault.insert(id, wrapped.clone());
        }
        assert_eq!(vault.len(), ids.len());
        assert!(
            vault.memory_bytes() < ids.len() * 140,
            "{} bytes",
            vault.memory_bytes()
        );
        for &id in ids.iter().step_by(2) {
            assert!(vault.destroy(id));
        }
        assert!(
            ids.iter()
                .enumerate()
                .all(|(at, &id)| vault.contains(id) == (at % 2 == 1))
        );
    }
}
