//! What can be wrong with making or reading a backup, where, and what to do about it.

use std::io;
use std::path::PathBuf;

use super::super::error::StoreError;
use crate::types::Position;

/// Trouble with a backup; the text says what it means and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The disk that the backup goes to is full.
    #[error(
        "the disk of {} is full after {written} bytes of the backup: free some space, or name another folder, and run \
         it again; no half file was left, and the ledger is as it was", path.display()
    )]
    Full {
        /// The file that was being written.
        path: PathBuf,
        /// Bytes that had found room.
        written: u64,
    },
    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something of that name is there already.
    #[error("{} is there already and is not replaced: name another file, or a folder", .0.display())]
    Exists(PathBuf),
    /// Another backup is being written into the folder.
    #[error("another backup is being written into {}: wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// A single file cannot continue a chain by itself.
    #[error(
        "{} is a single file: `auto` continues the newest backup of a folder, so name a folder, or the position",
        .0.display()
    )]
    NotAFolder(PathBuf),
    /// No append ended at the position that was named.
    #[error(
        "a backup cannot begin at position {asked}, because no append ended there: name the position at which an \
         earlier backup ended (its file name says it), or use `auto`"
    )]
    NoBoundary {
        /// What was asked for.
        asked: Position,
    },
    /// What was written does not read back as what was to be written.
    #[error(
        "the backup read back otherwise than it was written ({fault}): it was removed; look at the disk of {}",
        path.display()
    )]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// What was read.
        fault: PartFault,
    },
    /// A part is damaged.
    #[error(
        "{}: {fault}; use another copy of this file", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: PartFault,
    },
    /// Parts are missing.
    #[error(
        "{} begins at position {found}, but the parts before it end at {due}: a part is missing between them; add the \
         file whose name begins at {due}", path.display()
    )]
    Gap {
        /// The part after the gap.
        path: PathBuf,
        /// Where it begins.
        found: Position,
        /// Where it should.
        due: Position,
    },
    /// A part of another ledger, or of another history of the same one.
    #[error(
        "{} does not belong to the parts before it ({what}): take it out, or name the parts of one chain",
        path.display()
    )]
    Foreign {
        /// The part.
        path: PathBuf,
        /// How that shows.
        what: &'static str,
    },
    /// No part at all.
    #[error("there is no backup in {}: files of one end with `.klbackup`", .0.display())]
    None(PathBuf),
    /// The work was told to end.
    #[error("the backup was interrupted; no half file was left")]
    Interrupted,
}

/// What is wrong with the bytes of a part, and where.
#[derive(Debug, thiserror::Error)]
pub enum PartFault {
    /// It does not begin like one.
    #[error("it is not a backup of this program (its first bytes are others)")]
    Magic,
    /// Written by a newer program.
    #[error("its format is version {0}, this program knows version 1: use the program that wrote it")]
    Version(u8),
    /// It ends too early.
    #[error("it ends at byte {at}, in the middle of it, after position {position}: it was cut short")]
    Short {
        /// Its length, about.
        at: u64,
        /// The position that was due.
        position: Position,
    },
    /// A block is not what was written.
    #[error("the block at byte {at} is not what was written; positions from {position} on cannot be trusted")]
    Block {
        /// Where the block begins.
        at: u64,
        /// The position that was due.
        position: Position,
    },
    /// Blocks are whole, but do not make a part.
    #[error("the block at byte {at} does not belong there ({what}), at position {position}")]
    Order {
        /// Where the block begins.
        at: u64,
        /// The position that was due.
        position: Position,
        /// Why not.
        what: &'static str,
    },
    /// A frame breaks the ledger's chain.
    #[error("a frame in the block at byte {at} is wrong: {source}")]
    Frame {
        /// Where the block begins.
        at: u64,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The frames end elsewhere than its header says.
    #[error("its frames end at position {found}, its header says {said}")]
    Ends {
        /// Where they end.
        found: Position,
        /// Where they should.
        said: Position,
    },
    /// Counts or digests differ.
    #[error("its end does not agree with its content ({0})")]
    Counts(&'static str),
    /// Something follows the end.
    #[error("something follows its end at byte {at}")]
    Trailing {
        /// Where.
        at: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read on at byte {at}: {source}")]
    Unreadable {
        /// Where.
        at: u64,
        /// What the system says.
        source: io::Error,
    },
}

impl BackupError {
    /// Whether it shows that a backup is not what was written, rather than that it could not be looked at.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { fault, .. } => {
                !matches!(fault, PartFault::Unreadable { .. } | PartFault::Version(_))
            }
            Self::ReadBack { .. } | Self::Gap { .. } | Self::Foreign { .. } => true,
            Self::Ledger(_)
            | Self::Full { .. }
            | Self::File { .. }
            | Self::Exists(_)
            | Self::Busy(_)
            | Self::NotAFolder(_)
            | Self::NoBoundary { .. }
            | Self::None(_)
            | Self::Interrupted => false,
        }
    }
}
