//! The start: the store is folded by the same function that runs live, from a snapshot if there is one, keys that should
//! be gone are destroyed again, and the anchor is asked whether the ledger is whole.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use tokio::sync::watch;

use super::chores::Chores;
use super::directory::{Known, Since};
use super::fold::{Folded, fold, fold_on};
use super::lanes::Lanes;
use super::rewrap::{self, RewrapFault};
use super::writer::Writer;
use super::{Durable, Engine, LANE_DEPTH_MAX, Shared, keys, snapshots};
use crate::crypto::{Purpose, SharedKeyring, Vault};
use crate::domain::{Actor, Command, EpochReason, Limits, State, Unwritten};
use crate::ledger::codec::CodecFault;
use crate::ledger::snapshot::{Contents, Found, Wanted};
use crate::ledger::{
    Anchor, AnchorError, AnchorPoint, AnchorVerdict, Erasure, Erasures, ErasuresError, ReplayCut,
    ReplayError, Shelf, Store, StoreError,
};
use crate::system::{Clock, Entropy};
use crate::types::{DataKeyId, Position, Timestamp, UserId};

/// Users who are erased again in the command that begins an epoch; the rest follow one by one before the start is over.
const ERASED_WITH_EPOCH_MAX: usize = 8_192;

/// What to do when the anchor or the erasure list says that the ledger lost acknowledged events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rollback {
    /// Do not start.
    Refuse,
    /// Start a new epoch: whatever was issued before is void.
    Accept,
    /// The ledger was just put back from a backup: start a new epoch whatever the anchor says.
    Restored,
}

impl Rollback {
    /// Why an epoch begins at this start, if one does.
    fn epoch(self, is_whole: bool) -> Option<EpochReason> {
        match self {
            Self::Restored => Some(EpochReason::Restored),
            Self::Accept if !is_whole => Some(EpochReason::RollbackAccepted),
            Self::Accept | Self::Refuse => None,
        }
    }
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
    /// The erasure list; none for stores in memory.
    pub erasures: Option<&'a Path>,
    /// What a lost ledger means.
    pub rollback: Rollback,
    /// What to do when the writer fails: end the process, outside tests.
    pub on_failure: Box<dyn Fn(&str) + Send + Sync>,
    /// Where snapshots are looked for; none to fold every event.
    pub snapshots: Option<&'a Shelf>,
}

/// What a start found.
#[derive(Clone, Debug)]
pub struct BootReport {
    /// Events that the state is folded from.
    pub events: u64,
    /// Where the snapshot was taken that the start went on from; none if it folded every event.
    pub snapshot: Option<Position>,
    /// The unfinished command that was cut off the end, if there was one.
    pub cut: Option<ReplayCut>,
    /// What the anchor said.
    pub anchor: AnchorVerdict,
    /// Data keys that were destroyed again.
    pub destroyed: usize,
    /// Why an epoch began at this start, if one did.
    pub epoch: Option<EpochReason>,
    /// Users on the erasure list whom the ledger still knew: they were erased again.
    pub erased_again: usize,
    /// Whether a replacement of the master key that was begun earlier was completed.
    pub master_replaced: bool,
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
    /// There is nothing left of a ledger that had events, so there is no rollback to accept.
    #[error(
        "this ledger is empty, but what lies beside the keys knows that it was not: restore it from a backup, or move \
         ledger and keys away and begin anew with `keyledger init`"
    )]
    Gone,
    /// The erasure list knows more than the ledger.
    #[error(
        "{0} users on the erasure list are not erased in this ledger: an older copy of it was put back, or the list \
         belongs to another ledger. If you restored it on purpose, accept it: start once with --accept-rollback, which \
         erases them again, ends all sessions and voids every token"
    )]
    Revived(usize),
    /// The erasure list cannot be used.
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    /// A data key has a form of another version; it is left as it is.
    #[error(
        "the key of {} is stored in a form that this version does not know (scheme {scheme}): run the version that wrote \
         it, or a later one; nothing was changed", owner(*id)
    )]
    UnknownScheme {
        /// Whose.
        id: DataKeyId,
        /// Its first byte.
        scheme: u8,
    },
    /// Keyring and ledger are not of one time.
    #[error(
        "{keys} data keys or more are wrapped under keys that the keyring does not have (as key {first}): the keyring \
         is older than the ledger, or the ledger is a copy from before the wrapping key was replaced. Put the newest \
         keyring back, or the keys of the copy's time; without them the personal data of these users is lost"
    )]
    KeyringTooOld {
        /// How many.
        keys: usize,
        /// The key that is missing.
        first: u32,
    },
    /// A replacement of keys that was begun earlier cannot go on.
    #[error("a replacement of keys was begun and cannot go on: {0}")]
    Rewrap(#[from] RewrapFault),
    /// The writer's thread did not start.
    #[error("the writer's thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The new epoch could not be written.
    #[error("the new epoch could not be written: {0:?}")]
    Epoch(super::Trouble),
}

/// Whose a data key is, in words.
fn owner(id: DataKeyId) -> String {
    match id {
        DataKeyId::User(user) => format!("user {user}"),
        DataKeyId::Credential(credential) => format!("password {credential}"),
        DataKeyId::Day(day) => format!("day {day}"),
    }
}

/// What a start folds before it knows the time.
struct Beginning {
    folded: Folded,
    snapshot: Option<Position>,
    directory: Known,
}

