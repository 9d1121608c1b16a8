//! Why nothing, or not all, was put back, and what to do about it.

use std::path::PathBuf;

use super::super::error::AppError;
use crate::crypto::KeyBackupFault;
use crate::desk::VerifyFault;
use crate::ledger::ErasuresError;
use crate::ledger::backup::BackupError;
use crate::types::Position;

/// Why nothing, or not all, was put back, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The key backup cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyBackupFault),
    /// The house cannot be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// What was put back is not sound.
    #[error("what was put back is not sound: {0}")]
    Unsound(#[from] VerifyFault),
    /// An erasure list cannot be used.
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    /// Something is there.
    #[error(
        "{} is not empty (it holds {found}): name an empty folder, so that nothing is overwritten", data.display()
    )]
    NotEmpty {
        /// The data folder.
        data: PathBuf,
        /// The first thing in it.
        found: String,
    },
    /// Two ledgers cannot have one keys' folder.
    #[error(
        "{} belongs to the ledger in {}, whose anchor lies there: copy the folder and name the copy, or name a key \
         backup with --keys", keys.display(), other.display()
    )]
    SharedKeys {
        /// The keys' folder.
        keys: PathBuf,
        /// The data folder of the other ledger.
        other: PathBuf,
    },
    /// A backup is of no use without keys.
    #[error(
        "a backup does not hold the keys, and there are none in {}: name a key backup with --keys (made by `keyledger \
         backup --with-keys`), or put master key and keyring there", .0.display()
    )]
    NoKeys(PathBuf),
    /// Keys of another ledger, or of another time.
    #[error(
        "{shut} of the backup's {all} data keys do not open with these keys: they belong to another ledger, or the \
         wrapping key was changed in between; give the key backup that was made with this backup, or after it"
    )]
    WrongKeys {
        /// How many do not open.
        shut: u64,
        /// How many there are.
        all: u64,
    },
    /// The parts' keys do not add up.
    #[error(
        "the data keys in the parts are not those that the ledger had ({0}): a part was exchanged for another one; use \
         the parts of one chain"
    )]
    KeySet(&'static str),
    /// The disk does not hold what was written.
    #[error("what was put back ends at position {found}, not at {due}: look at the disk, and restore again")]
    Ends {
        /// Where it ends.
        found: Position,
        /// Where it should.
        due: Position,
    },
    /// The last step failed.
    #[error("the restored ledger could not be closed in good order: run the same restore again")]
    NotClosed,
}

impl RestoreError {
    /// Whether it shows that the backup is not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Backup(error) => error.is_damage(),
            Self::Unsound(_) | Self::KeySet(_) => true,
            Self::Keys(_)
            | Self::Erasures(_)
            | Self::App(_)
            | Self::NotEmpty { .. }
            | Self::SharedKeys { .. }
            | Self::NoKeys(_)
            | Self::WrongKeys { .. }
            | Self::Ends { .. }
            | Self::NotClosed => false,
        }
    }
}
