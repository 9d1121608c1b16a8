//! The ledger in sled 0.34: the only file that knows it.
//!
//! One tree with prefixed keys (`keys.rs`), plain inserts in order and one flush a commit: sled's log keeps the order of
//! one thread's inserts, so a crash leaves a prefix, and the end marks of commands make a prefix good enough.
//! (`apply_batch` would make it atomic at the price of a second device flush.)
//!
//! What is done round sled, because it was met in practice:
//! * its flush is no fsync on Linux: `durable.rs`;
//! * a process killed while opening leaves `snap.*.generating`, at which every later open fails: removed before;
//! * opening a damaged file can panic: caught;
//! * pages over 128 KiB spill into files that are never synced: no value is over 4 KiB, a page has at most 16;
//! * a closed database stays locked for a moment by its own threads: opening tries again for two seconds;
//! * without its background flusher it collects no garbage: left on.
//!
//! A tail that was torn by a power loss is cut by sled silently: that the ledger lost more than unacknowledged records
//! is told by the anchor (`anchor.rs`), and a flipped byte by the chain.

mod compaction;
mod open;

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use ::sled::{Db, IVec};

use self::compaction::SledCompaction;
use self::open::{created, know_or_make, open_database, probe, read_head};
use super::compaction::Compaction;
use super::dir::{make_dir, refuse_foreign_files, remove_leftovers, size_of, sync_dir};
use super::durable::DurableFile;
use super::error::StoreError;
use super::frame::{self, FrameRef};
use super::keys::{Key, MetaName};
use super::lock::DirLock;
use super::store::{Batch, Chain, Head, LedgerId, Reader, Store, check_keys};
use super::walk::{ChainWalk, plan_cut};
use super::watch::{self, CommitWatch, OnStall};
use crate::types::{DataKeyId, Position, Timestamp};

/// The database's directory within the data directory.
pub const LEDGER_DIR: &str = "ledger";
/// What a frame of one request of a stranger takes, about.
const REHEARSED_BYTES: usize = 384;

/// How to open a ledger.
pub struct SledOptions<'a> {
    /// The data directory; made (mode 0700) if it is not there.
    pub dir: &'a Path,
    /// What the lock file tells others about us: `keyledger serve`.
    pub command: &'a str,
    /// The time, for the lock file and the database's own facts.
    pub now: Timestamp,
    /// The id that the ledger gets if it is made now: 16 random bytes.
    pub fresh_id: LedgerId,
    /// sled's page cache in bytes; expect twice as much resident memory.
    pub cache_bytes: u64,
    /// How long a commit may take before `on_stall`.
    pub commit_limit: Duration,
    /// What to do then.
    pub on_stall: OnStall,
}

/// A ledger in sled, open for writing; the data directory is locked until it and its last reader are gone.
pub struct SledStore {
    shared: Arc<Shared>,
    watch: CommitWatch,
    opened: Opened,
    /// What [`Store::rehearse`] wrote last; new each time, because sled writes nothing for a value that is there.
    rehearsal: u64,
}

/// What opening found and did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Whether the ledger was there before.
    pub origin: Origin,
    /// When the ledger was made.
    pub created: Timestamp,
    /// Files that an interrupted start had left behind; they are gone.
    pub leftovers: Vec<PathBuf>,
    /// How commits are made durable.
    pub flush: FlushPath,
}

/// Whether a ledger was there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It was made by this opening.
    Created,
    /// It was there.
    Found,
}

/// How a commit becomes durable; both are one real fdatasync of our own descriptor, at least.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushPath {
    /// Within sled's flush: the program's `sync_file_range` was seen at work.
    Interposed,
    /// After sled's flush.
    OwnDescriptor,
}

/// Fields drop in this order: sled flushes and closes first, the lock goes last.
struct Shared {
    /// A compaction puts another database here; who reads meanwhile keeps the one it reads.
    live: RwLock<Arc<Live>>,
    data: PathBuf,
    cache_bytes: u64,
    /// Data keys that were written or destroyed since a compaction began; none while there is none.
    touched: Mutex<Option<BTreeSet<[u8; DataKeyId::LEN]>>>,
    id: LedgerId,
    head: RwLock<Head>,
    poisoned: AtomicBool,
    _lock: DirLock,
}