/// Folds a store from the newest snapshot that is of use, or from its beginning.
fn begin(
    store: &mut dyn Store,
    snapshots: Option<&Shelf>,
    keyring: &SharedKeyring,
) -> Result<Beginning, ReplayError<CodecFault>> {
    let found = snapshots.and_then(|shelf| snapshots::newest(shelf, &*store.reader(), Wanted::Newest));
    let Some(Found { head, contents, .. }) = found else {
        return Ok(Beginning {
            folded: fold(store)?,
            snapshot: None,
            directory: Known::Nothing,
        });
    };
    let mut since = Since::new(contents.lookups);
    let Contents { state, tree, .. } = contents;
    let folded = fold_on(store, state, tree, &mut |state, recorded| {
        since.note(state, recorded);
    })?;
    // Tables of another key find nobody.
    let is_current = head.lookup_key == keyring.current().active(Purpose::Lookup).0.0;
    Ok(Beginning {
        folded,
        snapshot: Some(head.at.next),
        directory: if is_current {
            Known::UpTo(since)
        } else {
            Known::Nothing
        },
    })
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
            erasures,
            rollback,
            on_failure,
            snapshots,
        } = self;
        let Beginning {
            folded,
            snapshot,
            directory,
        } = begin(&mut *store, snapshots, &keyring)?;
        let Folded { state, tree, cut, .. } = folded;
        let events = state.next().0;
        let verdict = match anchor {
            None => AnchorVerdict::Absent,
            Some(path) => {
                let anchor = Anchor::open(path)?;
                anchor.compare(store.ledger_id(), store.head(), &mut |next| store.chain_at(next))?
            }
        };
        let mut erasures = erasures.map(Erasures::open).transpose()?;
        let revived = erasures.as_ref().map_or(vec![], |list| revived(list, &state));
        let is_whole = verdict.is_sound() && revived.is_empty();
        if !is_whole && events == 0 {
            return Err(BootError::Gone);
        }
        if !is_whole && rollback == Rollback::Refuse {
            return Err(if verdict.is_sound() {
                BootError::Revived(revived.len())
            } else {
                BootError::Lost(verdict)
            });
        }
        let clock = clock((events > 0).then(|| state.last_time()));
        let vault = Vault::new(keyring.clone());
        let reader = store.reader();
        let today = clock.now().max(state.last_time()).day();
        if let Some(list) = &mut erasures {
            let at = state.last_time();
            let known = state.erased.iter();
            list.add(known.map(|(user, position)| {
                (
                    *user,
                    Erasure {
                        at,
                        position: *position,
                    },
                )
            }))?;
        }
        let destroyed = match directory {
            // Reading all keys would take longer than all the rest: they come while the server runs.
            Known::UpTo(_) if !keyring.is_rewrapping() => {
                keys::probe(&vault, &*reader, &state)?;
                keys::expect(&vault, &reader, &state, today);
                0
            }
            Known::UpTo(_) | Known::Nothing => keys::load(&mut *store, &vault, &state, today)?,
        };
        let master_replaced = keyring.is_replacing_master();
        if keyring.is_rewrapping() {
            let count = rewrap::finish(&mut *store, &vault, &*entropy)?;
            tracing::info!(
                count,
                "the replacement of keys that was begun earlier is complete"
            );
        }
        let directory = directory.complete(&state, &vault, &keyring.current());
        let head = store.head();
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            directory,
            vault,
            keyring,
            clock,
            entropy,
            limits,
            lanes: Lanes::new(LANE_DEPTH_MAX),
            chores: Chores::default(),
            unwritten: Unwritten::default(),
            past: Mutex::default(),
            durable: Mutex::new(Durable {
                head,
                tree: tree.clone(),
            }),
            published: watch::Sender::new(head.next),
            suppressed: Mutex::default(),
            outlived: Mutex::default(),
            reader,
            shelf: snapshots.cloned(),
            looked_back: AtomicBool::new(false),
            failure: Mutex::default(),
            on_failure,
            finished: Arc::default(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            store,
            tree,
            erasures,
            doomed: vec![],
            destroyed: shared.clock.monotonic(),
            _keys: keys::Coming::begin(&shared, today).map_err(BootError::Thread)?,
        };
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run())
            .map_err(BootError::Thread)?;
        let engine = Engine { shared };
        let epoch = rollback.epoch(is_whole);
        let erased_again = revived.len();
        if let Some(reason) = epoch {
            engine.begin_epoch(reason, revived).map_err(BootError::Epoch)?;
        }
        Ok((
            engine,
            BootReport {
                events,
                snapshot,
                cut,
                anchor: verdict,
                destroyed,
                epoch,
                erased_again,
                master_replaced,
            },
        ))
    }
}

/// The users on the erasure list whom the ledger does not know to be erased. Those it has never heard of stay listed: no
/// key of theirs is needed, so none survives a start.
fn revived(list: &Erasures, state: &State) -> Vec<UserId> {
    let listed = list.users().map(|(user, _)| user);
    listed.filter(|user| state.users.contains_key(user)).collect()
}

impl Engine {
    /// Begins an epoch, and erases again, first in it, users whose keys must stay dead. Blocks.
    pub fn begin_epoch(&self, reason: EpochReason, mut erase: Vec<UserId>) -> Result<(), super::Trouble> {
        let rest = erase.split_off(erase.len().min(ERASED_WITH_EPOCH_MAX));
        let command = Command::StartEpoch { reason, erase };
        self.execute_blocking(super::Lane::Proof, command, vec![])?;
        // A start that is killed in between finds them on the list again.
        for user in rest {
            let by = Actor::System;
            self.execute_blocking(super::Lane::Proof, Command::EraseUser { user, by }, vec![])?;
        }
        Ok(())
    }

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
