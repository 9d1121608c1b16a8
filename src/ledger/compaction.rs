//! Compaction: a store copied into less space, beside its writer, and put in its place in one step.
//!
//! A log-structured database keeps what was overwritten until it happens to reuse the place. A copy has only what is
//! there: the frames, verbatim, and the data keys.
//!
//! # What a kill leaves
//!
//! The copy grows in `ledger.compact`, beside `ledger`. When both hold the same, the names of the two directories are
//! exchanged by one system call (`renameat2` with `RENAME_EXCHANGE`), which a file system does entirely or not at all,
//! through a power cut too; then the data directory is synced, and only then does the writer go on, in the copy. So
//! `ledger` is a whole and good store at every moment: the old one before the exchange, the copy after it; they hold the
//! same. Whatever is called `ledger.compact` is of no use to anybody, and the next opening removes it. No marker is
//! needed, because there is no state in between.

use std::ops::ControlFlow;

use super::error::StoreError;
use super::frame::FrameRef;
use super::store::{Head, Store};

/// The directory of a copy that is being made, and, after the exchange, of the store that it replaced.
pub const COMPACT_DIR: &str = "ledger.compact";

/// A copy of a store that is being made. Dropping it removes the copy.
pub trait Compaction: Send {
    /// Copies what became durable since the last call, and says where the copy ends. May run beside the writer.
    fn catch_up(&mut self) -> Result<Head, StoreError>;

    /// Shows every frame of the copy, or those after one that was shown before, read back and proven.
    fn scan_copy(
        &self,
        after: Option<Head>,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Compares all data keys of store and copy; those that were changed meanwhile may differ. May run beside the
    /// writer.
    fn prove_keys(&mut self) -> Result<(), StoreError>;

    /// Copies the rest and puts the copy in the store's place. `store` is the store that is copied: to have it is to
    /// keep the writer from it. On an error that is not [`StoreError::UnknownOutcome`] nothing has changed.
    fn finish(&mut self, store: &mut dyn Store) -> Result<(), StoreError>;

    /// Removes what was replaced, or the copy if it replaced nothing.
    fn clear(&mut self) -> Result<(), StoreError>;
}
