//! Snapshots of a running ledger, taken beside the writer: what is live is never stopped for one.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::fold::{Folded, fold_until};
use super::{Durable, Engine};
use crate::crypto::{KeyId, Purpose};
use crate::ledger::codec::CodecFault;
use crate::ledger::snapshot::{Contents, Found, Lookups, SnapshotFault, SnapshotHead, View, Wanted};
use crate::ledger::{Head, Reader, ReplayError, Shelf};
use crate::types::Position;

/// Events since the newest snapshot for which a stop takes another: folding fewer takes no longer than reading them.
const WORTH_IT: u64 = 10_000;

/// Why no snapshot was taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotTrouble {
    /// It could not be written.
    #[error("the snapshot could not be written: {0}")]
    File(#[from] SnapshotFault),
    /// The ledger could not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError<CodecFault>),
    /// Somebody asked to stop.
    #[error("the snapshot was given up, because the server stops")]
    Stopped,
    /// Events that belong to one command were found apart.
    #[error("the state at position {0} was not reached: this is a bug, please report it")]
    Missed(Position),
}

/// A snapshot that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Its file.
    pub path: PathBuf,
    /// The position it was taken at.
    pub at: Position,
    /// Events that were folded for it.
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
    /// Held by whoever takes one.
    taking: Arc<Mutex<()>>,
}

impl Snapshots {
    /// One after each so many events, in that folder.
    pub fn new(shelf: Shelf, every: NonZeroU64) -> Self {
        Self {
            shelf,
            every,
            taking: Arc::default(),
        }
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

    /// Takes one at what is durable now, from the newest one and the events since. It blocks, and holds a second state
    /// while it works; what is live is not touched. `None` if another one is being taken.
    pub fn take(&self, engine: &Engine, stop: &AtomicBool) -> Result<Option<Taken>, SnapshotTrouble> {
        let Ok(_alone) = self.taking.try_lock() else {
            return Ok(None);
        };
        let reader = &**engine.reader();
        let at = engine.head();
        // Copied after the head is known: it has at least what was durable then.
        let (lookups, key) = lookups(engine);
        let found = newest(&self.shelf, reader, Wanted::Until(at.next));
        let (state, tree) = found.map_or_else(Default::default, |found| {
            let Contents { state, tree, .. } = found.contents;
            (state, tree)
        });
        let is_over = |position| position >= at.next || stop.load(Ordering::Relaxed);
        let folded = fold_until(reader, state, tree, &|header| is_over(header.position))?;
        if stop.load(Ordering::Relaxed) {
            return Err(SnapshotTrouble::Stopped);
        }
        let Folded {
            state, tree, events, ..
        } = folded;
        let view = View {
            state: &state,
            tree: &tree,
            lookups: &lookups,
        };
        self.put(engine, (at, key), &view, events).map(Some)
    }

    /// Takes one of the live state, after the writer has stopped, if enough happened since the newest to be worth it.
    pub fn take_last(&self, engine: &Engine) -> Result<Option<Taken>, SnapshotTrouble> {
        let Durable { head, tree } = engine.durable();
        let events = head.next.0.saturating_sub(self.newest().0);
        if events < WORTH_IT.min(self.every()) {
            return Ok(None);
        }
        let Ok(_alone) = self.taking.try_lock() else {
            return Ok(None);
        };
        let (lookups, key) = lookups(engine);
        engine.read(|state| {
            let view = View {
                state,
                tree: &tree,
                lookups: &lookups,
            };
            self.put(engine, (head, key), &view, events).map(Some)
        })
    }

    fn put(
        &self,
        engine: &Engine,
        (at, key): (Head, KeyId),
        view: &View<'_>,
        events: u64,
    ) -> Result<Taken, SnapshotTrouble> {
        if view.state.next() != at.next {
            return Err(SnapshotTrouble::Missed(at.next));
        }
        let head = SnapshotHead {
            ledger: engine.reader().ledger_id(),
            at,
            root: view.tree.root(),
            epoch: view.state.epoch().number,
            time: view.state.last_time(),
            lookup_key: key.0,
        };
        let path = self.shelf.put(&head, view)?;
        Ok(Taken {
            path,
            at: at.next,
            events,
        })
    }
}

/// A copy of the look-up tables that is whole under one key, and that key.
fn lookups(engine: &Engine) -> (Lookups, KeyId) {
    let active = || engine.keyring().current().active(Purpose::Lookup).0;
    loop {
        let key = active();
        let lookups = engine.directory().copy();
        // Another key may have taken its place meanwhile, and then part of the copy was made under that one.
        if active() == key {
            return (lookups, key);
        }
    }
}
