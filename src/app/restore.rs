//! A ledger put back from a backup: proven before, while and after it is written, and in an epoch of its own.
//!
//! The folder says that it is incomplete (`restore.incomplete`) from before the first byte until the new epoch is
//! durable; nothing opens it meanwhile, and the same restore begins anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::AppError;
use super::founding::{key_places, load_master};
use super::premises::{Closing, Premises, open_store, parts};
use crate::config::Config;
use crate::crypto::{
    KeyBackupFault, KeyFault, KeyMaterial, Keyring, MasterFile, SharedKeyring, Vault, WrappedKey,
};
use crate::desk::VerifyFault;
use crate::engine::{Rollback, state_hash};
use crate::ledger::backup::{
    self, BackupError, Found, Item, KeyScope, KeySetDigest, OnProgress, PartHeader, Progress,
};
use crate::ledger::lock::{DirLock, LOCK_FILE};
use crate::ledger::sled::LEDGER_DIR;
use crate::ledger::store::MAX_BATCH_KEYS;
use crate::ledger::{Erasures, ErasuresError, Head, LedgerId, SledOptions, SledStore, Store};
use crate::system::{Clock as _, Entropy, OsEntropy, SystemClock};
use crate::types::{DataKeyId, Timestamp};

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
/// Bytes of frames that are written with one flush.
const ADOPTED_AT_ONCE: usize = 2 << 20;
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
        found: crate::types::Position,
        /// Where it should.
        due: crate::types::Position,
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
            | Self::NoKeys(_)
            | Self::WrongKeys { .. }
            | Self::Ends { .. }
            | Self::NotClosed => false,
        }
    }
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
    let ring = Keyring::open(
        &key_places(config).ring,
        &load_master(config).map_err(AppError::from)?,
    )
    .map_err(AppError::from)?;
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
        ring,
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
    opened.map_err(|fault| match fault {
        KeyFault::MasterMissing(_) | KeyFault::RingMissing(_) => {
            RestoreError::NoKeys(config.keys_dir.clone())
        }
        other => AppError::from(other).into(),
    })
}

/// The parts of a chain, all proven, and what its later parts say of keys.
struct Chain {
    parts: Vec<Found>,
    /// The part that holds all keys; those before it do not matter for keys.
    base: usize,
    /// Keys that changed in the parts after that; none: it is gone.
    later: BTreeMap<[u8; DataKeyId::LEN], Option<Vec<u8>>>,
    key_set: KeySetDigest,
}

impl Chain {
    fn prove(from: &[PathBuf], progress: &mut OnProgress<'_>) -> Result<Self, RestoreError> {
        let parts = gather(from)?;
        let base = parts.iter().rposition(|part| part.header.keys == KeyScope::All);
        let base = base.unwrap_or(0);
        let based: Vec<PartHeader> = parts[base + 1..].iter().map(|part| part.header).collect();
        let mut later = BTreeMap::new();
        let paths: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
        let (_, summary) = backup::prove_chain(&paths, progress, &mut |header, item| {
            if let Item::Key(id, wrapped) = item
                && based.contains(header)
            {
                later.insert(id.to_bytes(), wrapped.map(<[u8]>::to_vec));
            }
        })?;
        let summary = summary.ok_or(RestoreError::KeySet("there is no part"))?;
        Ok(Self {
            parts,
            base,
            later,
            key_set: summary.key_set,
        })
    }

    fn last(&self) -> &PartHeader {
        &self.parts.last().expect("`prove` refuses an empty chain").header
    }

    /// Shows the keys that the ledger had at the end, in the order of their names.
    fn keys(&self, visit: &mut dyn FnMut(DataKeyId, &[u8])) -> Result<(), BackupError> {
        let mut later = self.later.iter().peekable();
        let mut pass = |until: Option<&[u8; DataKeyId::LEN]>, visit: &mut dyn FnMut(DataKeyId, &[u8])| {
            while let Some((name, wrapped)) =
                later.next_if(|(name, _)| until.is_none_or(|until| *name < until))
            {
                if let (Some(id), Some(wrapped)) = (DataKeyId::from_bytes(name), wrapped) {
                    visit(id, wrapped);
                }
            }
        };
        backup::each_key(&self.parts[self.base].path, &mut |id, wrapped| {
            let name = id.to_bytes();
            pass(Some(&name), visit);
            match (self.later.get(&name), wrapped) {
                (None, Some(wrapped)) => visit(id, wrapped),
                (Some(_), _) | (None, None) => {}
            }
        })?;
        pass(None, visit);
        Ok(())
    }

