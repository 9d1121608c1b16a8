//! A house that can lose power: the real writer, law, keys and desk, on a disk that fails where the simulation says so.

use std::sync::{Arc, Mutex};

use keyledger::breach::Leaks;
use keyledger::crypto::{Keyring, PasswordParams, PasswordPool, PoolSettings, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration, Fault};
use keyledger::domain::{
    Command, Lifetimes, Limits, Outcome, State, SuppressedClass, password_policy::PasswordPolicy,
};
use keyledger::engine::{Boot, BootReport, Engine, Lane, Rollback, Trouble, state_hash};
use keyledger::ledger::memory::{Fault as DiskFault, WritePoint};
use keyledger::ledger::{MemoryStore, Reader};
use keyledger::system::{Clock, Entropy, SeededEntropy, TestClock};
use keyledger::types::{Span, Timestamp};

use crate::engine::Gate;
use crate::people::NOON;
use crate::rig::PATIENCE;

/// What the disk does next: at which write point, how many writes there pass before, and what then happens.
type Armed = Arc<Mutex<Option<(WritePoint, u32, DiskFault)>>>;

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// In good order.
    Stopped,
    /// In good order, but destroying keys fails on the way.
    StoppedBadly(DiskFault),
    /// At once.
    Killed,
}

/// The machine, over all its starts.
pub(super) struct Machine {
    pub(super) clock: Arc<TestClock>,
    pub(super) limits: Limits,
    ring: SharedKeyring,
    entropy: Arc<SeededEntropy>,
    armed: Armed,
    gate: Gate<MemoryStore>,
    desk: Option<Desk>,
    runtime: tokio::runtime::Runtime,
}

/// Limits that a short life meets now and then.
fn limits() -> Limits {
    Limits {
        mails_per_address_hour: 4,
        mails_per_address_day: 8,
        mails_per_client: 12,
        signups_per_client_hour: 6,
        signin_free: 3,
        code_tries_per_challenge: 3,
        sessions_per_user: 3,
        lifetimes: Lifetimes {
            session_idle: Span::days(2),
            ..Lifetimes::default()
        },
        ..Limits::default()
    }
}

impl Machine {
    /// A founded house at noon.
    pub(super) fn new(seed: u64) -> Self {
        let entropy = Arc::new(SeededEntropy::new(seed));
        let ring = SharedKeyring::new(Keyring::fresh(NOON, &*entropy));
        let mut machine = Self {
            clock: Arc::new(TestClock::at(NOON)),
            limits: limits(),
            ring,
            entropy,
            armed: Armed::default(),
            gate: Gate::before(MemoryStore::new([1; 16])),
            desk: None,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime"),
        };
        machine.start().expect("an empty ledger can be opened");
        let found = Command::Found {
            policies: vec![PasswordPolicy::classic()],
            keys: vec![],
            checkpoint: None,
        };
        machine
            .carry_out(Lane::Proof, found)
            .expect("an empty ledger can be founded");
        machine
    }

    pub(super) fn desk(&self) -> &Desk {
        self.desk.as_ref().expect("the house is open")
    }

    pub(super) fn engine(&self) -> &Engine {
        self.desk().engine()
    }

