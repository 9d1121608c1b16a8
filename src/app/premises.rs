//! A founded ledger, opened: engine and desk, and no sockets.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::EXIT_TEMPORARY;
use super::error::AppError;
use super::founding::{FoundingKeys, exists, is_founded, make_keys, open_keyring, write_first_events};
use super::permissions::exposed_folders;
use super::restore::refuse_unfinished;
use super::settings::{desk_settings, limits, pool_settings, snapshots};
use crate::config::Config;
use crate::crypto::key_files::KEYRING_FILE;
use crate::crypto::{PasswordPool, PoolSettings, SharedKeyring};
use crate::desk::{Desk, DeskSettings, EventFilter};
use crate::domain::{Actor, Limits};
use crate::engine::{Boot, BootReport, Engine, Rollback, Snapshots, fold};
use crate::ledger::anchor::ANCHOR_FILE;
use crate::ledger::erasures::ERASURES_FILE;
use crate::ledger::sled::LEDGER_DIR;
use crate::ledger::{Anchor, AnchorVerdict, SledOptions, SledStore, Store};
use crate::system::{Clock, Entropy, OsEntropy, SystemClock, random_array};
use crate::types::Timestamp;

/// More than the first command of a ledger has events.
const FIRST_EVENTS_MAX: usize = 100;

/// Makes the clock, told when the ledger's last event was.
pub type ClockMaker = Box<dyn FnOnce(Option<Timestamp>) -> Arc<dyn Clock>>;
/// What happens when the writer fails; it gets the cause.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// What premises are made of: real things, or those of a test.
pub struct Parts {
    /// The store.
    pub store: Box<dyn Store>,
    /// The purpose keys.
    pub keyring: SharedKeyring,
    /// The clock.
    pub clock: ClockMaker,
    /// The entropy.
    pub entropy: Arc<dyn Entropy>,
    /// The numbers that decisions are held against.
    pub limits: Limits,
    /// Password hashing.
    pub pool: PoolSettings,
    /// What the desk is told.
    pub desk: DeskSettings,
    /// The anchor's file; none for stores in memory.
    pub anchor: Option<PathBuf>,
    /// The erasure list; none for stores in memory.
    pub erasures: Option<PathBuf>,
    /// What a lost ledger means.
    pub rollback: Rollback,
    /// What happens when the writer fails.
    pub on_failure: OnFailure,
    /// Snapshots of state; none for stores in memory.
    pub snapshots: Option<Snapshots>,
}

/// A founded ledger, opened.
pub struct Premises {
    /// The use cases.
    pub desk: Desk,
    /// What the start found.
    pub report: BootReport,
    /// Whether the start could tell that the end of the ledger is there.
    pub end: EndOfLedger,
    anchor: Option<Arc<Mutex<Anchor>>>,
    snapshots: Option<Snapshots>,
}

/// Whether a start could tell that the end of the ledger is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndOfLedger {
    /// The anchor was there, or the ledger has nothing but its first events, or it is in memory.
    Known,
    /// The anchor was not, although the ledger went on.
    Unknown,
}

/// Whether the anchor is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noting {
    Whenever,
    Never,
}

/// How premises were left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// Everything that waited was carried out, and the anchor says so.
    Complete,
    /// The patience ran out, or the anchor could not be written; the next start makes up for it.
    Incomplete,
}

impl Premises {
    /// Makes a ledger and its keys in the folders of the settings; the two API keys are shown this once. Refuses if
    /// there is one already, and then changes nothing.
    pub fn found(config: &Config) -> Result<FoundingKeys, AppError> {
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        Self::found_with(config, Box::new(system_clock), entropy)
    }

    /// The same with another clock and entropy.
    pub fn found_with(
        config: &Config,
        clock: ClockMaker,
        entropy: Arc<dyn Entropy>,
    ) -> Result<FoundingKeys, AppError> {
        refuse_unfinished(config)?;
        let clock = clock(None);
        let mut store = open_store(config, "keyledger init", clock.now(), &*entropy)?;
        if is_founded(&fold(&mut store)?.state) {
            let data = config.data.clone();
            return Err(AppError::AlreadyFounded { data });
        }
        // An anchor is noted once a ledger has its first events: its keys are no remains of an interrupted founding.
        if exists(&config.keys_dir.join(ANCHOR_FILE))? {
            return Err(ledger_missing(config));
        }
        let (ring, master_file) = make_keys(config, clock.now(), &*entropy)?;
        let parts = Parts {
            clock: Box::new(move |_| clock),
            ..parts(config, Box::new(store), ring, entropy, Rollback::Refuse)?
        };
        let (premises, keys) = Self::assemble_new(parts)?;
        premises.close(Duration::from_secs(10));
        Ok(FoundingKeys { master_file, ..keys })
    }