/// A database, and our own descriptor of its file.
struct Live {
    db: Db,
    file: Arc<DurableFile>,
}

impl<'a> SledOptions<'a> {
    /// Options with 64 MiB of cache and a watchdog that ends the process after 30 seconds.
    pub fn new(dir: &'a Path, command: &'a str, now: Timestamp, fresh_id: LedgerId) -> Self {
        Self {
            dir,
            command,
            now,
            fresh_id,
            cache_bytes: 64 << 20,
            commit_limit: watch::COMMIT_LIMIT,
            on_stall: Box::new(watch::end_process),
        }
    }
}

impl SledStore {
    /// Opens the ledger of a data directory, or makes it. Frames are proven by [`super::replay()`], not here.
    pub fn open(options: SledOptions<'_>) -> Result<Self, StoreError> {
        let dir = options.dir.join(LEDGER_DIR);
        make_dir(options.dir)?;
        let lock = DirLock::take(options.dir, options.command, options.now)?;
        make_dir(&dir)?;
        refuse_foreign_files(&dir)?;
        let mut leftovers = remove_leftovers(&dir)?;
        leftovers.extend(compaction::remove_leftover(options.dir)?);
        let path = dir.join("db");
        let file = DurableFile::open(&path).map_err(|source| StoreError::File {
            doing: "open the database file",
            path,
            source,
        })?;
        let db = open_database(&dir, options.cache_bytes)?;
        let (origin, id) = know_or_make(&db, &dir, &options)?;
        let flush = probe(&db, &file, options.now)?;
        for dir in [Some(dir.as_path()), Some(options.dir), options.dir.parent()]
            .into_iter()
            .flatten()
        {
            sync_dir(dir)?;
        }
        let created = created(&db)?;
        let rehearsal = options.now.0.cast_unsigned();
        let head = read_head(&db, id)?;
        let watch = CommitWatch::start(options.commit_limit, options.on_stall).map_err(|source| {
            StoreError::File {
                doing: "start the watchdog of",
                path: dir,
                source,
            }
        })?;
        let shared = Shared {
            live: RwLock::new(Arc::new(Live { db, file })),
            data: options.dir.to_owned(),
            cache_bytes: options.cache_bytes,
            touched: Mutex::default(),
            id,
            head: RwLock::new(head),
            poisoned: AtomicBool::new(false),
            _lock: lock,
        };
        Ok(Self {
            shared: Arc::new(shared),
            watch,
            opened: Opened {
                origin,
                created,
                leftovers,
                flush,
            },
            rehearsal,
        })
    }

    /// What opening found and did.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Our own descriptor of the database file, with its counts of fsyncs.
    pub fn durable_file(&self) -> Arc<DurableFile> {
        Arc::clone(&self.shared.live().file)
    }

    /// Stores frames that a store of the same ledger held, verbatim; each must follow the one before, or nothing is
    /// written. Durable on `Ok`. What restoring runs.
    pub fn adopt(&mut self, frames: &[Vec<u8>]) -> Result<Head, StoreError> {
        self.shared.usable()?;
        let mut walk = ChainWalk::after(self.shared.head());
        let mut firsts = Vec::with_capacity(frames.len());
        for frame in frames {
            let first = walk.due();
            walk.step(first, frame)?;
            firsts.push(first);
        }
        self.commit(|db| {
            let mut places = firsts.into_iter().zip(frames);
            places.try_for_each(|(first, frame)| db.insert(Key::frame(first), frame.as_slice()).map(drop))
        })?;
        Ok(self.publish(walk.head()))
    }

