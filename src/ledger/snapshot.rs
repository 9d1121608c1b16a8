//! Snapshots: state as it was at one position, so that a start need not fold everything before it.
//!
//! A snapshot is never the truth: one that is damaged, foreign, or of another schema is skipped, and the events are
//! folded instead. Sealed values stay sealed in it and no key is in it, so it says nothing about a person whose key is
//! dead, and folding the events behind it ends what they end.
//!
//! | bytes | part | |
//! |---|---|---|
//! | 8 | magic | `KLSNAP`, two zeros |
//! | 2 | layout u16 | 1: this table |
//! | 2 | schema u16 | of the forms in the chunks, `snapshot/forms.rs` |
//! | 16 | ledger id | |
//! | 8 | position u64 | the next event at that time; a frame and a command end before it |
//! | 32 | chain | over everything before |
//! | 32 | root | of the Merkle tree over everything before |
//! | 4 | epoch u32 | |
//! | 8 | time i64 | of the last event, microseconds since 1970 |
//! | 4 | key u32 | that the look-up tables were made with |
//! | | chunks | some entries of one table each, in the order of their keys: count u32, entries |
//! | | index | of each chunk: table u8, length u32, BLAKE3 32 B |
//! | 4 | chunks u32 | |
//! | 32 | seal | BLAKE3(domain ‖ all before the chunks ‖ index ‖ number of chunks) |
//!
//! Numbers are big-endian. Chunks have some 256 KiB, and are proven and read on all cores. Tables may come in any order,
//! the chunks of one table in the order of their keys.

mod forms;
mod kept;
mod read;
mod shelf;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod write;

use std::io;

pub use forms::SCHEMA;
pub use shelf::{Found, SNAPSHOTS_DIR, Shelf, Skipped, Wanted};
pub use source::{Halt, Source};

use super::error::StoreError;
use super::record::field;
use super::store::{Head, LedgerId, Reader};
use super::tree::{Frontier, TreeHash};
use crate::domain::State;
use crate::types::{AddressId, IdTable, Position, Tag, Timestamp, UserId};

const MAGIC: &[u8; 8] = b"KLSNAP\0\0";
const LAYOUT: u16 = 1;
const DOMAIN: &[u8] = b"keyledger/snapshot/v1";
const HEAD_LEN: usize = 116;
/// Of one chunk in the index.
const ENTRY_LEN: usize = 37;
/// Number of chunks and seal.
const TAIL_LEN: usize = 36;
/// The longest chunk: what is enough to close one, and one entry of the largest kind.
const CHUNK_MAX: usize = 4 << 20;
/// The most chunks: some 256 GiB.
const CHUNKS_MAX: u32 = 1 << 20;

/// What a snapshot is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHead {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Where it was taken: the next position at that time, and the chain before it.
    pub at: Head,
    /// The root of the Merkle tree over everything before.
    pub root: TreeHash,
    /// The epoch that ran.
    pub epoch: u32,
    /// When the last event was.
    pub time: Timestamp,
    /// The key that the look-up tables were made with.
    pub lookup_key: u32,
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Everything that readers see.
    pub state: State,
    /// The right edge of the Merkle tree over the same records.
    pub tree: Frontier,
    /// From addresses and names to ids.
    pub lookups: Lookups,
}

/// From addresses and names to ids, by keyed hashes. It may know more than the state beside it, never less.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    /// The ids of addresses.
    pub addresses: IdTable<Tag, AddressId>,
    /// The users of user names.
    pub usernames: IdTable<Tag, UserId>,
}

/// Why a snapshot is of no use, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFault {
    /// A file operation failed.
    #[error("cannot {doing}: {source}")]
    File {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("it does not begin like a snapshot")]
    NotOne,
    /// Another program's file.
    #[error("its layout is version {0}, this program knows version {LAYOUT}")]
    Layout(u16),
    /// Another program's state.
    #[error("its state is of schema {0}, this program has schema {SCHEMA}")]
    Schema(u16),
    /// Another ledger's.
    #[error("it belongs to another ledger")]
    Foreign,
    /// The ledger is shorter.
    #[error("it was taken at position {at}, and the ledger ends at {end}")]
    Ahead {
        /// Where it was taken.
        at: Position,
        /// Where the ledger ends.
        end: Position,
    },
    /// The ledger went on otherwise.
    #[error("what the ledger holds before position {0} is not what it held then")]
    OtherHistory(Position),
    /// Bytes are missing or not those that were written.
    #[error("it is damaged ({0})")]
    Damaged(&'static str),
    /// The ledger could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was not written to its end.
    #[error(transparent)]
    Halted(#[from] Halt),
}

impl SnapshotFault {
    fn file(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, source }
    }

    fn writing(source: io::Error) -> Self {
        Self::file("write it")(source)
    }
}

impl SnapshotHead {
    fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LEN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&LAYOUT.to_be_bytes());
        out.extend_from_slice(&SCHEMA.to_be_bytes());
        out.extend_from_slice(&self.ledger);
        out.extend_from_slice(&self.at.next.0.to_be_bytes());
        out.extend_from_slice(&self.at.chain);
        out.extend_from_slice(&self.root);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.time.0.to_be_bytes());
        out.extend_from_slice(&self.lookup_key.to_be_bytes());
        out
    }

    fn from_bytes(bytes: &[u8; HEAD_LEN]) -> Result<Self, SnapshotFault> {
        if &bytes[..8] != MAGIC {
            return Err(SnapshotFault::NotOne);
        }
        let layout = u16::from_be_bytes(field(bytes, 8));
        if layout != LAYOUT {
            return Err(SnapshotFault::Layout(layout));
        }
        let schema = u16::from_be_bytes(field(bytes, 10));
        if schema != SCHEMA {
            return Err(SnapshotFault::Schema(schema));
        }
        Ok(Self {
            ledger: field(bytes, 12),
            at: Head {
                next: Position(u64::from_be_bytes(field(bytes, 28))),
                chain: field(bytes, 36),
            },
            root: field(bytes, 68),
            epoch: u32::from_be_bytes(field(bytes, 100)),
            time: Timestamp(i64::from_be_bytes(field(bytes, 104))),
            lookup_key: u32::from_be_bytes(field(bytes, 112)),
        })
    }

    /// Holds it against the ledger.
    fn check(&self, reader: &dyn Reader) -> Result<(), SnapshotFault> {
        if self.ledger != reader.ledger_id() {
            return Err(SnapshotFault::Foreign);
        }
        let (at, end) = (self.at.next, reader.head().next);
        if at > end {
            return Err(SnapshotFault::Ahead { at, end });
        }
        if reader.chain_at(at)? != Some(self.at.chain) {
            return Err(SnapshotFault::OtherHistory(at));
        }
        Ok(())
    }
}

/// What holds head and chunks together.
fn seal(head: &[u8], index: &[u8], count: u32) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN).update(head).update(index);
    *hasher.update(&count.to_be_bytes()).finalize().as_bytes()
}
