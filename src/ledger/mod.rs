//! The ledger below the writer: records, frames and their chain, and the stores that keep them.
//!
//! Payloads are opaque here. Only `sled.rs` knows sled, and only `durable.rs` holds unsafe code.

pub mod anchor;
pub mod backup;
pub mod codec;
pub mod compaction;
mod dir;
pub mod durable;
pub mod erasures;
pub mod error;
pub mod frame;
pub mod keys;
pub mod lock;
pub mod memory;
pub mod record;
pub mod replay;
pub mod sled;
pub mod snapshot;
pub mod store;
mod stored;
pub mod tree;
pub mod walk;
pub mod watch;

#[cfg(test)]
mod conformance;

pub(crate) use dir::make_dir;

pub use anchor::{Anchor, AnchorError, AnchorPoint, AnchorVerdict};
pub use erasures::{Erasure, Erasures, ErasuresError};
pub use error::StoreError;
pub use frame::FrameRef;
pub use memory::MemoryStore;
pub use record::{CommandPart, RecordFault, RecordHeader};
pub use replay::{ReplayCut, ReplayError, ReplayReport, read_until, replay, replay_from};
pub use sled::{SledOptions, SledStore};
pub use snapshot::Shelf;
pub use store::{Batch, Chain, Head, LedgerId, Reader, Store};
pub use tree::{Frontier, TreeHash};
