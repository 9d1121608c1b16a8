//! A ledger put back from a backup: proven before, while and after it is written, and in an epoch of its own.
//!
//! The folder says that it is incomplete (`restore.incomplete`) from before the first byte until the new epoch is
//! durable; nothing opens it meanwhile, and the same restore begins anew.

mod chain;
mod error;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use error::RestoreError;

use self::chain::Chain;
use super::error::AppError;
use super::founding::{key_places, load_master, open_keyring};
use super::premises::{Closing, Premises, open_store, parts};
use crate::config::Config;
use crate::crypto::{KeyFault, KeyMaterial, Keyring, MasterFile};
use crate::engine::{Rollback, state_hash};
use crate::ledger::backup::{BackupError, OnProgress};
use crate::ledger::lock::{DirLock, LOCK_FILE};
use crate::ledger::sled::LEDGER_DIR;
use crate::ledger::{Erasures, Head, LedgerId, Store as _};
use crate::system::{Clock as _, Entropy, OsEntropy, SystemClock};
use crate::types::Timestamp;

/// The file that says that a folder holds only a part of a ledger.
const MARKER: &str = "restore.incomplete";
const MARKER_TEXT: &str = "A restore into this folder has not ended: what is here is only a part of a ledger.\n\
                           Run the same `keyledger restore` again; it begins anew.\n";
/// What may lie in a folder that a ledger is put back into: what operators prepare, and what earlier tries left.
const PREPARED: &[&str] = &[
    "keyledger.toml",
    ".env",
    "templates",
    LOCK_FILE,
    MARKER,
    COPIED_LIST,
];
/// The copy of an erasure list, while it is read.
const COPIED_LIST: &str = "restore.erasures";
const COMMAND: &str = "keyledger restore";

/// What to put back, and with which keys.
pub struct RestoreOrder<'o> {
    /// The parts of one chain, in any order, or one folder, of which the newest chain is taken.
    pub from: &'o [PathBuf],
    /// The keys of a key backup; none if they lie in the keys' folder already.
    pub keys: Option<&'o KeyMaterial>,
    /// An erasure list that is newer than the backups; those of the keys' folder and of the key backup count as well.
    pub erasures: Option<&'o Path>,
}

/// What was put back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoreReport {
    /// Which ledger.
    pub ledger: LedgerId,
    /// How many parts it came from.
    pub parts: usize,
    /// When the newest of them was made: what happened later is not there.
    pub made: Timestamp,
    /// Where the backup ended.
    pub head: Head,
    /// Data keys that were put back.
    pub keys: u64,
    /// Users whom the backup still knew, and who were erased again.
    pub erased_again: usize,
    /// The epoch that began.
    pub epoch: u32,
    /// The hash over all state, at the end of the new epoch's first events.
    pub state_hash: [u8; 32],
}

/// Refuses a folder that an interrupted restore left.
pub(super) fn refuse_unfinished(config: &Config) -> Result<(), AppError> {
    if config.data.join(MARKER).symlink_metadata().is_ok() {
        return Err(AppError::RestoreUnfinished(config.data.clone()));
    }
    Ok(())
}

/// Puts a ledger back into the data folder of the settings, which must be empty but for configuration and keys.
pub fn restore(
    config: &Config,
    order: &RestoreOrder<'_>,
    progress: &mut OnProgress<'_>,
) -> Result<RestoreReport, RestoreError> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let now = SystemClock::start(None).now();
    refuse_occupied(config)?;
    refuse_shared_keys(config)?;
    let ring = keyring(config, order)?;
    let chain = Chain::prove(order.from, progress)?;
    chain.check_keys(ring)?;

    let marker = begin(config, now)?;
    if let Some(keys) = order.keys {
        let master = if config.master_key.is_some() {
            MasterFile::None
        } else {
            MasterFile::Written
        };
        keys.install(&key_places(config), master)?;
    }
    let erased = unite_erasures(config, order)?;
    let keys = chain.write(config, now, &erased, progress)?;
    let report = open_anew(config, now, &entropy, &chain, keys)?;
    fs::remove_file(&marker).map_err(|source| file("remove the marker", &marker, source))?;
    sync(&config.data)?;
    Ok(report)
}

