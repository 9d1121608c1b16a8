//! Wrapping every data key anew, under the key that took the place of the one before; nothing that is alive ends.
//!
//! Until it is done the keyring has both keys. A process that is killed in between goes on at its next start, and only
//! when no data key is left under the old one is that forgotten, and with it every copy of it.

use std::time::Duration;

use crate::crypto::{KeyFault, Vault, WrappedKey};
use crate::ledger::{Reader, Store, StoreError};
use crate::system::Entropy;
use crate::types::DataKeyId;

use super::writer::Writer;
use super::{Engine, Trouble};

/// Keys that are stored at once.
const AT_ONCE: usize = 2_048;
/// How often to see whether the keys that were left for later are there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why data keys could not all be wrapped anew.
#[derive(Debug, thiserror::Error)]
pub enum RewrapFault {
    /// Some do not open, so that the old key is kept.
    #[error(
        "{0} data keys do not open under the key that wraps them: the store or the keyring is damaged. They are left as \
         they are, and the old key is kept; restore them from a backup and run the command again"
    )]
    Unopened(usize),
    /// They cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key files cannot be written.
    #[error(transparent)]
    Keys(#[from] KeyFault),
    /// The writer does not run.
    #[error("the ledger was closed meanwhile: the next start goes on with it")]
    Stopped,
}

impl From<Trouble> for RewrapFault {
    fn from(_: Trouble) -> Self {
        Self::Stopped
    }
}

/// The names of all data keys that are not wrapped under the active key.
fn stale(reader: &dyn Reader, vault: &Vault) -> Result<Vec<DataKeyId>, StoreError> {
    let active = vault
        .keyring()
        .current()
        .active(crate::crypto::Purpose::UserWrap)
        .0;
    let mut stale = vec![];
    reader.data_keys(&mut |id, bytes| {
        if WrappedKey::from_bytes(bytes).is_none_or(|wrapped| wrapped.wrapped_by() != active) {
            stale.push(id);
        }
    })?;
    Ok(stale)
}

/// Some keys wrapped anew, those left out that died meanwhile; and how many do not open.
fn wrapped_anew(
    some: &[DataKeyId],
    vault: &Vault,
    entropy: &dyn Entropy,
) -> (Vec<(DataKeyId, WrappedKey)>, usize) {
    let living: Vec<_> = some
        .iter()
        .filter_map(|id| Some((*id, vault.wrapped(*id)?)))
        .collect();
    let count = living.len();
    let anew: Vec<_> = living
        .into_iter()
        .filter_map(|(id, wrapped)| Some((id, vault.rewrap(id, wrapped, entropy)?)))
        .collect();
    let unopened = count - anew.len();
    (anew, unopened)
}

fn stored(keys: &[(DataKeyId, WrappedKey)]) -> Vec<(DataKeyId, Vec<u8>)> {
    let bytes = |(id, wrapped): &(DataKeyId, WrappedKey)| (*id, wrapped.as_bytes().to_vec());
    keys.iter().map(bytes).collect()
}

/// Goes on, at a start, with what an earlier process began; says how many keys that were.
pub(super) fn finish(
    store: &mut dyn Store,
    vault: &Vault,
    entropy: &dyn Entropy,
) -> Result<usize, RewrapFault> {
    let (mut done, mut unopened) = (0, 0);
    for some in stale(&*store.reader(), vault)?.chunks(AT_ONCE) {
        let (anew, failed) = wrapped_anew(some, vault, entropy);
        store.put_keys(&stored(&anew))?;
        done += anew.len();
        unopened += failed;
        for (id, wrapped) in anew {
            vault.replace(id, wrapped);
        }
    }
    if unopened > 0 {
        return Err(RewrapFault::Unopened(unopened));
    }
    vault.keyring().finish_rewrapping(entropy)?;
    Ok(done)
}

impl Engine {
    /// Wraps every data key under the active key of the keyring while the server runs, and then forgets the keys before
    /// it; says how many data keys that were. Blocks.
    pub fn rewrap_data_keys(&self) -> Result<usize, RewrapFault> {
        // What the writer decided while another key was active is stored when this comes back; from then on it stores
        // nothing under any other.
        self.on_writer(|_| Ok(()))?;
        // A key that comes from the store must not arrive in its old form after it was replaced.
        while !self.vault().is_whole() {
            if !self.is_running() {
                return Err(RewrapFault::Stopped);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let mut done = 0;
        let mut unopened = 0;
        for some in stale(&**self.reader(), self.vault())?.chunks(AT_ONCE) {
            let some = some.to_vec();
            let (count, failed) = self.on_writer(move |writer| writer.rewrap(&some))?;
            done += count;
            unopened += failed;
        }
        if unopened > 0 {
            return Err(RewrapFault::Unopened(unopened));
        }
        // Day keys that the desk made before the key was replaced may be in the vault and nowhere else yet: the writer
        // wraps them anew when it stores them, so they are not left behind.
        self.keyring().finish_rewrapping(self.entropy())?;
        Ok(done)
    }
}

impl Writer {
    /// Stores some keys wrapped anew: no key dies meanwhile, because it is the writer that destroys them.
    fn rewrap(&mut self, some: &[DataKeyId]) -> Result<(usize, usize), String> {
        let shared = std::sync::Arc::clone(&self.shared);
        let (anew, unopened) = wrapped_anew(some, &shared.vault, &*shared.entropy);
        self.store
            .put_keys(&stored(&anew))
            .map_err(|fault| shared.note_failure(&fault.to_string()))?;
        let count = anew.len();
        for (id, wrapped) in anew {
            shared.vault.replace(id, wrapped);
        }
        Ok((count, unopened))
    }
}
