//! What can be wrong with a store, where, and what to do about it.

use std::io;
use std::path::PathBuf;

use super::frame::FrameFault;
use super::lock::Holder;
use crate::types::Position;

/// Trouble with a store; the text says what it means and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    // --- opening
    /// Another process (or another store in this one) has the data directory.
    #[error(
        "the data directory {} is held by {holder}: stop it, or use a command that talks to it", dir.display()
    )]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// Who has it, as far as its lock file tells.
        holder: Holder,
    },
    /// There is something in the directory, but not a ledger.
    #[error(
        "{} holds something that is not a ledger of this program ({found}): name another data directory",
        dir.display()
    )]
    Foreign {
        /// The database directory.
        dir: PathBuf,
        /// What gave it away.
        found: String,
    },
    /// Written by a newer program.
    #[error(
        "the ledger in {} has format {found}, this program knows format 1: start the newer program that wrote it",
        dir.display()
    )]
    Newer {
        /// The database directory.
        dir: PathBuf,
        /// Its format's version.
        found: u16,
    },
    /// The database did not open.
    #[error(
        "the database in {} does not open ({cause}): if the disk is full, free some space and start again; otherwise \
         copy the directory before anything else and restore from a backup",
        dir.display()
    )]
    Unopenable {
        /// The database directory.
        dir: PathBuf,
        /// What the database says.
        cause: String,
    },
    /// A file or directory operation failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    // --- writing
    /// Somebody else appended first: nothing was written.
    #[error(
        "the ledger's next position is {actual}, not {expected}: there are two writers; nothing was written"
    )]
    Conflict {
        /// What the caller took for the next position.
        expected: Position,
        /// What it is.
        actual: Position,
    },
    /// The batch breaks a rule of the ledger: nothing was written.
    #[error("this batch cannot be stored ({0}): nothing was written; this is a bug, please report it")]
    Batch(BatchFault),
    /// A write failed, so nobody knows what is on the disk.
    #[error(
        "a write to the ledger failed ({cause}), and what reached the disk is unknown: end the process, see that the \
         disk has space and is sound, and start again; the ledger then reads what is there"
    )]
    UnknownOutcome {
        /// What the database or the system says.
        cause: String,
    },
    /// An earlier write failed.
    #[error(
        "an earlier write to the ledger failed, so this process must not use it any more: start it again"
    )]
    Poisoned,

    // --- compacting
    /// Another compaction is at it.
    #[error("the ledger is being compacted already: wait until that has ended")]
    Compacting,
    /// The copy could not be made or is not the same.
    #[error(
        "the ledger could not be compacted ({cause}): the copy is removed and the ledger is as it was; if the disk is \
         full, free as much space as the ledger takes and try again"
    )]
    Copy {
        /// What the database or the system says.
        cause: String,
    },

    // --- reading
    /// A position beyond the end was asked for.
    #[error(
        "position {asked} was asked for, but the ledger ends before {next}: what named it saw a longer ledger"
    )]
    Beyond {
        /// What was asked for.
        asked: Position,
        /// The ledger's next position.
        next: Position,
    },
    /// Records are missing.
    #[error(
        "the ledger continues at position {found} where {expected} was due: frames were lost or moved; copy the data \
         directory before anything else and restore from a backup"
    )]
    Gap {
        /// The position that was due.
        expected: Position,
        /// The position that came.
        found: Position,
    },
    /// The last frames are missing.
    #[error(
        "the ledger ends at position {reached}, although its head is {head}: frames were lost while it was open; copy \
         the data directory before anything else and restore from a backup"
    )]
    Ended {
        /// Where the frames end.
        reached: Position,
        /// Where they should end.
        head: Position,
    },
    /// A frame lies under another frame's key.
    #[error(
        "the frame stored at position {position} says that it belongs to {said}: frames were moved; copy the data \
         directory before anything else and restore from a backup"
    )]
    Misplaced {
        /// Its key.
        position: Position,
        /// What its header says.
        said: Position,
    },
    /// Bytes that are not a frame.
    #[error(
        "the frame at position {position} is damaged ({fault}): copy the data directory before anything else and \
         restore from a backup"
    )]
    Frame {
        /// Its key.
        position: Position,
        /// What is wrong with it.
        fault: FrameFault,
    },
    /// A frame was changed, or one before it was replaced.
    #[error(
        "the hash chain breaks at position {position}: a record there, or the frame before it, is not what was \
         written; copy the data directory before anything else and restore from a backup"
    )]
    Chain {
        /// The first position that cannot be trusted.
        position: Position,
    },
    /// The database itself cannot read a page.
    #[error(
        "the database cannot read on at position {position} ({cause}): copy the data directory before anything else \
         and restore from a backup"
    )]
    Unreadable {
        /// The position that was due.
        position: Position,
        /// What the database says.
        cause: String,
    },
    /// The database cannot read something that has no position.
    #[error(
        "the database cannot read its {what} ({cause}): copy the data directory before anything else and restore \
         from a backup"
    )]
    Damaged {
        /// What was to be read.
        what: &'static str,
        /// What the database says.
        cause: String,
    },
}

/// Which rule of the ledger a batch breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchFault {
    /// There is nothing to store.
    #[error("it has no records")]
    Empty,
    /// More bytes or keys than one append may carry.
    #[error("it is larger than one append may be")]
    TooLarge,
    /// One of its records is not a record.
    #[error("its record {index} is none: {fault}")]
    Record {
        /// Which record, from 0.
        index: usize,
        /// What is wrong with it.
        fault: super::record::RecordFault,
    },
    /// A record's own position is not the place it would get.
    #[error("its record {index} says that its position is {said}")]
    Position {
        /// Which record, from 0.
        index: usize,
        /// What it says.
        said: Position,
    },
    /// A command's records are not together, or its end is missing.
    #[error("the command of its record {index} has no end")]
    Unfinished {
        /// Which record, from 0.
        index: usize,
    },
    /// A wrapped data key is empty or longer than 256 bytes.
    #[error("a data key has {0} bytes, it must have 1 to 256")]
    KeySize(usize),
    /// Records do not fit in frames.
    #[error("{0}")]
    Frame(FrameFault),
}
