//! The copy of a sled ledger: see `ledger/compaction.rs` for what a kill leaves.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use ::sled::Db;

use super::super::compaction::{COMPACT_DIR, Compaction};
use super::super::dir::{make_dir, sync_dir};
use super::super::durable::DurableFile;
use super::super::error::StoreError;
use super::super::frame::{self, FrameRef};
use super::super::keys::{FORMAT, Key, MetaName};
use super::super::store::{Head, Reader, Store};
use super::super::walk::ChainWalk;
use super::open::open_database;
use super::{LEDGER_DIR, Live, Shared, frame_key, guarded};
use crate::types::{DataKeyId, Position};

/// Bytes of frames or keys that are written with one flush.
const WRITTEN_AT_ONCE: usize = 2 << 20;

/// A copy that is being made.
pub(super) struct SledCompaction {
    source: Arc<Shared>,
    copy: Arc<Live>,
    dir: PathBuf,
    head: Head,
    is_cleared: bool,
}

/// Removes what a compaction left that was killed: of no use to anybody.
pub(super) fn remove_leftover(data: &Path) -> Result<Option<PathBuf>, StoreError> {
    let dir = data.join(COMPACT_DIR);
    match fs::remove_dir_all(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::File {
            doing: "remove the leftover",
            path: dir,
            source,
        }),
    }
}

impl SledCompaction {
    /// Makes the copy's database with the facts of the ledger, and its keys; from here on changes of keys are noted.
    pub(super) fn begin(source: Arc<Shared>) -> Result<Self, StoreError> {
        source.usable()?;
        source.note_touched_keys()?;
        let dir = source.data.join(COMPACT_DIR);
        let copy = remove_leftover(&source.data)
            .and_then(|_| make_dir(&dir))
            .and_then(|()| Live::make(&dir, source.cache_bytes));
        let copy = match copy {
            Ok(copy) => Arc::new(copy),
            Err(error) => {
                source.forget_touched_keys();
                return Err(error);
            }
        };
        let begun = Self {
            head: Head {
                next: Position(0),
                chain: frame::genesis(source.id),
            },
            source,
            copy,
            dir,
            is_cleared: false,
        };
        begun.copy_facts()?;
        begun.copy_keys()?;
        Ok(begun)
    }

    /// The copy's facts are the ledger's, the format last.
    fn copy_facts(&self) -> Result<(), StoreError> {
        let live = self.source.live();
        for name in [MetaName::LedgerId, MetaName::Created, MetaName::Opened] {
            let key = Key::Meta(name).to_bytes();
            if let Some(value) = guarded(|| live.db.get(&key)).map_err(damaged("format"))? {
                self.write(|db| db.insert(&key, value).map(drop))?;
            }
        }
        self.write(|db| {
            db.insert(Key::Meta(MetaName::Format).to_bytes(), FORMAT.as_slice())
                .map(drop)
        })?;
        self.copy.flush_for_sure()
    }

    fn copy_keys(&self) -> Result<(), StoreError> {
        let mut failed = None;
        let mut bytes = 0;
        self.source.data_keys(&mut |id, wrapped| {
            if failed.is_none() {
                bytes += wrapped.len();
                let mut done = self.write(|db| db.insert(Key::DataKey(id).to_bytes(), wrapped).map(drop));
                if bytes > WRITTEN_AT_ONCE {
                    bytes = 0;
                    done = done.and_then(|()| self.copy.flush_for_sure());
                }
                failed = done.err();
            }
        })?;
        failed.map_or_else(|| self.copy.flush_for_sure(), Err)
    }

    fn write(&self, write: impl FnOnce(&Db) -> ::sled::Result<()>) -> Result<(), StoreError> {
        guarded(|| write(&self.copy.db)).map_err(|cause| StoreError::Copy { cause })
    }

    /// Makes the keys that were touched meanwhile what they are in the store.
    fn copy_touched(&self, touched: &BTreeSet<[u8; DataKeyId::LEN]>) -> Result<(), StoreError> {
        let live = self.source.live();
        for id in touched.iter().filter_map(|id| DataKeyId::from_bytes(id)) {
            let key = Key::DataKey(id).to_bytes();
            match guarded(|| live.db.get(&key)).map_err(damaged("data keys"))? {
                Some(wrapped) => self.write(|db| db.insert(&key, wrapped).map(drop))?,
                None => self.write(|db| db.remove(&key).map(drop))?,
            }
        }
        Ok(())
    }

    /// Exchanges the names of the two directories; durable on `Ok`.
    fn exchange(&self) -> Result<(), StoreError> {
        let ledger = self.source.data.join(LEDGER_DIR);
        exchange(&self.dir, &ledger).map_err(|source| StoreError::File {
            doing: "exchange the copy (which needs a file system that can, such as ext4, xfs, btrfs or tmpfs) with",
            path: ledger,
            source,
        })?;
        // Without this a power cut could bring the old store back after the writer has gone on in the copy.
        sync_dir(&self.source.data).map_err(|error| StoreError::UnknownOutcome {
            cause: error.to_string(),
        })
    }
}

