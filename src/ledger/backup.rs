//! Backups: parts of a ledger in files of their own, whole and proven, or not there at all.
//!
//! A **part** holds the frames from one position to another, verbatim, and the wrapped data keys that go with them: all
//! of them, or what changed since the part before it. A **chain** is a first part that begins at position 0 and parts
//! that each begin where the one before ended. Parts of a chain lie in a folder (`folder.rs`) under names that sort.
//!
//! A part is bound to its ledger and to the parts before it by the ledger's own hash chain; every byte of it is covered
//! by a check value besides. It is written under another name, read back and proven, and only then renamed. It holds
//! neither the master key nor the keyring: without those, what it says about people is unreadable.
//!
//! A part that was made before a user was erased holds that user's data key, wrapped. Restoring destroys it again
//! (`engine/boot.rs`); the file itself becomes worthless when the wrapping key is rotated, or is deleted.

mod error;
mod folder;
mod format;
mod keys;
mod make;
mod read;

#[cfg(test)]
mod tests;

pub use error::{BackupError, PartFault};
pub use folder::{Found, Pruned, newest_chain, prune};
pub use format::{KeyScope, PartHeader, PartSummary};
pub use keys::{KeySetDigest, KeySetHasher};
pub use make::{Destination, Made, Order, Since, back_up};
pub use read::{Item, PartReader, each_frame, each_key, look, prove, prove_chain};

/// How the name of a part ends.
pub const PART_SUFFIX: &str = ".klbackup";

/// How far some long work is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What is being done, as a participle phrase: `writing`.
    pub doing: &'static str,
    /// Positions that are done.
    pub done: u64,
    /// Positions that there are.
    pub of: u64,
}

/// Told now and then how far it is; breaks to have the work end.
pub type OnProgress<'p> = dyn FnMut(Progress) -> std::ops::ControlFlow<()> + 'p;