    /// Sees that the keys are those that the ledger had, and that all of them open.
    fn check_keys(&self, ring: Keyring) -> Result<(), RestoreError> {
        let vault = Vault::new(SharedKeyring::new(ring));
        let mut digest = backup::KeySetHasher::new();
        let mut shut = 0;
        self.keys(&mut |id, wrapped| {
            digest.add(id, wrapped);
            let opens =
                WrappedKey::from_bytes(wrapped).is_some_and(|key| vault.open_wrapped(id, &key).is_some());
            shut += u64::from(!opens);
        })?;
        if digest.finish() != self.key_set {
            return Err(RestoreError::KeySet("their digest is another"));
        }
        if shut > 0 {
            let all = self.key_set.count;
            return Err(RestoreError::WrongKeys { shut, all });
        }
        Ok(())
    }

    /// Writes frames and keys into a new store, and closes it; returns how many keys there were.
    fn write(
        &self,
        config: &Config,
        now: Timestamp,
        erased: &Erasures,
        progress: &mut OnProgress<'_>,
    ) -> Result<u64, RestoreError> {
        let last = self.last();
        let options = SledOptions::new(&config.data, COMMAND, now, last.ledger);
        let mut store = SledStore::open(options).map_err(AppError::from)?;
        let mut waiting = Waiting::default();
        let mut failed = None;
        for part in &self.parts {
            backup::each_frame(&part.path, &mut |frame| {
                waiting.add(frame.bytes);
                let done = frame.next.0;
                let flow = waiting.write_if(ADOPTED_AT_ONCE, &mut store).map(|wrote| {
                    let told = Progress {
                        doing: "putting back",
                        done,
                        of: last.to.next.0,
                    };
                    if wrote {
                        progress(told)
                    } else {
                        ControlFlow::Continue(())
                    }
                });
                flow.unwrap_or_else(|error| {
                    failed = Some(error);
                    ControlFlow::Break(())
                })
            })?;
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        waiting.write_if(0, &mut store)?;
        let mut keys: Vec<(DataKeyId, Vec<u8>)> = vec![];
        let mut count = 0;
        self.keys(&mut |id, wrapped| {
            // Never written, so that no trace of it is left on this disk.
            if matches!(id, DataKeyId::User(user) if erased.contains(user)) {
                return;
            }
            count += 1;
            keys.push((id, wrapped.to_vec()));
            if keys.len() == MAX_BATCH_KEYS && failed.is_none() {
                failed = store.put_keys(&keys).err().map(AppError::from);
                keys.clear();
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        if !keys.is_empty() {
            store.put_keys(&keys).map_err(AppError::from)?;
        }
        Ok(count)
    }
}

/// Frames that wait to be written together.
#[derive(Default)]
struct Waiting {
    frames: Vec<Vec<u8>>,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, frame: &[u8]) {
        self.bytes += frame.len();
        self.frames.push(frame.to_vec());
    }

    /// Writes what waits if it is more than that; says whether it did.
    fn write_if(&mut self, more_than: usize, store: &mut SledStore) -> Result<bool, AppError> {
        if self.bytes <= more_than {
            return Ok(false);
        }
        store.adopt(&self.frames)?;
        self.frames.clear();
        self.bytes = 0;
        Ok(true)
    }
}

/// The parts that were named, in order; of a folder those of its newest chain.
fn gather(from: &[PathBuf]) -> Result<Vec<Found>, RestoreError> {
    let mut parts = vec![];
    for path in from {
        if path.is_dir() {
            let chain = backup::newest_chain(path, None)?;
            if chain.is_empty() {
                return Err(BackupError::None(path.clone()).into());
            }
            parts.extend(chain);
        } else {
            parts.push(backup::look(path)?);
        }
    }
    parts.sort_by_key(|part| (part.header.from.next, part.header.to.next, part.header.at));
    Ok(parts)
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