    /// Opens the ledger of the settings. `command` is what others see who find it locked: `keyledger serve`.
    pub fn open(config: &Config, command: &str, rollback: Rollback) -> Result<Self, AppError> {
        Self::open_noting(config, command, rollback, Noting::Whenever)
    }

    /// The same for a check, which leaves the anchor as it is: looking twice tells the same.
    pub fn open_to_verify(config: &Config, command: &str) -> Result<Self, AppError> {
        Self::open_noting(config, command, Rollback::Refuse, Noting::Never)
    }

    fn open_noting(
        config: &Config,
        command: &str,
        rollback: Rollback,
        noting: Noting,
    ) -> Result<Self, AppError> {
        let data = || config.data.clone();
        refuse_unfinished(config)?;
        let ring_path = config.keys_dir.join(KEYRING_FILE);
        let is_there = (exists(&config.data.join(LEDGER_DIR))?, exists(&ring_path)?);
        match is_there {
            (false, false) => return Err(AppError::NotFounded { data: data() }),
            (false, true) => return Err(ledger_missing(config)),
            (true, _) => {}
        }
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let now = SystemClock::start(None).now();
        let snapshots = snapshots(config).inspect(|snapshots| snapshots.shelf().read_ahead());
        let store = open_store(config, command, now, &*entropy)?;
        if store.head().next.0 == 0 {
            return Err(if exists(&config.keys_dir.join(ANCHOR_FILE))? {
                ledger_missing(config)
            } else {
                AppError::NotFounded { data: data() }
            });
        }
        let ring = open_keyring(config)?;
        for warning in exposed_folders(config) {
            tracing::warn!("{warning}");
        }
        let mut parts = parts(config, Box::new(store), ring, entropy, rollback)?;
        parts.snapshots = snapshots;
        Self::build(parts, noting, &mut |_| Ok(()))
    }

    /// Makes a ledger of parts, and opens it.
    pub fn assemble_new(parts: Parts) -> Result<(Self, FoundingKeys), AppError> {
        let mut keys = None;
        let premises = Self::build(parts, Noting::Whenever, &mut |engine| {
            keys = Some(write_first_events(engine)?);
            Ok(())
        })?;
        let keys = keys.expect("`build` calls what it is given before it succeeds");
        Ok((premises, keys))
    }

    /// Opens a ledger of parts: what [`Premises::open`] and tests use.
    pub fn assemble(parts: Parts) -> Result<Self, AppError> {
        Self::build(parts, Noting::Whenever, &mut |_| Ok(()))
    }

    fn build(
        parts: Parts,
        noting: Noting,
        begin: &mut dyn FnMut(&Engine) -> Result<(), AppError>,
    ) -> Result<Self, AppError> {
        let Parts {
            store,
            keyring,
            clock,
            entropy,
            limits,
            pool,
            desk,
            anchor,
            erasures,
            rollback,
            on_failure,
            snapshots,
        } = parts;
        let boot = Boot {
            store,
            keyring: keyring.clone(),
            clock,
            entropy: Arc::clone(&entropy),
            limits,
            anchor: anchor.as_deref(),
            erasures: erasures.as_deref(),
            rollback,
            on_failure,
            snapshots: snapshots.as_ref().map(Snapshots::shelf),
        };
        let (engine, report) = boot.start()?;
        let opened = begin(&engine).and_then(|()| {
            check_policy(&engine, &desk)?;
            let mut anchor = anchor.as_deref().map(Anchor::open).transpose()?;
            if let Some(anchor) = &mut anchor
                && report.anchor != AnchorVerdict::Agrees
                && noting == Noting::Whenever
            {
                engine.note_anchor(anchor)?;
            }
            let pool = PasswordPool::start(pool, keyring, entropy).map_err(AppError::Pool)?;
            Ok((anchor, pool))
        });
        match opened {
            Ok((anchor, pool)) => {
                let desk = Desk::open(engine, pool, desk);
                if noting == Noting::Whenever
                    && let Err(fault) = desk.record_forgotten_rotations(report.master_replaced)
                {
                    tracing::error!(%fault, "the ledger could not be told of keys that were rotated before");
                }
                if report.epoch.is_some() {
                    desk.renew_token_keys_for_epoch(Actor::System);
                }
                let end = match &anchor {
                    Some(_) if report.anchor == AnchorVerdict::Absent => end_without_anchor(&desk),
                    Some(_) | None => EndOfLedger::Known,
                };
                let anchor = anchor.filter(|_| noting == Noting::Whenever);
                Ok(Self {
                    desk,
                    report,
                    end,
                    anchor: anchor.map(|anchor| Arc::new(Mutex::new(anchor))),
                    snapshots: snapshots.filter(|_| noting == Noting::Whenever),
                })
            }
            Err(error) => {
                // Leaves nothing behind that holds the data folder; a failed stop changes nothing about the error.
                let _ = engine.stop(Duration::from_secs(5));
                Err(error)
            }
        }
    }

