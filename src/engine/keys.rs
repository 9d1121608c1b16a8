//! The data keys at a start: those that are needed are brought into the vault, those that should be gone are destroyed
//! again.
//!
//! A start that folds every event brings them all before it goes on. One that goes on from a snapshot lets them come
//! while the server runs, behind everything else; until then the vault asks the store for each.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use super::{BootError, Shared};
use crate::crypto::{Keyring, Purpose, Vault, WrappedKey};
use crate::domain::{State, User};
use crate::ledger::{Reader, Store};
use crate::system::priority;
use crate::types::{DataKeyId, IdTable, UserId};

/// Days after which what strangers left behind cannot be read any more.
pub const DAY_KEYS_KEPT: u32 = 90;
/// Keys that are destroyed at once.
const DESTROYED_AT_ONCE: usize = 1_024;
/// Users whose keys a start from a snapshot looks at before it goes on.
const PROBED_MAX: usize = 1_024;

/// Whose keys are needed.
#[derive(Default)]
struct Needed {
    users: HashSet<[u8; 16]>,
    credentials: HashSet<[u8; 16]>,
    today: u32,
}

impl Needed {
    fn add(&mut self, id: UserId, user: &User) {
        self.users.insert(id.0);
        let credentials = user.credential.iter().chain(user.past());
        self.credentials
            .extend(credentials.map(|credential| credential.id.0));
    }

    fn has(&self, id: DataKeyId) -> bool {
        match id {
            DataKeyId::User(user) => self.users.contains(&user.0),
            DataKeyId::Credential(credential) => self.credentials.contains(&credential.0),
            DataKeyId::Day(day) => is_day_kept(day, self.today),
        }
    }
}

fn is_day_kept(day: u32, today: u32) -> bool {
    day + DAY_KEYS_KEPT >= today
}

/// The stored keys, held against whose are needed.
struct Sorting<'a> {
    needed: Needed,
    ring: &'a Keyring,
    unneeded: Vec<DataKeyId>,
    /// A needed key that cannot be read.
    unknown: Option<BootError>,
    /// How many needed keys the ring does not open, and the first key that would.
    orphans: Option<(usize, u32)>,
}

impl<'a> Sorting<'a> {
    fn new(needed: Needed, ring: &'a Keyring) -> Self {
        Self {
            needed,
            ring,
            unneeded: vec![],
            unknown: None,
            orphans: None,
        }
    }

    /// The key, if it is needed and can be read.
    fn look(&mut self, id: DataKeyId, bytes: &[u8]) -> Option<WrappedKey> {
        if !self.needed.has(id) {
            self.unneeded.push(id);
            return None;
        }
        let Some(wrapped) = WrappedKey::from_bytes(bytes) else {
            let scheme = bytes.first().copied().unwrap_or_default();
            self.unknown
                .get_or_insert(BootError::UnknownScheme { id, scheme });
            return None;
        };
        if self.ring.get(Purpose::UserWrap, wrapped.wrapped_by()).is_none() {
            let (count, _) = self.orphans.get_or_insert((0, wrapped.wrapped_by().0));
            *count += 1;
        }
        Some(wrapped)
    }

    /// Those that nobody needs, unless something is wrong with the others.
    fn finish(self) -> Result<Vec<DataKeyId>, BootError> {
        if let Some(fault) = self.unknown {
            return Err(fault);
        }
        match self.orphans {
            Some((keys, first)) => Err(BootError::KeyringTooOld { keys, first }),
            None => Ok(self.unneeded),
        }
    }
}

/// Brings all keys that are needed into the vault, and destroys the others; says how many those were.
pub(super) fn load(
    store: &mut dyn Store,
    vault: &Vault,
    state: &State,
    today: u32,
) -> Result<usize, BootError> {
    let mut needed = Needed {
        today,
        ..Needed::default()
    };
    for (id, user) in &state.users {
        needed.add(*id, user);
    }
    let ring = vault.keyring().current();
    let mut sorting = Sorting::new(needed, &ring);
    store.data_keys(&mut |id, bytes| {
        if let Some(wrapped) = sorting.look(id, bytes) {
            vault.insert(id, wrapped);
        }
    })?;
    let doomed = sorting.finish()?;
    for some in doomed.chunks(DESTROYED_AT_ONCE) {
        store.destroy_keys(some)?;
    }
    Ok(doomed.len())
}