    /// Writes, flushes, and returns `Ok` only when the disk has it. Anything else poisons the store.
    fn commit(&mut self, write: impl FnOnce(&Db) -> ::sled::Result<()>) -> Result<(), StoreError> {
        let _watched = self.watch.commit();
        let live = self.shared.live();
        let before = live.file.synced_for_sled();
        let outcome = guarded(|| write(&live.db).and_then(|()| live.db.flush().map(drop))).and_then(|()| {
            // With the symbol in place the flush has synced; a count that stands still would mean that it did not.
            if self.opened.flush == FlushPath::OwnDescriptor || live.file.synced_for_sled() == before {
                live.file.sync().map_err(|error| error.to_string())?;
            }
            if live.file.failed() {
                Err("an fdatasync of the database file failed".to_owned())
            } else {
                Ok(())
            }
        });
        outcome.map_err(|cause| {
            self.shared.poison();
            StoreError::UnknownOutcome { cause }
        })
    }

    fn publish(&self, head: Head) -> Head {
        *self.shared.head.write().unwrap_or_else(PoisonError::into_inner) = head;
        head
    }
}

impl Store for SledStore {
    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.shared) as Arc<dyn Reader>
    }

    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError> {
        self.shared.usable()?;
        let head = self.shared.head();
        if head.next != expected {
            return Err(StoreError::Conflict {
                expected,
                actual: head.next,
            });
        }
        batch.check(expected).map_err(StoreError::Batch)?;
        let frames = frame::pack(batch.epoch, batch.id, head.next, head.chain, &batch.records)
            .map_err(|fault| StoreError::Batch(super::error::BatchFault::Frame(fault)))?;
        let head = frames.last().map_or(head, |last| Head {
            next: last.next,
            chain: last.chain,
        });
        self.shared.touch(batch.keys.iter().map(|(id, _)| *id));
        self.commit(|db| {
            insert_keys(db, &batch.keys)?;
            for frame in frames {
                db.insert(Key::frame(frame.first), frame.bytes)?;
            }
            Ok(())
        })?;
        Ok(self.publish(head))
    }

    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError> {
        self.shared.usable()?;
        check_keys(keys).map_err(StoreError::Batch)?;
        self.shared.touch(keys.iter().map(|(id, _)| *id));
        self.commit(|db| insert_keys(db, keys))
    }

    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError> {
        self.shared.usable()?;
        self.shared.touch(keys.iter().copied());
        self.commit(|db| {
            keys.iter()
                .try_for_each(|id| db.remove(Key::DataKey(*id).to_bytes()).map(drop))
        })
    }

    fn rehearse(&mut self) -> Result<(), StoreError> {
        self.shared.usable()?;
        self.rehearsal = self.rehearsal.wrapping_add(1);
        let mut value = [0; REHEARSED_BYTES];
        value[..8].copy_from_slice(&self.rehearsal.to_be_bytes());
        self.commit(|db| {
            db.insert(Key::Meta(MetaName::Rehearsed).to_bytes(), &value[..])
                .map(drop)
        })
    }

    fn cut(&mut self, from: Position) -> Result<Head, StoreError> {
        self.shared.usable()?;
        if from == self.shared.head().next {
            return Ok(self.shared.head());
        }
        let plan = plan_cut(&*self.shared, from)?;
        // Readers must not look for what is about to go.
        self.publish(plan.head);
        self.commit(|db| {
            for position in plan.remove {
                db.remove(Key::frame(position))?;
            }
            if let Some(frame) = plan.shorten {
                db.insert(Key::frame(frame.first), frame.bytes)?;
            }
            Ok(())
        })?;
        Ok(plan.head)
    }
}

impl Shared {
    fn usable(&self) -> Result<(), StoreError> {
        if self.poisoned.load(Ordering::Acquire) || self.live().file.failed() {
            Err(StoreError::Poisoned)
        } else {
            Ok(())
        }
    }

    /// The last stored frame that begins before `end`.
    fn last_before(&self, end: Position) -> Result<Option<(Position, IVec)>, StoreError> {
        let bounds = (
            Bound::Included(Key::frame(Position(0))),
            Bound::Excluded(Key::frame(end)),
        );
        let live = self.live();
        guarded(|| live.db.range(bounds).next_back().transpose())
            .map_err(|cause| StoreError::Unreadable { position: end, cause })?
            .map(|(key, value)| Ok((frame_key(&key)?, value)))
            .transpose()
    }
}

