//! Opening a sled database: its settings, whose it is, and whether its flushes are real.

use std::path::Path;
use std::time::Duration;

use ::sled::{Db, IVec};

use super::super::durable::DurableFile;
use super::super::error::StoreError;
use super::super::frame::{self, FrameRef};
use super::super::keys::{FORMAT, Key, MetaName};
use super::super::store::{Head, LedgerId};
use super::{FlushPath, Origin, SledOptions, frame_key, guarded};
use crate::types::{Position, Timestamp};

/// How often sled's background thread flushes and collects garbage, in milliseconds.
const FLUSH_EVERY_MS: u64 = 500;
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Opens sled with our settings.
pub(super) fn open_database(dir: &Path, cache_bytes: u64) -> Result<Db, StoreError> {
    let config = ::sled::Config::new()
        .path(dir)
        .cache_capacity(cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .mode(::sled::Mode::LowSpace);
    let mut tries = 0;
    loop {
        match guarded(|| config.open()) {
            Ok(db) => return Ok(db),
            // We hold the data directory, so this is the rest of a store that this process has just closed.
            Err(cause) if cause.contains("could not acquire lock") && tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(cause) => {
                return Err(StoreError::Unopenable {
                    dir: dir.to_owned(),
                    cause,
                });
            }
        }
    }
}

/// Reads the ledger's id, or makes the ledger if the database is new.
pub(super) fn know_or_make(
    db: &Db,
    dir: &Path,
    options: &SledOptions<'_>,
) -> Result<(Origin, LedgerId), StoreError> {
    let foreign = |found: &str| StoreError::Foreign {
        dir: dir.to_owned(),
        found: found.to_owned(),
    };
    let Some(format) = meta(db, MetaName::Format)? else {
        let is_new = guarded(|| {
            let mut there = db.iter();
            loop {
                match there.next().transpose()? {
                    // An interrupted making: it wrote these, but not the format.
                    Some((key, _)) if matches!(Key::from_bytes(&key), Some(Key::Meta(_))) => {}
                    other => return Ok(other.is_none() && db.tree_names().len() == 1),
                }
            }
        })
        .map_err(|cause| StoreError::Damaged {
            what: "format",
            cause,
        })?;
        return if is_new {
            make(db, options)
        } else {
            Err(foreign("a sled database of another program"))
        };
    };
    let name = FORMAT.len() - 2;
    if format.len() != FORMAT.len() || format[..name] != FORMAT[..name] {
        return Err(foreign("a database of another format"));
    }
    if *format != FORMAT {
        return Err(StoreError::Newer {
            dir: dir.to_owned(),
            found: u16::from_be_bytes([format[name], format[name + 1]]),
        });
    }
    let id = meta(db, MetaName::LedgerId)?
        .and_then(|id| LedgerId::try_from(&*id).ok())
        .ok_or_else(|| StoreError::Damaged {
            what: "ledger id",
            cause: "it is missing".to_owned(),
        })?;
    Ok((Origin::Found, id))
}

/// Writes the facts of a new ledger, the format last; the probe that follows makes them durable.
fn make(db: &Db, options: &SledOptions<'_>) -> Result<(Origin, LedgerId), StoreError> {
    let put = |name: MetaName, value: &[u8]| db.insert(Key::Meta(name).to_bytes(), value).map(drop);
    guarded(|| {
        put(MetaName::LedgerId, &options.fresh_id)?;
        put(MetaName::Created, &options.now.0.to_be_bytes())?;
        put(MetaName::Format, &FORMAT)
    })
    .map_err(|cause| StoreError::UnknownOutcome { cause })?;
    Ok((Origin::Created, options.fresh_id))
}

/// Writes once through sled and sees whether its flush went through our symbol; durable either way.
pub(super) fn probe(db: &Db, file: &DurableFile, now: Timestamp) -> Result<FlushPath, StoreError> {
    let unknown = |cause| StoreError::UnknownOutcome { cause };
    // The count makes the value new each time: sled writes nothing for a value that is already there.
    let starts = meta(db, MetaName::Opened)?
        .and_then(|value| {
            value
                .get(8..)
                .and_then(|count| count.try_into().ok())
                .map(u64::from_be_bytes)
        })
        .map_or(1, |count| count.wrapping_add(1));
    let value = [now.0.to_be_bytes(), starts.to_be_bytes()].concat();
    let before = file.synced_for_sled();
    guarded(|| {
        db.insert(Key::Meta(MetaName::Opened).to_bytes(), value)?;
        db.flush().map(drop)
    })
    .map_err(unknown)?;
    if file.synced_for_sled() > before && !file.failed() {
        return Ok(FlushPath::Interposed);
    }
    file.sync().map_err(|error| unknown(error.to_string()))?;
    Ok(FlushPath::OwnDescriptor)
}

/// When the ledger was made.
pub(super) fn created(db: &Db) -> Result<Timestamp, StoreError> {
    meta(db, MetaName::Created)?
        .and_then(|at| Some(Timestamp(i64::from_be_bytes((*at).try_into().ok()?))))
        .ok_or_else(|| StoreError::Damaged {
            what: "time of creation",
            cause: "it is missing".to_owned(),
        })
}

/// Where the stored frames end, by the last one's word.
pub(super) fn read_head(db: &Db, id: LedgerId) -> Result<Head, StoreError> {
    let last = guarded(|| db.scan_prefix([Key::FRAME]).next_back().transpose()).map_err(|cause| {
        StoreError::Damaged {
            what: "last frame",
            cause,
        }
    })?;
    let Some((key, value)) = last else {
        return Ok(Head {
            next: Position(0),
            chain: frame::genesis(id),
        });
    };
    let position = frame_key(&key)?;
    let frame = FrameRef::decode(&value).map_err(|fault| StoreError::Frame { position, fault })?;
    if frame.first != position {
        return Err(StoreError::Misplaced {
            position,
            said: frame.first,
        });
    }
    Ok(Head {
        next: frame.next,
        chain: frame.chain,
    })
}

fn meta(db: &Db, name: MetaName) -> Result<Option<IVec>, StoreError> {
    guarded(|| db.get(Key::Meta(name).to_bytes())).map_err(|cause| StoreError::Damaged {
        what: "format",
        cause,
    })
}