/// Opens what was put back from the disk, begins the epoch, and proves all of it.
fn open_anew(
    config: &Config,
    now: Timestamp,
    entropy: &Arc<dyn Entropy>,
    chain: &Chain,
    keys: u64,
) -> Result<RestoreReport, RestoreError> {
    let keyring = open_keyring(config).map_err(AppError::from)?;
    let store = open_store(config, COMMAND, now, &**entropy)?;
    let last = chain.last();
    if store.head() != last.to {
        return Err(RestoreError::Ends {
            found: store.head().next,
            due: last.to.next,
        });
    }
    let parts = parts(
        config,
        Box::new(store),
        keyring,
        Arc::clone(entropy),
        Rollback::Restored,
    )?;
    let premises = Premises::assemble(parts)?;
    let erased_again = premises.report.erased_again;
    let verified = premises.desk.verify();
    let (epoch, hash) = premises
        .desk
        .engine()
        .read(|state| (state.epoch().number, state_hash(state)));
    let closed = premises.close(Duration::from_mins(1));
    verified?;
    if closed != Closing::Complete {
        return Err(RestoreError::NotClosed);
    }
    Ok(RestoreReport {
        ledger: last.ledger,
        parts: chain.parts.len(),
        made: last.at,
        head: last.to,
        keys,
        erased_again,
        epoch,
        state_hash: hash,
    })
}

/// Unites the erasure lists of the keys' folder, of the key backup and of the order, in the keys' folder.
fn unite_erasures(config: &Config, order: &RestoreOrder<'_>) -> Result<Erasures, RestoreError> {
    let mut list = Erasures::open(&key_places(config).erasures)?;
    let given = order
        .erasures
        .map(|path| fs::read(path).map_err(|source| file("read", path, source)));
    let given = given.transpose()?;
    // A list is mended when it is opened, and the one that was given is not ours to write.
    let copy = config.data.join(COPIED_LIST);
    for bytes in order
        .keys
        .and_then(KeyMaterial::erasures)
        .into_iter()
        .chain(given.as_deref())
    {
        fs::write(&copy, bytes).map_err(|source| file("write", &copy, source))?;
        list.merge(&Erasures::open(&copy)?)?;
        fs::remove_file(&copy).map_err(|source| file("remove", &copy, source))?;
    }
    Ok(list)
}

/// The keyring that the restored ledger will have.
fn keyring(config: &Config, order: &RestoreOrder<'_>) -> Result<Keyring, RestoreError> {
    if let Some(keys) = order.keys {
        return Ok(keys.keyring()?);
    }
    let places = key_places(config);
    let opened = load_master(config).and_then(|master| Keyring::open(&places.ring, &master));
    opened.map_err(|fault| {
        if matches!(fault, KeyFault::MasterMissing(_) | KeyFault::RingMissing(_)) {
            RestoreError::NoKeys(config.keys_dir.clone())
        } else {
            AppError::from(fault).into()
        }
    })
}

/// Refuses a folder with anything in it that is not configuration, keys, or of an interrupted restore.
fn refuse_occupied(config: &Config) -> Result<(), RestoreError> {
    let data = config.data.as_path();
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file("list", data, error)),
    };
    let interrupted = data.join(MARKER).symlink_metadata().is_ok();
    for entry in entries {
        let name = entry.map_err(|error| file("list", data, error))?.file_name();
        let name = name.to_string_lossy();
        let of_keys = config.keys_dir.starts_with(data.join(&*name));
        let expected = PREPARED.contains(&&*name) || of_keys || (interrupted && name == LEDGER_DIR);
        if !expected {
            return Err(RestoreError::NotEmpty {
                data: data.to_owned(),
                found: name.into_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses the keys' folder of another ledger: the anchor in it would be overwritten, and that ledger not start again.
fn refuse_shared_keys(config: &Config) -> Result<(), RestoreError> {
    let Some(other) = config.keys_dir.parent().filter(|other| *other != config.data) else {
        return Ok(());
    };
    if other.join(LEDGER_DIR).symlink_metadata().is_ok() {
        return Err(RestoreError::SharedKeys {
            keys: config.keys_dir.clone(),
            other: other.to_owned(),
        });
    }
    Ok(())
}

/// Marks the folder as incomplete, and clears what an interrupted restore left; returns the marker.
fn begin(config: &Config, now: Timestamp) -> Result<PathBuf, RestoreError> {
    let data = config.data.as_path();
    crate::ledger::make_dir(data).map_err(AppError::from)?;
    let _lock = DirLock::take(data, COMMAND, now).map_err(AppError::from)?;
    refuse_occupied(config)?;
    let marker = data.join(MARKER);
    let written = File::create(&marker).and_then(|mut file| {
        file.write_all(MARKER_TEXT.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| file("write the marker", &marker, source))?;
    sync(data)?;
    let ledger = data.join(LEDGER_DIR);
    match fs::remove_dir_all(&ledger) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("clear", &ledger, error)),
        Ok(()) | Err(_) => Ok(marker),
    }
}

fn sync(dir: &Path) -> Result<(), RestoreError> {
    let synced = File::open(dir).and_then(|open| open.sync_all());
    synced.map_err(|source| file("sync the folder", dir, source))
}

fn file(doing: &'static str, path: &Path, source: io::Error) -> RestoreError {
    RestoreError::Backup(BackupError::File {
        doing,
        path: path.to_owned(),
        source,
    })
}
