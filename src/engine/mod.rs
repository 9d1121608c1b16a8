//! The engine: one writer, state that readers share, and the start that folds it.
//!
//! `execute` hands a command to the writer and comes back when its events are on the disk, or when it was refused;
//! `read` looks at what is durable. Nothing else touches state.

mod boot;
mod chores;
mod compact;
mod directory;
mod fingerprint;
mod fold;
mod keys;
mod lanes;
mod rewrap;
mod snapshots;
mod then;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

pub use crate::types::Lane;
pub use boot::{Boot, BootError, BootReport, Rollback};
pub use compact::{CompactError, Compacted, Proof};
pub use directory::Directory;
pub use fingerprint::{PIECES, agree, state_hash};
pub use fold::{Folded, fold, fold_until};
pub use keys::DAY_KEYS_KEPT;
pub use rewrap::RewrapFault;
pub use snapshots::{SnapshotTrouble, Snapshots, Taken};
pub use then::{Moment, PastFault, StateThen, TellFold};

use crate::crypto::{SharedKeyring, Vault, WrappedKey};
use crate::domain::{Command, Limits, Outcome, Preserved, Refusal, State, SuppressedClass, Unwritten};
use crate::ledger::{Frontier, Head, Reader, Shelf};
use crate::system::{Clock, Entropy};
use crate::types::{DataKeyId, Position, Sealed};
use chores::Chores;
use lanes::{Closed, Lanes};
use writer::Job;

/// Commands that may wait in one lane.
pub const LANE_DEPTH_MAX: usize = 4_096;

/// Days before the oldest kept one whose keys are looked for: far more than may pass between two looks.
const DAYS_LOOKED_BACK: u32 = 400;

/// Why a command came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The answer is no.
    Refused(Refusal),
    /// Too much waits; come back shortly.
    Overloaded,
    /// The engine has stopped, or is stopping.
    Stopped,
}

/// How far the ledger is on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Durable {
    /// Where it ends.
    pub head: Head,
    /// The right edge of the Merkle tree over everything before that end.
    pub tree: Frontier,
}

struct Shared {
    state: RwLock<State>,
    directory: Directory,
    vault: Vault,
    keyring: SharedKeyring,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    lanes: Lanes<Job>,
    chores: Chores,
    unwritten: Unwritten,
    /// What was there before, where somebody is writing a snapshot and has yet to see it. Taken after `state` only.
    past: Mutex<Option<Preserved>>,
    durable: Mutex<Durable>,
    published: watch::Sender<Position>,
    suppressed: Mutex<BTreeMap<SuppressedClass, Counted>>,
    /// Data keys whose time is over, for the writer to destroy in the store.
    outlived: Mutex<Vec<DataKeyId>>,
    reader: Arc<dyn Reader>,
    /// Where snapshots lie, from which the past is folded.
    shelf: Option<Shelf>,
    /// Whether somebody looks at the past.
    looked_back: AtomicBool,
    failure: Mutex<Option<String>>,
    on_failure: Box<dyn Fn(&str) + Send + Sync>,
    finished: Arc<Finished>,
}

/// What was answered and not written one by one.
#[derive(Clone, Default, Debug)]
pub struct Counted {
    /// How often.
    pub count: u64,
    /// Where the first came from, if that was noted.
    pub first: Option<SealedOrigin>,
}

/// Where a request came from, and the keys to store with it.
#[derive(Clone, Debug)]
pub struct SealedOrigin {
    /// Address and program, sealed.
    pub origin: Sealed,
    /// New data keys that it is sealed under.
    pub keys: Vec<(DataKeyId, WrappedKey)>,
}

/// Tells when the writer is gone.
#[derive(Default)]
struct Finished {
    done: Mutex<bool>,
    told: Condvar,
}

impl Counted {
    fn once() -> Self {
        Self {
            count: 1,
            first: None,
        }
    }
}

impl Finished {
    fn finish(&self) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    fn wait(&self, patience: Duration) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, _) = self
            .told
            .wait_timeout_while(done, patience, |done| !*done)
            .unwrap_or_else(PoisonError::into_inner);
        *done
    }
}

impl Shared {
    fn durable(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn past(&self) -> MutexGuard<'_, Option<Preserved>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suppress(&self, class: SuppressedClass, more: Counted) {
        let mut counts = self.suppressed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.entry(class).or_default();
        known.count = known.count.saturating_add(more.count);
        known.first = known.first.take().or(more.first);
    }

    /// Remembers why the writer stops, before anybody who waits for it is told.
    fn note_failure(&self, cause: &str) -> String {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause.to_owned());
        cause.to_owned()
    }

    /// Takes and answers nothing more. The writer is finished only when it has let go of the store.
    fn fail(&self, cause: &str) {
        self.note_failure(cause);
        self.lanes.abort();
        (self.on_failure)(cause);
    }
}

/// A command that was handed over; dropping it does not take the command back.
pub struct Begun(oneshot::Receiver<Result<Outcome, Trouble>>);

impl Begun {
    /// Waits until the command's events are durable, or it is refused.
    pub async fn outcome(self) -> Result<Outcome, Trouble> {
        self.0.await.unwrap_or(Err(Trouble::Stopped))
    }
}

