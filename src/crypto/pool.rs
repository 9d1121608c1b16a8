//! A fixed number of threads that hash passwords, each with memory of its own that it uses again and again.
//!
//! A fresh 19 MiB for each hash would cost nearly as much as the hash; a queue without bound would be a way to exhaust the
//! server (P-11). Known and unknown users cost the same work and meet the same refusal (P-13).
//!
//! Those who carry a proof and strangers wait in two queues and take turns, so that a flood of sign-ins cannot keep an
//! owner from completing a recovery (law 10).

mod queue;
mod work;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use argon2::{Algorithm, Block};
use secrecy::SecretString;
use tokio::sync::oneshot;
use zeroize::{Zeroize, Zeroizing};

use crate::system::{Entropy, step_back};
use crate::types::{Lane, Span};

use super::foreign::{ForeignHash, SCRYPT_MEMORY_MAX, StoredVerifier};
use super::keyring::{Purpose, SharedKeyring};
use super::password::PasswordParams;
use super::phc::{HASH_LEN, SALT_LEN, Verifier};
use queue::Queue;

/// How long a worker waits for more before it wipes its memory, which costs some milliseconds.
const IDLE: Duration = Duration::from_millis(200);
/// How long it waits before it gives its memory back; getting it again costs as much as half a hash.
const QUIET: Duration = Duration::from_secs(30);

/// How many hashes at once and how many waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolSettings {
    /// Threads, each with the memory of one hash; more than cores gains nothing.
    pub workers: NonZeroUsize,
    /// Hashes that may wait for a thread, strangers' no more than half of them; one more is refused with [`Busy`].
    pub waiting_max: usize,
    /// Cost of a new verifier, and of every check for an unknown user.
    pub params: PasswordParams,
}

impl Default for PoolSettings {
    /// A thread for each core, and queues of about half a second.
    fn default() -> Self {
        let workers = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            workers,
            waiting_max: workers.get() * 32,
            params: PasswordParams::default(),
        }
    }
}

/// All threads are busy and the queue is full, or the pool has stopped: answered with 503 (RFC 9110 §15.6.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many passwords are being checked: try again in a second")]
pub struct Busy;

impl Busy {
    /// What `Retry-After` says.
    pub const RETRY_AFTER: Span = Span::seconds(1);
}

/// Whether a password is the one that a verifier was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not, or there is no verifier.
    Wrong,
    /// It is.
    Right {
        /// Whether a new verifier should take the old one's place.
        rehash: Rehash,
    },
}

impl Verdict {
    /// Whether the password is right.
    pub fn matches(self) -> bool {
        match self {
            Self::Wrong => false,
            Self::Right { .. } => true,
        }
    }
}

/// Whether a verifier is what would be made of the password today.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rehash {
    /// Other cost, algorithm or pepper than today's: make a new one while the password is at hand (P-09, P-10).
    Due,
    /// Up to date.
    NotNeeded,
}