impl Compaction for SledCompaction {
    fn catch_up(&mut self) -> Result<Head, StoreError> {
        let mut walk = ChainWalk::after(self.head);
        let (mut failed, mut bytes) = (None, 0);
        self.source.scan(self.head.next, &mut |frame| {
            let step = walk.step(frame.first, frame.bytes).map(drop);
            let written = step
                .and_then(|()| self.write(|db| db.insert(Key::frame(frame.first), frame.bytes).map(drop)));
            bytes += frame.bytes.len();
            let flushed = written.and_then(|()| {
                if bytes > WRITTEN_AT_ONCE {
                    bytes = 0;
                    self.copy.flush_for_sure()
                } else {
                    Ok(())
                }
            });
            failed = flushed.err();
            if failed.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.copy.flush_for_sure()?;
        self.head = walk.head();
        Ok(self.head)
    }

    fn scan_copy(
        &self,
        after: Option<Head>,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut walk = ChainWalk::after(after.unwrap_or(Head {
            next: Position(0),
            chain: frame::genesis(self.source.id),
        }));
        if walk.due() >= self.head.next {
            return Ok(());
        }
        let bounds = (
            Bound::Included(Key::frame(walk.due())),
            Bound::Excluded(Key::frame(self.head.next)),
        );
        let mut frames = self.copy.db.range(bounds);
        while let Some((key, value)) =
            guarded(|| frames.next().transpose()).map_err(|cause| StoreError::Copy { cause })?
        {
            let frame = walk.step(frame_key(&key)?, &value)?;
            if visit(&frame).is_break() {
                return Ok(());
            }
        }
        if walk.head() == self.head {
            Ok(())
        } else {
            Err(StoreError::Ended {
                reached: walk.due(),
                head: self.head.next,
            })
        }
    }

    fn prove_keys(&mut self) -> Result<(), StoreError> {
        let mut differing = BTreeSet::new();
        let live = self.source.live();
        for (from, to) in [(&live.db, &self.copy.db), (&self.copy.db, &live.db)] {
            let mut keys = from.scan_prefix([Key::DATA_KEY]);
            while let Some((key, wrapped)) =
                guarded(|| keys.next().transpose()).map_err(damaged("data keys"))?
            {
                if guarded(|| to.get(&key)).map_err(damaged("data keys"))? != Some(wrapped) {
                    differing.insert(key[1..].to_vec());
                }
            }
        }
        let touched = self.source.touched();
        let is_touched = |id: &[u8]| {
            let id = <[u8; DataKeyId::LEN]>::try_from(id);
            id.is_ok_and(|id| touched.as_ref().is_some_and(|touched| touched.contains(&id)))
        };
        match differing.iter().find(|id| !is_touched(id.as_slice())) {
            None => Ok(()),
            Some(_) => Err(StoreError::Copy {
                cause: "a data key in it is another one".to_owned(),
            }),
        }
    }

    fn finish(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        self.source.usable()?;
        let end = self.catch_up()?;
        let touched = self.source.touched().clone().unwrap_or_default();
        self.copy_touched(&touched)?;
        self.copy.flush_for_sure()?;
        if store.ledger_id() != self.source.id || end != store.head() {
            return Err(StoreError::Copy {
                cause: "it does not end where the ledger ends".to_owned(),
            });
        }
        if let Err(error) = self.exchange() {
            if matches!(error, StoreError::UnknownOutcome { .. }) {
                // Either directory may be the ledger after a power cut: both stay until an opening has seen which.
                self.is_cleared = true;
                self.source.poison();
            }
            return Err(error);
        }
        self.source.go_on_in(Arc::clone(&self.copy));
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.is_cleared = true;
        self.source.forget_touched_keys();
        // Readers that are at it keep what they read: its files live until they are closed.
        remove_leftover(&self.source.data).map(drop)
    }
}

impl Drop for SledCompaction {
    fn drop(&mut self) {
        if !self.is_cleared {
            // What cannot be removed now is removed by the next opening.
            let _ = self.clear();
        }
    }
}

impl Shared {
    /// The database as it is now.
    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on in another database that holds the same.
    fn go_on_in(&self, copy: Arc<Live>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    /// Nobody knows what is on the disk: nothing may be written or read any more.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// Notes that data keys are about to change, for a compaction that is at it.
    pub(super) fn touch(&self, keys: impl Iterator<Item = DataKeyId>) {
        if let Some(touched) = &mut *self.touched() {
            touched.extend(keys.map(DataKeyId::to_bytes));
        }
    }

    fn touched(&self) -> MutexGuard<'_, Option<BTreeSet<[u8; DataKeyId::LEN]>>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to note which keys change; refuses if a compaction is at it already.
    fn note_touched_keys(&self) -> Result<(), StoreError> {
        let mut touched = self.touched();
        if touched.is_some() {
            return Err(StoreError::Compacting);
        }
        *touched = Some(BTreeSet::new());
        Ok(())
    }

    fn forget_touched_keys(&self) {
        *self.touched() = None;
    }
}

impl Live {
    /// A new database.
    fn make(dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let path = dir.join("db");
        let file = DurableFile::open(&path).map_err(|source| StoreError::File {
            doing: "open the database file",
            path,
            source,
        })?;
        let db = open_database(dir, cache_bytes)?;
        for dir in [Some(dir), dir.parent()].into_iter().flatten() {
            sync_dir(dir)?;
        }
        Ok(Self { db, file })
    }

    /// Makes durable what was written, through sled and our own descriptor.
    fn flush_for_sure(&self) -> Result<(), StoreError> {
        guarded(|| self.db.flush().map(drop))
            .and_then(|()| self.file.sync().map_err(|error| error.to_string()))
            .map_err(|cause| StoreError::Copy { cause })
    }
}

fn damaged(what: &'static str) -> impl Fn(String) -> StoreError {
    move |cause| StoreError::Damaged { what, cause }
}

#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