/// A handle to the running engine; cheap to copy.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Has a command carried out. Comes back when its events are durable, or when it is refused.
    ///
    /// `keys` are new data keys that the command's sealed values need; they are stored with its first event.
    pub async fn execute(
        &self,
        lane: Lane,
        command: Command,
        keys: Vec<(DataKeyId, WrappedKey)>,
    ) -> Result<Outcome, Trouble> {
        self.begin(lane, command, keys)?.outcome().await
    }

    /// Hands a command over without waiting: commands begun one after another in one lane are decided in that order.
    pub fn begin(
        &self,
        lane: Lane,
        command: Command,
        keys: Vec<(DataKeyId, WrappedKey)>,
    ) -> Result<Begun, Trouble> {
        let (answer, verdict) = oneshot::channel();
        self.submit(
            lane,
            Job {
                command,
                keys,
                answer,
            },
        )?;
        Ok(Begun(verdict))
    }

    /// The same as [`Engine::execute`] for a start or a command line: blocks the calling thread, whatever it is.
    pub fn execute_blocking(
        &self,
        lane: Lane,
        command: Command,
        keys: Vec<(DataKeyId, WrappedKey)>,
    ) -> Result<Outcome, Trouble> {
        let Begun(verdict) = self.begin(lane, command, keys)?;
        // On a thread of its own, because tokio refuses to block one of the runtime's.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| verdict.blocking_recv());
            waiting
                .join()
                .ok()
                .and_then(Result::ok)
                .unwrap_or(Err(Trouble::Stopped))
        })
    }

    fn submit(&self, lane: Lane, job: Job) -> Result<(), Trouble> {
        self.shared.lanes.push(lane, job).map_err(|closed| match closed {
            Closed::Full => Trouble::Overloaded,
            Closed::Stopped => Trouble::Stopped,
        })
    }

    /// Looks at what is durable. Be quick: the writer waits for readers when it publishes.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From addresses to ids.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// The data keys.
    pub fn vault(&self) -> &Vault {
        &self.shared.vault
    }

    /// The purpose keys.
    pub fn keyring(&self) -> &SharedKeyring {
        &self.shared.keyring
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The entropy.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.shared.entropy
    }

    /// The settings that decisions are held against.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What strangers did that the ledger does not hold.
    pub fn unwritten(&self) -> &Unwritten {
        &self.shared.unwritten
    }

    /// Counts something that a door refused by itself, to be written down with the rest.
    pub fn count_suppressed(&self, class: SuppressedClass) {
        self.shared.suppress(class, Counted::once());
    }

    /// The same, noting where it came from if it is the first since the counts were written down.
    pub fn count_suppressed_from(&self, class: SuppressedClass, seal: impl FnOnce() -> SealedOrigin) {
        let counts = self.shared.suppressed.lock();
        let counts = counts.unwrap_or_else(PoisonError::into_inner);
        let is_first = counts.get(&class).is_none_or(|known| known.first.is_none());
        drop(counts);
        let first = is_first.then(seal);
        self.shared.suppress(class, Counted { count: 1, first });
    }

    /// Reads the ledger beside the writer.
    pub fn reader(&self) -> &Arc<dyn Reader> {
        &self.shared.reader
    }

    /// Where the durable ledger ends.
    pub fn head(&self) -> Head {
        self.shared.durable().head
    }

    /// Where the durable ledger ends, and the tree over everything before that end.
    pub fn durable(&self) -> Durable {
        self.shared.durable().clone()
    }

    /// Tells of every commit.
    pub fn published(&self) -> watch::Receiver<Position> {
        self.shared.published.subscribe()
    }

    /// Takes the counts of what was not written, to write them down as one event a class.
    pub fn take_suppressed(&self) -> BTreeMap<SuppressedClass, Counted> {
        std::mem::take(
            &mut *self
                .shared
                .suppressed
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Gives back a count that could not be written down.
    pub fn put_back_suppressed(&self, class: SuppressedClass, counted: Counted) {
        self.shared.suppress(class, counted);
    }

    /// Destroys the keys of days that are older than [`DAY_KEYS_KEPT`]; the store forgets them within about a second.
    /// A start does the same, so only the days that have aged since are looked at. Says how many there were.
    pub fn destroy_outlived_day_keys(&self) -> usize {
        let last = self.read(State::last_time);
        let oldest_kept = self.clock().now().max(last).day().saturating_sub(DAY_KEYS_KEPT);
        let aged = oldest_kept.saturating_sub(DAYS_LOOKED_BACK)..oldest_kept;
        let destroyed: Vec<_> = aged
            .map(DataKeyId::Day)
            .filter(|id| self.vault().destroy(*id))
            .collect();
        let count = destroyed.len();
        self.shared
            .outlived
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(destroyed);
        count
    }

    /// Why the writer has stopped, if it failed.
    pub fn failure(&self) -> Option<String> {
        self.shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the writer runs, and will carry out what it is asked.
    pub fn is_running(&self) -> bool {
        let finished = *self
            .shared
            .finished
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        !finished && self.failure().is_none()
    }

    /// Takes no more commands, carries out those that wait, and stops the writer. Says whether it was done in time.
    pub fn stop(&self, patience: Duration) -> bool {
        self.shared.lanes.close();
        self.shared.finished.wait(patience)
    }
}