/// The threads; hashing is asked of it and never done elsewhere.
pub struct PasswordPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl PasswordPool {
    /// Starts the threads; an error is the system's refusal of a thread.
    pub fn start(settings: PoolSettings, ring: SharedKeyring, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        let (pepper, _) = ring.current().active(Purpose::Pepper);
        let dummy = Verifier {
            pepper: Some(pepper),
            salt: random(entropy.as_ref(), SALT_LEN),
            hash: Zeroizing::new(random(entropy.as_ref(), HASH_LEN)),
            ..blank(settings.params)
        };
        let shared = Arc::new(Shared {
            settings,
            ring,
            entropy,
            dummy: dummy.to_phc(),
            queue: Mutex::new(Queue::open(settings.waiting_max)),
            work: Condvar::new(),
            oversize: Mutex::new(()),
        });
        let pool = Self {
            shared,
            threads: Mutex::new(Vec::new()),
        };
        for number in 0..settings.workers.get() {
            let shared = Arc::clone(&pool.shared);
            // If one fails to start, dropping `pool` stops the others.
            let thread = thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || shared.serve())?;
            locked(&pool.threads).push(thread);
        }
        Ok(pool)
    }

    /// Makes a verifier (PHC) of a password.
    pub async fn hash(&self, lane: Lane, password: SecretString) -> Result<SecretString, Busy> {
        self.ask_hash(lane, password)?.await.map_err(|_| Busy)
    }

    /// Makes a verifier of a hash that another program made: the password is not known, so ours is one of that hash.
    pub async fn layer(&self, lane: Lane, foreign: ForeignHash) -> Result<SecretString, Busy> {
        let (answer, receiver) = oneshot::channel();
        self.shared.enqueue(lane, Job::Layer { foreign, answer })?;
        receiver.await.map_err(|_| Busy)
    }

    /// Checks a password against a verifier, or against none at the same cost, for a user who is unknown or has none.
    pub async fn verify(
        &self,
        lane: Lane,
        password: SecretString,
        verifier: Option<SecretString>,
    ) -> Result<Verdict, Busy> {
        self.ask_verify(lane, password, verifier)?.await.map_err(|_| Busy)
    }

    /// [`PasswordPool::hash`] for commands and measurements; panics inside an asynchronous task.
    pub fn hash_blocking(&self, password: SecretString) -> Result<SecretString, Busy> {
        self.ask_hash(Lane::Proof, password)?
            .blocking_recv()
            .map_err(|_| Busy)
    }

    /// [`PasswordPool::verify`] for commands and measurements; panics inside an asynchronous task.
    pub fn verify_blocking(
        &self,
        password: SecretString,
        verifier: Option<SecretString>,
    ) -> Result<Verdict, Busy> {
        self.ask_verify(Lane::Proof, password, verifier)?
            .blocking_recv()
            .map_err(|_| Busy)
    }

    /// What the threads take for hashing while there is work: their number times the cost of one hash, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let PoolSettings { workers, params, .. } = self.shared.settings;
        workers.get() as u64 * params.memory_bytes()
    }

    /// The most that hashing ever takes: one thread at a time may borrow more, for an old verifier that cost
    /// more or for another program's (P-11).
    pub fn memory_bytes_max(&self) -> u64 {
        let own = self.shared.settings.params.memory_bytes();
        let largest = u64::from(PasswordParams::MEMORY_KIB_MAX) * 1_024;
        self.memory_bytes() + largest.saturating_sub(own).max(SCRYPT_MEMORY_MAX)
    }

    /// Hashes that wait for a thread now.
    pub fn waiting(&self) -> usize {
        locked(&self.shared.queue).waiting()
    }

    /// Takes nothing new, finishes what waits, wipes the memory and ends the threads; blocks until they have ended.
    pub fn stop(&self) {
        locked(&self.shared.queue).open = false;
        self.shared.work.notify_all();
        let threads = std::mem::take(&mut *locked(&self.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a password thread had panicked");
            }
        }
    }

    fn ask_hash(&self, lane: Lane, password: SecretString) -> Result<oneshot::Receiver<SecretString>, Busy> {
        let (answer, receiver) = oneshot::channel();
        self.shared.enqueue(lane, Job::Hash { password, answer })?;
        Ok(receiver)
    }

    fn ask_verify(
        &self,
        lane: Lane,
        password: SecretString,
        verifier: Option<SecretString>,
    ) -> Result<oneshot::Receiver<Verdict>, Busy> {
        let (answer, receiver) = oneshot::channel();
        let job = Job::Verify {
            password,
            verifier,
            answer,
        };
        self.shared.enqueue(lane, job)?;
        Ok(receiver)
    }
}

impl Drop for PasswordPool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for PasswordPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordPool({:?})", self.shared.settings)
    }
}

enum Job {
    Hash {
        password: SecretString,
        answer: oneshot::Sender<SecretString>,
    },
    Layer {
        foreign: ForeignHash,
        answer: oneshot::Sender<SecretString>,
    },
    Verify {
        password: SecretString,
        verifier: Option<SecretString>,
        answer: oneshot::Sender<Verdict>,
    },
}

