//! What a house stands on: clock, keys, ledger.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyledger::crypto::{Keyring, SharedKeyring};
use keyledger::desk::Desk;
use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{Actor, ApiKeyKind, Command, Limits};
use keyledger::engine::{Boot, Engine, Lane, Rollback};
use keyledger::ledger::{SledOptions, SledStore, Store};
use keyledger::system::{Clock, SeededEntropy, TestClock};
use keyledger::types::Timestamp;
use secrecy::ExposeSecret;

/// What a restart leaves in place.
#[derive(Clone)]
pub struct Ground {
    pub clock: Arc<TestClock>,
    pub entropy: Arc<SeededEntropy>,
    pub ring: SharedKeyring,
    /// The publishable key, once there is one.
    pub key: String,
}

impl Ground {
    pub fn new() -> Self {
        let now = Timestamp::parse_rfc3339("2026-01-20T14:00:00Z").unwrap();
        let entropy = Arc::new(SeededEntropy::new(7));
        Self {
            clock: Arc::new(TestClock::at(now)),
            ring: SharedKeyring::new(Keyring::fresh(now, &*entropy)),
            entropy,
            key: String::new(),
        }
    }

    pub fn boot(&self, store: Box<dyn Store>, limits: Limits) -> Engine {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let boot = Boot {
            store,
            keyring: self.ring.clone(),
            clock: Box::new(move |_| clock),
            entropy: self.entropy.clone(),
            limits,
            anchor: None,
            rollback: Rollback::Refuse,
            on_failure: Box::new(|_| {}),
        };
        boot.start().unwrap().0
    }
}

/// Writes the first events and makes a publishable key.
pub async fn found(desk: &Desk) -> String {
    let found = Command::Found {
        policies: vec![PasswordPolicy::classic(), PasswordPolicy::nist()],
        keys: vec![],
    };
    desk.engine().execute(Lane::Proof, found, vec![]).await.unwrap();
    let key = desk
        .create_api_key(ApiKeyKind::Publishable, "stories".into(), None, Actor::Operator)
        .await;
    key.unwrap().text.expose_secret().to_owned()
}

/// Opens the folder once whatever still reads there has gone.
pub async fn open_sled(dir: &Path, now: Timestamp) -> Box<dyn Store> {
    let open = || {
        SledStore::open(SledOptions {
            dir,
            command: "stories",
            now,
            fresh_id: [1; 16],
            cache_bytes: 8 << 20,
            commit_limit: Duration::from_secs(30),
            on_stall: Box::new(|_| {}),
        })
    };
    let mut opened = open();
    for _ in 0..1_000 {
        if opened.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        opened = open();
    }
    Box::new(opened.unwrap())
}