    /// The anchor, for whoever notes in it while the ledger runs.
    pub(super) fn anchor(&self) -> Option<Arc<Mutex<Anchor>>> {
        self.anchor.clone()
    }

    /// Where snapshots go, for whoever takes them while the ledger runs.
    pub(super) fn snapshots(&self) -> Option<Snapshots> {
        self.snapshots.clone()
    }

    /// Carries out what waits, stops the writer and the hashing threads, and notes the end in the anchor. Blocks.
    pub fn close(self, patience: Duration) -> Closing {
        let engine = self.desk.engine();
        let stopped = engine.stop(patience);
        let noted = self.anchor.as_ref().is_none_or(|anchor| {
            let mut anchor = anchor.lock().unwrap_or_else(PoisonError::into_inner);
            engine
                .note_anchor(&mut anchor)
                .inspect_err(|error| tracing::error!(%error, "the anchor could not be written"))
                .is_ok()
        });
        self.desk.passwords().stop();
        if let Some(snapshots) = self
            .snapshots
            .as_ref()
            .filter(|_| stopped && engine.failure().is_none())
            && let Err(trouble) = snapshots.take_last(engine)
        {
            tracing::warn!("{trouble}; nothing is lost: without it the next start folds more events");
        }
        if stopped && noted && engine.failure().is_none() {
            Closing::Complete
        } else {
            Closing::Incomplete
        }
    }
}

/// `init` notes the first events, so that a ledger which goes on has lost its anchor.
fn end_without_anchor(desk: &Desk) -> EndOfLedger {
    let filter = EventFilter {
        limit: Some(FIRST_EVENTS_MAX),
        ..EventFilter::default()
    };
    // A ledger that cannot be read says so wherever it is used.
    let first = desk.events(&filter).unwrap_or_default();
    let goes_on = first
        .first()
        .is_some_and(|founding| first.iter().any(|event| event.command != founding.command));
    if goes_on {
        tracing::warn!(
            "there is no anchor, so nobody can tell whether the end of the ledger is missing; compare the ledger with a \
             backup or a checkpoint. Unless this was a check, the anchor is written anew from what is there"
        );
        EndOfLedger::Unknown
    } else {
        EndOfLedger::Known
    }
}

fn check_policy(engine: &Engine, desk: &DeskSettings) -> Result<(), AppError> {
    engine.read(|state| match state.policy(&desk.password_policy) {
        Some(_) => Ok(()),
        None => Err(AppError::unknown_policy(
            &desk.password_policy,
            state.flows().policies().map(|placed| &placed.value),
        )),
    })
}

fn ledger_missing(config: &Config) -> AppError {
    AppError::LedgerMissing {
        data: config.data.clone(),
        keys: config.keys_dir.clone(),
    }
}

pub(super) fn open_store(
    config: &Config,
    command: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SledStore, AppError> {
    let options = SledOptions::new(&config.data, command, now, random_array(entropy));
    Ok(SledStore::open(options)?)
}

pub(super) fn parts(
    config: &Config,
    store: Box<dyn Store>,
    keyring: SharedKeyring,
    entropy: Arc<dyn Entropy>,
    rollback: Rollback,
) -> Result<Parts, AppError> {
    Ok(Parts {
        store,
        keyring,
        clock: Box::new(system_clock),
        entropy,
        limits: limits(config),
        pool: pool_settings(config)?,
        desk: desk_settings(config)?,
        anchor: Some(config.keys_dir.join(ANCHOR_FILE)),
        erasures: Some(config.keys_dir.join(ERASURES_FILE)),
        rollback,
        on_failure: Box::new(end_process),
        snapshots: snapshots(config),
    })
}

fn system_clock(last_event: Option<Timestamp>) -> Arc<dyn Clock> {
    Arc::new(SystemClock::start(last_event))
}

/// Nobody knows what reached the disk, so nothing may be answered any more: the next start reads what is there.
fn end_process(cause: &str) {
    tracing::error!(
        cause,
        "the ledger cannot go on; this process ends, start it again"
    );
    eprintln!("keyledger: the ledger cannot go on ({cause}); this process ends, start it again");
    std::process::exit(EXIT_TEMPORARY);
}