    pub(super) fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(self.engine().reader())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.desk().now()
    }

    /// When the last event was.
    pub(super) fn last_time(&self) -> Timestamp {
        self.engine().read(State::last_time)
    }

    /// Asks the desk something, and waits for the answer: one thing happens at a time.
    pub(super) fn ask<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        question: impl FnOnce(Desk) -> F,
    ) -> Result<T, Fault> {
        self.runtime.block_on(question(self.desk().clone()))
    }

    /// Hands a command to the writer.
    pub(super) fn carry_out(&self, lane: Lane, command: Command) -> Result<Outcome, Trouble> {
        self.runtime
            .block_on(self.engine().execute(lane, command, vec![]))
    }

    /// Has several commands carried out in one group: they wait behind one that says nothing.
    pub(super) fn carry_out_together(&self, commands: Vec<Command>) -> Vec<Result<Outcome, Trouble>> {
        let engine = self.engine();
        let nothing = Command::RecordSuppressed {
            class: SuppressedClass::Limited,
            count: 1,
            first: None,
        };
        self.gate.close();
        let first = engine.begin(Lane::Proof, nothing, vec![]);
        self.gate.wait_for_an_append();
        let begun: Vec<_> = commands
            .into_iter()
            .map(|command| engine.begin(Lane::Proof, command, vec![]))
            .collect();
        self.gate.open();
        self.runtime.block_on(async {
            let mut answers = vec![];
            if let Ok(first) = first {
                // Its answer is of no interest: what it would have told the others will.
                let _ = first.outcome().await;
            }
            for waiting in begun {
                answers.push(match waiting {
                    Ok(waiting) => waiting.outcome().await,
                    Err(trouble) => Err(trouble),
                });
            }
            answers
        })
    }

    /// The disk fails once, at this point, after so many more writes there.
    pub(super) fn arm(&self, point: WritePoint, after: u32, fault: DiskFault) {
        *self.armed.lock().unwrap() = Some((point, after, fault));
    }

    /// Whether the disk is still to fail.
    pub(super) fn disarm(&self) -> bool {
        self.armed.lock().unwrap().take().is_some()
    }

    /// Ends the process.
    pub(super) fn end(&mut self, ending: Ending) {
        let Some(desk) = self.desk.take() else { return };
        if let Ending::StoppedBadly(fault) = ending {
            self.arm(WritePoint::DestroyKeys, 0, fault);
        }
        let before = self
            .gate
            .look(|store| store.reopen())
            .expect("what was persisted can be read");
        assert!(desk.engine().stop(PATIENCE), "the writer ends");
        desk.passwords().stop();
        drop(desk);
        let disk = match ending {
            Ending::Killed => before,
            Ending::Stopped | Ending::StoppedBadly(_) => self
                .gate
                .look(|store| store.reopen())
                .expect("what was persisted can be read"),
        };
        self.disarm();
        self.gate = Gate::before(disk);
    }

    /// Starts a process on what is stored; the writes of the start itself can be made to fail before.
    pub(super) fn start(&mut self) -> Result<BootReport, String> {
        let disk = self
            .gate
            .look(|store| store.reopen())
            .map_err(|fault| fault.to_string())?;
        self.gate = Gate::before(disk);
        let armed = Arc::clone(&self.armed);
        self.gate.look(|store| {
            store.set_faults(Box::new(move |point, _| {
                let mut armed = armed.lock().unwrap();
                match &mut *armed {
                    Some((at, 0, fault)) if *at == point => {
                        let fault = *fault;
                        *armed = None;
                        fault
                    }
                    Some((at, after, _)) if *at == point => {
                        *after -= 1;
                        DiskFault::None
                    }
                    Some(_) | None => DiskFault::None,
                }
            }));
        });
        let wall = self.clock.wall();
        let mut made = None;
        let boot = Boot {
            store: Box::new(self.gate.store()),
            keyring: self.ring.clone(),
            clock: Box::new(|last| {
                let clock = Arc::new(match last {
                    Some(last) => TestClock::restarted(last, wall),
                    None => TestClock::at(wall),
                });
                made = Some(Arc::clone(&clock));
                clock as Arc<dyn Clock>
            }),
            entropy: Arc::clone(&self.entropy) as Arc<dyn Entropy>,
            limits: self.limits.clone(),
            anchor: None,
            erasures: None,
            snapshots: None,
            rollback: Rollback::Refuse,
            on_failure: Box::new(|_| {}),
        };
        let (engine, report) = boot.start().map_err(|fault| fault.to_string())?;
        self.clock = made.expect("a start makes a clock");
        let settings = PoolSettings {
            workers: std::num::NonZeroUsize::MIN,
            params: PasswordParams::SIMULATED,
            ..PoolSettings::default()
        };
        let entropy = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let pool = PasswordPool::start(settings, self.ring.clone(), entropy).expect("a thread");
        let settings = DeskSettings {
            brand: "Keyledger".to_owned(),
            password_policy: "classic".to_owned(),
            enumeration: Enumeration::Open,
            require_verified_email: false,
            leaks: Leaks::default(),
            mail: keyledger::domain::flow::GlobalMail::Configured,
            webhooks: keyledger::desk::WebhookSettings::default(),
        };
        self.desk = Some(Desk::open(engine, pool, settings));
        Ok(report)
    }

    /// A hash of all that is stored: frames and data keys, byte by byte.
    pub(super) fn bytes(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        self.gate.look(|store| {
            store.tamper(|frames| {
                for (position, bytes) in frames.iter() {
                    hasher.update(&position.0.to_be_bytes()).update(bytes);
                }
            });
        });
        let mut keys = vec![];
        let read = self
            .reader()
            .data_keys(&mut |id, bytes| keys.push((id.to_bytes(), bytes.to_vec())));
        read.expect("the keys can be read");
        keys.sort_unstable();
        for (id, bytes) in keys {
            hasher.update(&id).update(&bytes);
        }
        hasher.finalize()
    }

    /// A fingerprint of what readers see.
    pub(super) fn state_hash(&self) -> [u8; 32] {
        self.engine().read(state_hash)
    }
}
