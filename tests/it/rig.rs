//! Engines and desks for tests: on any store, under a clock and an entropy that tests own.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use keyledger::breach::Leaks;
use keyledger::crypto::{Keyring, PasswordPool, PoolSettings, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration, Visitor};
use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{Command, Limits, Outcome};
use keyledger::engine::{Boot, BootError, BootReport, Engine, Lane, Rollback, Trouble};
use keyledger::ledger::erasures::ERASURES_FILE;
use keyledger::ledger::{Shelf, SledOptions, SledStore, Store, StoreError};
use keyledger::system::{Clock, SeededEntropy, TestClock};
use keyledger::types::{EmailAddress, Locale};

use crate::people::NOON;

/// Long enough for any test; never waited for unless something hangs.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What stays the same over restarts: keys, time, and what the writer died of.
#[derive(Clone)]
pub struct Rig {
    pub clock: Arc<TestClock>,
    pub ring: SharedKeyring,
    pub limits: Limits,
    /// Where starts look for snapshots.
    pub shelf: Option<Shelf>,
    entropy: Arc<SeededEntropy>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    pub fn new() -> Self {
        let entropy = Arc::new(SeededEntropy::new(7));
        Self {
            clock: Arc::new(TestClock::at(NOON)),
            ring: SharedKeyring::new(Keyring::fresh(NOON, &*entropy)),
            limits: Limits::default(),
            shelf: None,
            entropy,
            failures: Arc::default(),
        }
    }

    pub fn clock_now(&self) -> keyledger::types::Timestamp {
        self.clock.now()
    }

    /// What `on_failure` was told, each time it was called.
    pub fn failures(&self) -> MutexGuard<'_, Vec<String>> {
        self.failures.lock().unwrap()
    }

    pub fn boot(&self, store: impl Store + 'static) -> Result<(Engine, BootReport), BootError> {
        self.boot_anchored(store, None, Rollback::Refuse)
    }

    pub fn boot_anchored(
        &self,
        store: impl Store + 'static,
        anchor: Option<&Path>,
        rollback: Rollback,
    ) -> Result<(Engine, BootReport), BootError> {
        let (clock, failures) = (Arc::clone(&self.clock), Arc::clone(&self.failures));
        let erasures = anchor.map(|anchor| anchor.with_file_name(ERASURES_FILE));
        let boot = Boot {
            store: Box::new(store),
            keyring: self.ring.clone(),
            clock: Box::new(move |_| clock as Arc<dyn Clock>),
            entropy: Arc::clone(&self.entropy) as Arc<dyn keyledger::system::Entropy>,
            limits: self.limits.clone(),
            anchor,
            erasures: erasures.as_deref(),
            rollback,
            on_failure: Box::new(move |cause| failures.lock().unwrap().push(cause.to_owned())),
            snapshots: self.shelf.as_ref(),
        };
        boot.start()
    }

    /// Boots, and founds the ledger if it is empty.
    pub fn start(&self, store: impl Store + 'static) -> Engine {
        let (engine, report) = self.boot(store).expect("the store can be folded");
        if report.events == 0 {
            found(&engine);
        }
        engine
    }

    /// A desk before an engine; a hash at a time.
    pub fn desk(&self, engine: Engine) -> Desk {
        let entropy = Arc::clone(&self.entropy) as Arc<dyn keyledger::system::Entropy>;
        let settings = PoolSettings {
            workers: std::num::NonZeroUsize::MIN,
            ..PoolSettings::default()
        };
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
        Desk::open(engine, pool, settings)
    }

    /// Opens the ledger of a folder.
    pub fn sled(&self, dir: &Path) -> Result<SledStore, StoreError> {
        let options = SledOptions::new(dir, "a test", self.clock.now(), [9; 16]);
        SledStore::open(SledOptions {
            cache_bytes: 4 << 20,
            ..options
        })
    }

    /// A desk on the ledger of a folder.
    pub fn open(&self, dir: &Path) -> Desk {
        let store = self.sled(dir).expect("the folder is free");
        self.desk(self.start(store))
    }
}

/// Makes the first events.
pub fn found(engine: &Engine) {
    let command = Command::Found {
        policies: vec![PasswordPolicy::classic()],
        keys: vec![],
        checkpoint: None,
    };
    let founded = run(engine, Lane::Proof, command);
    assert_eq!(founded, Ok(Outcome::Done));
}

/// Has a command carried out that needs no new keys.
pub fn run(engine: &Engine, lane: Lane, command: Command) -> Result<Outcome, Trouble> {
    engine.execute_blocking(lane, command, vec![])
}

/// Stops a desk and closes its store.
pub fn close(desk: Desk) {
    assert!(desk.engine().stop(PATIENCE), "the writer ends");
    desk.passwords().stop();
    drop(desk);
}

/// A future, on this thread alone; one that hangs is a failure.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let patient = async { tokio::time::timeout(PATIENCE, future).await };
    runtime.expect("a runtime").block_on(patient).expect("it hangs")
}

pub fn visitor(ip: &str) -> Visitor {
    Visitor {
        ip: ip.parse().expect("an address of the network"),
        user_agent: "a browser".to_owned(),
        locale: Some(Locale::En),
        exempt: false,
    }
}

pub fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// Answers every request that waits, as the worker does.
pub fn issue_all(desk: &Desk) {
    let due: Vec<_> = desk
        .engine()
        .read(|state| state.requests.clone().into_iter().collect());
    for (request, due) in due {
        let command = desk.answer_to(request, &due);
        run(desk.engine(), Lane::Proof, command).expect("a request that waits is answered");
    }
}