/// Looks at some keys before a start goes on from a snapshot, so that a keyring of another time is refused at once.
/// Wrapping anew goes in the order of stored names, so the first users' keys are under the newest wrapping key.
pub(super) fn probe(vault: &Vault, reader: &dyn Reader, state: &State) -> Result<(), BootError> {
    let ring = vault.keyring().current();
    let mut needed = Needed::default();
    for (id, user) in state.users.iter().take(PROBED_MAX) {
        needed.add(*id, user);
    }
    let mut sorting = Sorting::new(needed, &ring);
    for (id, _) in state.users.iter().take(PROBED_MAX) {
        let id = DataKeyId::User(*id);
        if let Some(bytes) = reader.data_key(id)? {
            sorting.look(id, &bytes);
        }
    }
    sorting.finish().map(drop)
}

/// Has the vault ask the store for what is not there yet, but for the keys of those who were erased and of old days.
pub(super) fn expect(vault: &Vault, reader: &Arc<dyn Reader>, state: &State, today: u32) {
    let gone = state.erased.keys().copied().map(DataKeyId::User).collect();
    let reader = Arc::clone(reader);
    let source = move |id| match id {
        DataKeyId::Day(day) if !is_day_kept(day, today) => None,
        DataKeyId::Day(_) | DataKeyId::User(_) | DataKeyId::Credential(_) => reader
            .data_key(id)
            .inspect_err(|error| tracing::error!(%error, "a data key could not be read"))
            .ok()
            .flatten()
            .and_then(|bytes| WrappedKey::from_bytes(&bytes)),
    };
    vault.expect(Box::new(source), gone);
}

/// The thread that brings keys that were left for later; the writer has it, because it reads the writer's store.
pub(super) struct Coming {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Coming {
    /// Begins, if keys are expected.
    pub(super) fn begin(shared: &Arc<Shared>, today: u32) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (owned, stopped) = (Arc::clone(shared), Arc::clone(&stop));
        let bring = move || {
            if let Err(error) = bring(&owned, today, &stopped) {
                // A start without a snapshot would not have begun.
                owned.fail(&error.to_string());
            }
        };
        let thread = if shared.vault.is_whole() {
            None
        } else {
            let thread = std::thread::Builder::new().name("data keys".to_owned());
            Some(thread.spawn(bring)?)
        };
        Ok(Self { stop, thread })
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was printed where it happened; the next start brings the keys again.
            let _ = thread.join();
        }
    }
}

/// Whoever came to be after the look at their part of the table has had their keys brought by the writer: so a key that
/// is neither known to be needed nor in the vault is nobody's.
fn bring(shared: &Shared, today: u32, stop: &AtomicBool) -> Result<(), BootError> {
    let mut needed = Needed {
        today,
        ..Needed::default()
    };
    // A few users a look, and with room for all, because the writer may wait for each.
    let users = {
        let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
        state.users.len()
    };
    needed.users.reserve(users);
    needed.credentials.reserve(users);
    for part in 0..IdTable::<UserId, Box<User>>::SHARDS {
        let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
        for (id, user) in state.users.shard(part) {
            needed.add(*id, user);
        }
    }
    // From here on nobody waits for this thread.
    priority::step_back();
    let ring = shared.keyring.current();
    let mut sorting = Sorting::new(needed, &ring);
    shared.reader.data_keys(&mut |id, bytes| {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if let Some(wrapped) = sorting.look(id, bytes) {
            shared.vault.arrive(id, wrapped);
        }
    })?;
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    let unneeded = sorting.finish()?;
    let count = unneeded.len();
    shared
        .outlived
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(unneeded);
    shared.vault.complete();
    tracing::debug!(
        keys = shared.vault.len(),
        unneeded = count,
        "the data keys are read"
    );
    Ok(())
}