/// What a thread finds when it looks for work.
enum Next {
    Job(Job),
    Nothing,
    End,
}

/// What a thread's memory holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// What the last hash left.
    Used,
    /// Zeros.
    Wiped,
    /// Nothing: it was given back, or never taken.
    Released,
}

impl Memory {
    /// How long to wait for work before the next step of giving it up.
    fn patience(self) -> Option<Duration> {
        match self {
            Self::Used => Some(IDLE),
            Self::Wiped => Some(QUIET),
            Self::Released => None,
        }
    }
}

struct Shared {
    settings: PoolSettings,
    ring: SharedKeyring,
    entropy: Arc<dyn Entropy>,
    /// A verifier of no password.
    dummy: SecretString,
    queue: Mutex<Queue<Job>>,
    work: Condvar,
    /// Held by the one thread that uses more memory than is its own.
    oversize: Mutex<()>,
}

impl Shared {
    fn enqueue(&self, lane: Lane, job: Job) -> Result<(), Busy> {
        locked(&self.queue).push(lane, job)?;
        self.work.notify_one();
        Ok(())
    }

    /// A thread's life: hash while there is work, wipe when there is none, end when the pool has.
    fn serve(&self) {
        step_back();
        let mut memory: Vec<Block> = Vec::new();
        let mut state = Memory::Released;
        loop {
            match self.next(state.patience()) {
                Next::Job(job) => {
                    if state == Memory::Released {
                        memory = vec![Block::new(); blank(self.settings.params).blocks()];
                    }
                    state = Memory::Used;
                    self.run(job, &mut memory);
                }
                Next::Nothing if state == Memory::Used => {
                    wipe(&mut memory);
                    state = Memory::Wiped;
                }
                Next::Nothing => {
                    memory = Vec::new();
                    state = Memory::Released;
                }
                Next::End => break,
            }
        }
        wipe(&mut memory);
    }

    /// Waits for the next job, for so long at most.
    fn next(&self, patience: Option<Duration>) -> Next {
        let queue = locked(&self.queue);
        let waits = |queue: &mut Queue<Job>| queue.waiting() == 0 && queue.open;
        let mut queue = match patience {
            Some(limit) => {
                let waited = self.work.wait_timeout_while(queue, limit, waits);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self
                .work
                .wait_while(queue, waits)
                .unwrap_or_else(PoisonError::into_inner),
        };
        match queue.pop() {
            Some(job) => Next::Job(job),
            None if queue.open => Next::Nothing,
            None => Next::End,
        }
    }

    /// Does one job, unless nobody waits for it any more.
    fn run(&self, job: Job, memory: &mut [Block]) {
        match job {
            Job::Hash { password, answer } => {
                if !answer.is_closed() {
                    // A caller that has gone meanwhile needs no answer.
                    let _ = answer.send(self.hash(&password, memory));
                }
            }
            Job::Layer { foreign, answer } => {
                if !answer.is_closed() {
                    let ForeignHash { recipe, output } = foreign;
                    let ours = self.make(&output, memory);
                    let recipe = Some(recipe);
                    let _ = answer.send(StoredVerifier { recipe, ours }.to_text());
                }
            }
            Job::Verify {
                password,
                verifier,
                answer,
            } => {
                if !answer.is_closed() {
                    let _ = answer.send(self.verify(&password, verifier.as_ref(), memory));
                }
            }
        }
    }
}

/// A verifier of today's cost, still without salt, hash and pepper.
fn blank(params: PasswordParams) -> Verifier {
    Verifier {
        algorithm: Algorithm::Argon2id,
        params,
        pepper: None,
        salt: Vec::new(),
        hash: Zeroizing::new(vec![0; HASH_LEN]),
    }
}

fn wipe(memory: &mut [Block]) {
    for block in memory {
        block.zeroize();
    }
}

fn random(entropy: &dyn Entropy, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    entropy.fill(&mut out);
    out
}

/// Nothing panics while these locks are held, so a poisoned one still guards sound data.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
