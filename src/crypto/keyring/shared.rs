//! One ring for the whole process.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::crypto::master::MasterKey;
use crate::system::Entropy;

use super::{KeyFault, Keyring};

/// The ring that the whole process uses: rotated while running, read without waiting.
#[derive(Clone, Debug)]
pub struct SharedKeyring(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    current: RwLock<Arc<Keyring>>,
    changing: Mutex<()>,
}

impl SharedKeyring {
    /// Shares a ring.
    pub fn new(ring: Keyring) -> Self {
        Self(Arc::new(Shared {
            current: RwLock::new(Arc::new(ring)),
            changing: Mutex::new(()),
        }))
    }

    /// One consistent view, for as long as the caller holds it.
    pub fn current(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes a copy, saves it, and only then shows it: no key is used before it is durable. Blocks on the disk.
    pub fn change<T>(
        &self,
        path: &Path,
        master: &MasterKey,
        entropy: &dyn Entropy,
        change: impl FnOnce(&mut Keyring) -> Result<T, KeyFault>,
    ) -> Result<T, KeyFault> {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ring = Keyring::clone(&self.current());
        let result = change(&mut ring)?;
        ring.save(path, master, entropy)?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(result)
    }
}
