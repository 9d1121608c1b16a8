//! One ring for the whole process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::crypto::key_files::KeyFiles;
use crate::system::Entropy;
use crate::types::Timestamp;

use super::{KeyFault, KeyId, Keyring, Purpose};

/// The ring that the whole process uses: rotated while running, read without waiting.
#[derive(Clone, Debug)]
pub struct SharedKeyring(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    current: RwLock<Arc<Keyring>>,
    /// Held through a change; none for a ring in memory.
    files: Mutex<Option<KeyFiles>>,
}

impl SharedKeyring {
    /// Shares a ring that lies in memory only.
    pub fn new(ring: Keyring) -> Self {
        Self::of(ring, None)
    }

    /// Shares a ring that was opened from files, and writes its changes there.
    pub fn kept(ring: Keyring, files: KeyFiles) -> Self {
        Self::of(ring, Some(files))
    }

    fn of(ring: Keyring, files: Option<KeyFiles>) -> Self {
        Self(Arc::new(Shared {
            current: RwLock::new(Arc::new(ring)),
            files: Mutex::new(files),
        }))
    }

    /// One consistent view, for as long as the caller holds it.
    pub fn current(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes a copy, saves it, and only then shows it: no key is used before it is durable. Blocks on the disk.
    pub fn change<T>(
        &self,
        now: Timestamp,
        entropy: &dyn Entropy,
        change: impl FnOnce(&mut Keyring) -> Result<T, KeyFault>,
    ) -> Result<T, KeyFault> {
        let files = self.files();
        let mut ring = Keyring::clone(&self.current());
        let result = change(&mut ring)?;
        if let Some(files) = &*files {
            files.save(&ring, now, entropy)?;
        }
        self.show(ring);
        Ok(result)
    }

    /// Replaces the master key and the key that wraps data keys, and names that key: the old one and the new one. Both
    /// are kept until every data key is wrapped anew and [`SharedKeyring::finish_rewrapping`] forgets the old one.
    pub fn replace_master(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<(KeyId, KeyId), KeyFault> {
        let mut files = self.files();
        let mut ring = Keyring::clone(&self.current());
        let old = ring.active(Purpose::UserWrap).0;
        let new = ring.rotate(Purpose::UserWrap, now, entropy)?;
        if let Some(files) = &mut *files {
            files.replace_master(&ring, entropy)?;
        }
        self.show(ring);
        Ok((old, new))
    }

    /// Forgets the keys that wrapped data keys before the present one, every copy of the keyring, and the master key
    /// that was replaced. Whoever calls has made sure that no data key needs them.
    pub fn finish_rewrapping(&self, entropy: &dyn Entropy) -> Result<(), KeyFault> {
        let mut files = self.files();
        let mut ring = Keyring::clone(&self.current());
        ring.forget_rewrapped();
        if let Some(files) = &mut *files {
            files.finish_master(&ring, entropy)?;
        }
        self.show(ring);
        Ok(())
    }

    /// Whether data keys may be left that are wrapped under a key which is to go.
    pub fn is_rewrapping(&self) -> bool {
        let is_unfinished = self.files().as_ref().is_some_and(KeyFiles::is_unfinished);
        is_unfinished || self.current().all(Purpose::UserWrap).count() > 1
    }

    /// Whether it is the master key, too, whose replacement was begun and is not complete.
    pub fn is_replacing_master(&self) -> bool {
        let files = self.files();
        let is_unfinished = files.as_ref().is_some_and(KeyFiles::is_unfinished);
        let wants_new_setting = files.as_ref().is_some_and(KeyFiles::wants_new_setting);
        is_unfinished || wants_new_setting && self.current().all(Purpose::UserWrap).count() > 1
    }

    /// Removes copies of the keyring that have been kept for as long as they may.
    pub fn drop_old_copies(&self, now: Timestamp) -> Result<(), KeyFault> {
        self.files()
            .as_ref()
            .map_or(Ok(()), |files| files.drop_old_copies(now))
    }

    /// Removes all copies of the keyring: keys may have been stolen with one.
    pub fn drop_all_copies(&self) -> Result<(), KeyFault> {
        self.files().as_ref().map_or(Ok(()), KeyFiles::drop_all_copies)
    }

    /// Whether the settings still give the master key that was replaced.
    pub fn wants_new_setting(&self) -> bool {
        self.files().as_ref().is_some_and(KeyFiles::wants_new_setting)
    }

    fn files(&self) -> MutexGuard<'_, Option<KeyFiles>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, ring: Keyring) {
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}
