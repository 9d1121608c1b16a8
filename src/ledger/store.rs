//! The one trait between the writer and a disk, and its contract in words.
//!
//! Every store keeps this contract; `conformance.rs` runs one suite over all of them.
//!
//! * **Order.** Positions have no gaps and begin at 0. `append` takes the next position that the caller believes in; if
//!   it is wrong, nothing is written.
//! * **Durability.** `Ok` from a writing call means that the disk has it, through power loss. Data keys reach the disk
//!   with the batch, and before its frames: a record never waits for its key.
//! * **Crash.** A crash within a call leaves a prefix of what the call writes, in the order keys, frames; the mark on a
//!   command's last record tells a complete command from an incomplete one, and [`super::replay()`] cuts the latter.
//!   A data key whose records were cut stays behind; it opens nothing.
//! * **Failure.** After any failed write the outcome is unknown. The store then refuses everything with `Poisoned`, and
//!   only opening it anew tells what is there. Nothing is ever retried: a second fsync after a failed one may lie.
//! * **Reading.** A reader sees only what is durable. `scan` proves each frame: dense, in its place, chained to the
//!   one before.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::compaction::Compaction;
use super::error::{BatchFault, StoreError};
use super::frame::FrameRef;
use super::keys::MAX_DATA_KEY;
use super::record::{self, CommandPart};
use crate::types::{DataKeyId, Position};

/// A link of the hash chain: BLAKE3, 32 bytes.
pub type Chain = [u8; 32];
/// The random name of one ledger.
pub type LedgerId = [u8; 16];

/// The most bytes of records that one append carries: a bound, far above what group commit collects.
pub const MAX_BATCH_BYTES: usize = 4 << 20;
/// The most data keys in one append, or in one call that replaces or destroys them.
pub const MAX_BATCH_KEYS: usize = 8_192;

/// Where a ledger ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The position that the next record gets.
    pub next: Position,
    /// The chain over everything before it.
    pub chain: Chain,
}

/// What one append stores: complete commands, and the data keys that their records need.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The writer's epoch.
    pub epoch: u32,
    /// A random name of this append.
    pub id: [u8; 16],
    /// Encoded records, at the positions that they will get; the last of each command carries the end mark.
    pub records: Vec<Vec<u8>>,
    /// Wrapped data keys, 1 to 256 bytes each.
    pub keys: Vec<(DataKeyId, Vec<u8>)>,
}

/// Reads what is durable; cheap to share, and usable beside the writer.
pub trait Reader: Send + Sync {
    /// The ledger's name, given at its creation.
    fn ledger_id(&self) -> LedgerId;

    /// Where the durable part ends.
    fn head(&self) -> Head;

    /// The chain after the frame that ends just before `next`; `None` if no frame ends there. Unproven: the frame's own
    /// claim, which a scan over it proves.
    fn chain_at(&self, next: Position) -> Result<Option<Chain>, StoreError>;

    /// Shows, in order, every frame that holds `from` or a later position (the first may begin before it), each proven,
    /// until the visitor breaks or the durable part ends. The frame before the first is taken at its word.
    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// One wrapped data key; `None` if there is none, or it was destroyed.
    fn data_key(&self, id: DataKeyId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows all wrapped data keys, in the order of their stored names.
    fn data_keys(&self, visit: &mut dyn FnMut(DataKeyId, &[u8])) -> Result<(), StoreError>;

    /// Bytes that the store takes on its disk.
    fn size_on_disk(&self) -> Result<u64, StoreError>;

    /// Begins to copy the store into less space; `None` for stores that have nothing to gain.
    fn compaction(self: Arc<Self>) -> Result<Option<Box<dyn Compaction>>, StoreError> {
        Ok(None)
    }
}

/// Writes the ledger; there is one, and the writer owns it. The contract is at the top of this file.
pub trait Store: Send {
    /// A reader of this store. The store stays open, and locked, until the last reader is gone.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Stores a batch whose first record gets the position `expected`; durable on `Ok`.
    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError>;

    /// Stores or replaces wrapped data keys (a new wrapping key); durable on `Ok`.
    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError>;

    /// Forgets data keys, those that are not there too; durable on `Ok`.
    ///
    /// A log-structured store reuses the place only later, so the *wrapped* key may still be found on the raw disk for
    /// a while; rotating the wrapping key makes such remains worthless.
    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError>;

    /// Costs what an append of one short record costs, its device flush included, and leaves nothing: a place of its own
    /// is written over, so that the store does not grow. For a command whose time must not tell that it left no event.
    fn rehearse(&mut self) -> Result<(), StoreError>;

    /// Removes everything from `from` on, an unfinished tail, so that `from` is next again; durable on `Ok`. A crash
    /// within leaves a shorter tail, never a gap.
    fn cut(&mut self, from: Position) -> Result<Head, StoreError>;

    /// See [`Reader::ledger_id`].
    fn ledger_id(&self) -> LedgerId {
        self.reader().ledger_id()
    }

    /// See [`Reader::head`].
    fn head(&self) -> Head {
        self.reader().head()
    }

    /// See [`Reader::chain_at`].
    fn chain_at(&self, next: Position) -> Result<Option<Chain>, StoreError> {
        self.reader().chain_at(next)
    }

    /// See [`Reader::scan`].
    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.reader().scan(from, visit)
    }

    /// See [`Reader::data_keys`].
    fn data_keys(&self, visit: &mut dyn FnMut(DataKeyId, &[u8])) -> Result<(), StoreError> {
        self.reader().data_keys(visit)
    }

    /// See [`Reader::size_on_disk`].
    fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.reader().size_on_disk()
    }
}

impl Batch {
    /// Checks what no store may accept, because boot would refuse it: sizes, positions, whole commands.
    pub fn check(&self, expected: Position) -> Result<(), BatchFault> {
        if self.records.is_empty() {
            return Err(BatchFault::Empty);
        }
        if self.records.iter().map(Vec::len).sum::<usize>() > MAX_BATCH_BYTES {
            return Err(BatchFault::TooLarge);
        }
        let mut open = None;
        let mut place = expected;
        for (index, bytes) in self.records.iter().enumerate() {
            let (header, _) = record::decode(bytes).map_err(|fault| BatchFault::Record { index, fault })?;
            if header.position != place {
                return Err(BatchFault::Position {
                    index,
                    said: header.position,
                });
            }
            if open.is_some_and(|command| command != header.command) {
                return Err(BatchFault::Unfinished { index: index - 1 });
            }
            open = match header.part {
                CommandPart::Inner => Some(header.command),
                CommandPart::Last => None,
            };
            place = place.next();
        }
        if open.is_some() {
            return Err(BatchFault::Unfinished {
                index: self.records.len() - 1,
            });
        }
        check_keys(&self.keys)
    }
}

/// Checks number and sizes of wrapped data keys.
pub fn check_keys(keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), BatchFault> {
    if keys.len() > MAX_BATCH_KEYS {
        return Err(BatchFault::TooLarge);
    }
    match keys
        .iter()
        .find(|(_, wrapped)| wrapped.is_empty() || wrapped.len() > MAX_DATA_KEY)
    {
        Some((_, wrapped)) => Err(BatchFault::KeySize(wrapped.len())),
        None => Ok(()),
    }
}
