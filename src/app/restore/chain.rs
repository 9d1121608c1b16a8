//! The parts of a backup as one chain: proven, and written into a new store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::super::error::AppError;
use super::{COMMAND, RestoreError};
use crate::config::Config;
use crate::crypto::{Keyring, SharedKeyring, Vault, WrappedKey};
use crate::ledger::backup::{
    self, BackupError, Found, Item, KeyScope, KeySetDigest, OnProgress, PartHeader, Progress,
};
use crate::ledger::store::MAX_BATCH_KEYS;
use crate::ledger::{Erasures, SledOptions, SledStore, Store as _};
use crate::types::{DataKeyId, Timestamp};

/// Bytes of frames that are written with one flush.
const ADOPTED_AT_ONCE: usize = 2 << 20;

/// The parts of a chain, all proven, and what its later parts say of keys.
pub(super) struct Chain {
    pub(super) parts: Vec<Found>,
    /// The part that holds all keys; those before it do not matter for keys.
    base: usize,
    /// Keys that changed in the parts after that; none: it is gone.
    later: BTreeMap<[u8; DataKeyId::LEN], Option<Vec<u8>>>,
    key_set: KeySetDigest,
}

impl Chain {
    pub(super) fn prove(from: &[PathBuf], progress: &mut OnProgress<'_>) -> Result<Self, RestoreError> {
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

    pub(super) fn last(&self) -> &PartHeader {
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
            if let (None, Some(wrapped)) = (self.later.get(&name), wrapped) {
                visit(id, wrapped);
            }
        })?;
        pass(None, visit);
        Ok(())
    }

    /// Sees that the keys are those that the ledger had, and that all of them open.
    pub(super) fn check_keys(&self, ring: Keyring) -> Result<(), RestoreError> {
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
    pub(super) fn write(
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