impl Reader for Shared {
    fn ledger_id(&self) -> LedgerId {
        self.id
    }

    fn head(&self) -> Head {
        *self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain_at(&self, next: Position) -> Result<Option<Chain>, StoreError> {
        self.usable()?;
        if next == Position(0) {
            return Ok(Some(frame::genesis(self.id)));
        }
        if next > self.head().next {
            return Ok(None);
        }
        let Some((position, value)) = self.last_before(next)? else {
            return Ok(None);
        };
        let frame = FrameRef::decode(&value).map_err(|fault| StoreError::Frame { position, fault })?;
        Ok((frame.next == next).then_some(frame.chain))
    }

    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.usable()?;
        let head = self.head();
        if from >= head.next {
            return if from == head.next {
                Ok(())
            } else {
                Err(StoreError::Beyond {
                    asked: from,
                    next: head.next,
                })
            };
        }
        let first = self
            .last_before(from.next())?
            .map_or(Position(0), |(first, _)| first);
        let chain = self
            .chain_at(first)?
            .ok_or(StoreError::Chain { position: first })?;
        let mut walk = ChainWalk::after(Head { next: first, chain });
        let live = self.live();
        let mut frames = live.db.range(Key::frame(first)..Key::frame(head.next));
        while let Some((key, value)) =
            guarded(|| frames.next().transpose()).map_err(|cause| StoreError::Unreadable {
                position: walk.due(),
                cause,
            })?
        {
            let frame = walk.step(frame_key(&key)?, &value)?;
            if visit(&frame).is_break() {
                return Ok(());
            }
        }
        if walk.due() == head.next {
            Ok(())
        } else {
            Err(StoreError::Ended {
                reached: walk.due(),
                head: head.next,
            })
        }
    }

    fn data_key(&self, id: DataKeyId) -> Result<Option<Vec<u8>>, StoreError> {
        self.usable()?;
        guarded(|| self.live().db.get(Key::DataKey(id).to_bytes()))
            .map(|wrapped| wrapped.map(|wrapped| wrapped.to_vec()))
            .map_err(|cause| StoreError::Damaged {
                what: "data keys",
                cause,
            })
    }

    fn data_keys(&self, visit: &mut dyn FnMut(DataKeyId, &[u8])) -> Result<(), StoreError> {
        self.usable()?;
        let damaged = |cause| StoreError::Damaged {
            what: "data keys",
            cause,
        };
        let live = self.live();
        let mut keys = live.db.scan_prefix([Key::DATA_KEY]);
        while let Some((key, wrapped)) = guarded(|| keys.next().transpose()).map_err(damaged)? {
            match Key::from_bytes(&key) {
                Some(Key::DataKey(id)) => visit(id, &wrapped),
                Some(Key::Frame(_) | Key::Meta(_)) | None => {
                    return Err(damaged("a key of an unknown form".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.usable()?;
        // Not sled's own count, which looks where the database was when it was opened.
        size_of(&self.data.join(LEDGER_DIR))
    }

    fn compaction(self: Arc<Self>) -> Result<Option<Box<dyn Compaction>>, StoreError> {
        Ok(Some(Box::new(SledCompaction::begin(self)?)))
    }
}

/// Runs a call into sled, whose answer to damaged files may be a panic.
fn guarded<T>(call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(format!("the database panicked: {said}"))
        }
    }
}

fn insert_keys(db: &Db, keys: &[(DataKeyId, Vec<u8>)]) -> ::sled::Result<()> {
    keys.iter().try_for_each(|(id, wrapped)| {
        db.insert(Key::DataKey(*id).to_bytes(), wrapped.as_slice())
            .map(drop)
    })
}

fn frame_key(bytes: &[u8]) -> Result<Position, StoreError> {
    match Key::from_bytes(bytes) {
        Some(Key::Frame(position)) => Ok(position),
        Some(Key::DataKey(_) | Key::Meta(_)) | None => Err(StoreError::Damaged {
            what: "frames",
            cause: "a key of an unknown form".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
