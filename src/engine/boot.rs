//! The start: the store is folded by the same function that runs live, keys that should be gone are destroyed again,
//! and the anchor is asked whether the ledger is whole.

use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use tokio::sync::watch;

use super::lanes::Lanes;
use super::writer::Writer;
use super::{Directory, Engine, LANE_DEPTH_MAX, Shared};
use crate::crypto::{SharedKeyring, Vault, WrappedKey};
use crate::domain::{Command, EpochReason, Limits, State, Unwritten, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::{
    Anchor, AnchorError, AnchorPoint, AnchorVerdict, ReplayCut, ReplayError, Store, StoreError, replay,
};
use crate::system::{Clock, Entropy};
use crate::types::{DataKeyId, Timestamp};

/// Days after which what strangers left behind cannot be read any more.
pub const DAY_KEYS_KEPT: u32 = 90;

/// What to do when the anchor says that the ledger lost acknowledged events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rollback {
    /// Do not start.
    Refuse,
    /// Start a new epoch: whatever was issued before is void.
    Accept,
    /// The ledger was put back from a backup, whatever the anchor says: start a new epoch.
    Restored,
}

/// Everything a start needs.
pub struct Boot<'a> {
    /// The store.
    pub store: Box<dyn Store>,
    /// The purpose keys.
    pub keyring: SharedKeyring,
    /// Makes the clock, told when the last event was.
    pub clock: Box<dyn FnOnce(Option<Timestamp>) -> Arc<dyn Clock> + 'a>,
    /// The entropy.
    pub entropy: Arc<dyn Entropy>,
    /// The settings that decisions are held against.
    pub limits: Limits,
    /// The anchor file; none for stores in memory.
    pub anchor: Option<&'a Path>,
    /// What a lost ledger means.
    pub rollback: Rollback,
    /// What to do when the writer fails: end the process, outside tests.
    pub on_failure: Box<dyn Fn(&str) + Send + Sync>,
}

/// What a start found.
#[derive(Clone, Debug)]
pub struct BootReport {
    /// Events that were folded.
    pub events: u64,
    /// The unfinished command that was cut off the end, if there was one.
    pub cut: Option<ReplayCut>,
    /// What the anchor said.
    pub anchor: AnchorVerdict,
    /// Data keys that were destroyed again.
    pub destroyed: usize,
}

/// Why a start failed.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError<CodecFault>),
    /// The anchor cannot be used.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The anchor contradicts the ledger.
    #[error(
        "{0} (to accept it: start once with --accept-rollback, which ends all sessions and voids every token)"
    )]
    Lost(AnchorVerdict),
    /// The writer's thread did not start.
    #[error("the writer's thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The new epoch could not be written.
    #[error("the new epoch could not be written: {0:?}")]
    Epoch(super::Trouble),
}

/// Folds a store; cuts an unfinished command off its end.
pub fn fold(store: &mut dyn Store) -> Result<(State, u64, Option<ReplayCut>), ReplayError<CodecFault>> {
    let mut state = State::default();
    let report = replay(store, &mut |header, payload, _raw| {
        let recorded = codec::decode(header, payload)?;
        evolve(&mut state, &recorded);
        Ok(())
    })?;
    Ok((state, report.records, report.cut))
}

/// Whether a data key is still needed, given what is.
fn is_needed(
    id: DataKeyId,
    state: &State,
    credentials: &std::collections::HashSet<[u8; 16]>,
    today: u32,
) -> bool {
    match id {
        DataKeyId::User(user) => state.users.contains_key(&user),
        DataKeyId::Credential(credential) => credentials.contains(&credential.0),
        DataKeyId::Day(day) => day + DAY_KEYS_KEPT >= today,
    }
}

impl Boot<'_> {
    /// Folds the ledger and starts the writer.
    pub fn start(self) -> Result<(Engine, BootReport), BootError> {
        let Boot {
            mut store,
            keyring,
            clock,
            entropy,
            limits,
            anchor,
            rollback,
            on_failure,
        } = self;
        let (state, events, cut) = fold(&mut *store)?;
        let verdict = match anchor {
            None => AnchorVerdict::Absent,
            Some(path) => {
                let anchor = Anchor::open(path)?;
                anchor.compare(store.ledger_id(), store.head(), &mut |next| store.chain_at(next))?
            }
        };
        if !verdict.is_sound() && rollback == Rollback::Refuse {
            return Err(BootError::Lost(verdict));
        }
        let clock = clock((events > 0).then(|| state.last_time()));
        let vault = Vault::new(keyring.clone());
        let doomed = load_keys(&*store, &state, &vault, clock.now().max(state.last_time()).day())?;
        let destroyed = doomed.len();
        for some in doomed.chunks(1024) {
            store.destroy_keys(some)?;
        }
        let directory = Directory::default();
        directory.fold(&state, &vault, &keyring.current());
        let head = store.head();
        let reader = store.reader();
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            directory,
            vault,
            keyring,
            clock,
            entropy,
            limits,
            lanes: Lanes::new(LANE_DEPTH_MAX),
            unwritten: Unwritten::default(),
            head: Mutex::new(head),
            published: watch::Sender::new(head.next),
            suppressed: Mutex::default(),
            outlived: Mutex::default(),
            reader,
            failure: Mutex::default(),
            on_failure,
            finished: Arc::default(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            store,
            doomed: vec![],
            destroyed: Instant::now(),
        };
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run())
            .map_err(BootError::Thread)?;
        let engine = Engine { shared };
        let reason = match rollback {
            Rollback::Restored => Some(EpochReason::Restored),
            Rollback::Accept if !verdict.is_sound() => Some(EpochReason::RollbackAccepted),
            Rollback::Accept | Rollback::Refuse => None,
        };
        if let Some(reason) = reason {
            let command = Command::StartEpoch { reason };
            engine
                .execute_blocking(super::Lane::Proof, command, vec![])
                .map_err(BootError::Epoch)?;
        }
        Ok((
            engine,
            BootReport {
                events,
                cut,
                anchor: verdict,
                destroyed,
            },
        ))
    }
}

/// Loads the data keys that are needed; returns those that should be gone.
fn load_keys(
    store: &dyn Store,
    state: &State,
    vault: &Vault,
    today: u32,
) -> Result<Vec<DataKeyId>, StoreError> {
    let credentials = state
        .users
        .values()
        .flat_map(|user| user.credential.iter().chain(user.past()));
    let credentials = credentials.map(|credential| credential.id.0).collect();
    let mut doomed = vec![];
    store.data_keys(&mut |id, bytes| match WrappedKey::from_bytes(bytes) {
        Some(wrapped) if is_needed(id, state, &credentials, today) => vault.insert(id, wrapped),
        Some(_) | None => doomed.push(id),
    })?;
    Ok(doomed)
}

impl Engine {
    /// Notes in the anchor how far the ledger is durable; off the commit path, at most once a second and at stop.
    pub fn note_anchor(&self, anchor: &mut Anchor) -> Result<(), AnchorError> {
        let (epoch, at) = self.read(|state| (state.epoch().number, state.last_time()));
        anchor.write(&AnchorPoint {
            epoch,
            head: self.head(),
            ledger_id: self.reader().ledger_id(),
            at,
        })
    }
}
