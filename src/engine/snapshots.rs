//! Snapshots of a running ledger: live state is written piece by piece while the writer goes on.
//!
//! Between two groups of the writer a moment is chosen. From then on the writer keeps what it changes as it was at that
//! moment ([`Preserved`]), until it is written; so the file holds that moment, nobody waits for longer than a piece takes, and no
//! second state is needed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::{Durable, Engine, Shared};
use crate::crypto::{KeyId, Purpose};
use crate::domain::{Preserved, Small, State};
use crate::ledger::snapshot::{Found, Halt, SnapshotFault, SnapshotHead, Source, Wanted};
use crate::ledger::{Frontier, Reader, Shelf};
use crate::types::{AddressId, IdTable, Position, Tag, UserId};

/// Events since the newest snapshot for which a stop takes another: folding fewer takes no longer than reading them.
const WORTH_IT: u64 = 10_000;

/// Why no snapshot was taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotTrouble {
    /// It could not be written.
    #[error("the snapshot could not be written: {0}")]
    File(SnapshotFault),
    /// Somebody asked to stop.
    #[error("the snapshot was given up, because the server stops")]
    Stopped,
}

impl From<SnapshotFault> for SnapshotTrouble {
    fn from(fault: SnapshotFault) -> Self {
        if matches!(fault, SnapshotFault::Halted(Halt::Stopped)) {
            Self::Stopped
        } else {
            Self::File(fault)
        }
    }
}

/// A snapshot that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Its file.
    pub path: PathBuf,
    /// The position it was taken at.
    pub at: Position,
    /// Events since the one before.
    pub events: u64,
}

/// The first wanted snapshot that is of use; tells of those that are not.
pub(super) fn newest(shelf: &Shelf, reader: &dyn Reader, wanted: Wanted) -> Option<Found> {
    let (found, skipped) = shelf.find(reader, wanted);
    for skipped in skipped {
        tracing::warn!("{skipped}");
    }
    found
}

/// Where snapshots of a running ledger go, and how often. Cheap to copy.
#[derive(Clone, Debug)]
pub struct Snapshots {
    shelf: Shelf,
    every: NonZeroU64,
}

impl Snapshots {
    /// One after each so many events, in that folder.
    pub fn new(shelf: Shelf, every: NonZeroU64) -> Self {
        Self { shelf, every }
    }

    /// The folder.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Events between two.
    pub fn every(&self) -> u64 {
        self.every.get()
    }

    /// Where the newest was taken; the beginning if there is none.
    pub fn newest(&self) -> Position {
        self.shelf
            .files()
            .first()
            .map_or(Position(0), |(position, _)| *position)
    }

    /// Takes one of what is durable now, beside the writer. Blocks; memory: what changes before it is written, at most
    /// [`Preserved::KEPT_MAX`] entries. `None` if another one is being taken.
    pub fn take(&self, engine: &Engine, stop: &AtomicBool) -> Result<Option<Taken>, SnapshotTrouble> {
        loop {
            let shared = Arc::clone(&engine.shared);
            let moment = engine
                .on_writer(|_| Ok(Moment::mark(shared)))
                .map_err(|_| SnapshotTrouble::Stopped)?;
            let Some(moment) = moment else {
                return Ok(None);
            };
            match self.put(moment, stop) {
                // Keys are replaced so seldom that it does not happen to the next one too.
                Err(SnapshotTrouble::File(SnapshotFault::Halted(Halt::Rekeyed))) => {}
                taken => return taken.map(Some),
            }
        }
    }

    /// Takes one of what there is after the writer has stopped, if enough happened since the newest to be worth it.
    pub fn take_last(&self, engine: &Engine) -> Result<Option<Taken>, SnapshotTrouble> {
        let events = engine.head().next.0.saturating_sub(self.newest().0);
        if events < WORTH_IT.min(self.every()) {
            return Ok(None);
        }
        Moment::mark(Arc::clone(&engine.shared))
            .map(|moment| self.put(moment, &AtomicBool::new(false)))
            .transpose()
    }

    fn put(&self, moment: Moment, stop: &AtomicBool) -> Result<Taken, SnapshotTrouble> {
        let Moment { durable, small, .. } = &moment;
        let at = durable.head;
        let events = at.next.0.saturating_sub(self.newest().0);
        let head = SnapshotHead {
            ledger: moment.shared.reader.ledger_id(),
            at,
            root: durable.tree.root(),
            epoch: small.epoch.number,
            time: small.last_time,
            lookup_key: moment.key.0,
        };
        let path = self.shelf.put(&head, &mut Live { moment, stop })?;
        Ok(Taken {
            path,
            at: at.next,
            events,
        })
    }
}

/// The moment that a snapshot is of. While it is there the writer keeps what it changes; one at a time.
struct Moment {
    shared: Arc<Shared>,
    durable: Durable,
    small: Small,
    /// Of the look-up tables.
    key: KeyId,
}

impl Moment {
    /// Chooses this moment, in which nothing may be half written: on the writer, or after it has stopped. `None` while
    /// there is another one.
    fn mark(shared: Arc<Shared>) -> Option<Self> {
        let small = {
            let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
            let mut past = shared.past();
            if past.is_some() {
                return None;
            }
            *past = Some(Preserved::default());
            state.small.clone()
        };
        let durable = shared.durable().clone();
        let key = shared.keyring.current().active(Purpose::Lookup).0;
        Some(Self {
            shared,
            durable,
            small,
            key,
        })
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        // What was kept goes after the lock, for which the writer may wait.
        let kept = self.shared.past().take();
        drop(kept);
    }
}

/// Live state, which shows that moment.
struct Live<'s> {
    moment: Moment,
    stop: &'s AtomicBool,
}

impl Live<'_> {
    /// Whether the look-up tables are still those of the key; asked while they are held.
    fn is_of_one_key(&self) -> Result<(), Halt> {
        let Moment { shared, key, .. } = &self.moment;
        if shared.keyring.current().active(Purpose::Lookup).0 == *key {
            Ok(())
        } else {
            Err(Halt::Rekeyed)
        }
    }

    fn goes_on(&self) -> Result<(), Halt> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Halt::Stopped)
        } else {
            Ok(())
        }
    }
}

impl Source for Live<'_> {
    fn small(&self) -> &Small {
        &self.moment.small
    }

    fn tree(&self) -> &Frontier {
        &self.moment.durable.tree
    }

    fn state(&mut self, look: &mut dyn FnMut(&State, &mut Preserved)) -> Result<(), Halt> {
        self.goes_on()?;
        let shared = &self.moment.shared;
        // In the writer's order: first the state, then what it was.
        let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut past = shared.past();
        let past = past
            .as_mut()
            .filter(|past| past.is_whole())
            .ok_or(Halt::Overrun)?;
        look(&state, past);
        Ok(())
    }

    // Addresses are put there before their events are durable, and forgotten after: there may be more, never less. The
    // tables give way to those of another key only after that key is the active one.

    fn addresses(&mut self, look: &mut dyn FnMut(&IdTable<Tag, AddressId>)) -> Result<(), Halt> {
        self.goes_on()?;
        self.moment.shared.directory.look_at_addresses(|table| {
            self.is_of_one_key()?;
            look(table);
            Ok(())
        })
    }

    fn usernames(&mut self, look: &mut dyn FnMut(&IdTable<Tag, UserId>)) -> Result<(), Halt> {
        self.goes_on()?;
        self.moment.shared.directory.look_at_usernames(|table| {
            self.is_of_one_key()?;
            look(table);
            Ok(())
        })
    }
}
