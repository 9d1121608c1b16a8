//! A running Keyledger within this process: engine, desk and the HTTP door on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyledger::crypto::{PasswordPool, PoolSettings, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration};
use keyledger::domain::{Actor, ApiKeyKind, Limits};
use keyledger::engine::{Boot, Engine, Rollback};
use keyledger::http::site::{Site, SiteSettings, router};
use keyledger::http::throttle::{Rate, Throttle};
use keyledger::http::{NetList, RouterSettings, ServerLimits, serve};
use keyledger::ledger::{MemoryStore, SledOptions, SledStore, Store};
use keyledger::system::{Clock, OsEntropy, SystemClock, random_id};
use keyledger::types::Timestamp;
use secrecy::ExposeSecret;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A new ledger on a disk.
pub(crate) fn on_disk(directory: &Path) -> Box<dyn Store> {
    let now = SystemClock::start(None).now();
    let options = SledOptions::new(directory, "cargo bench", now, random_id(&OsEntropy));
    Box::new(SledStore::open(options).expect("a new ledger can be made"))
}

/// A new ledger in memory.
pub(crate) fn in_memory() -> Box<dyn Store> {
    Box::new(MemoryStore::new(random_id(&OsEntropy)))
}

/// Limits under which everything is written down, so that what is measured is the work and not a refusal.
pub(crate) fn wide_limits() -> Limits {
    Limits {
        stranger_bytes_day: u64::MAX,
        stranger_bytes_burst: u64::MAX,
        ..Limits::default()
    }
}

/// Starts the engine over a filled store.
pub(crate) fn start_engine(store: Box<dyn Store>, ring: SharedKeyring) -> Engine {
    let boot = Boot {
        store,
        keyring: ring,
        clock: Box::new(|last: Option<Timestamp>| Arc::new(SystemClock::start(last)) as Arc<dyn Clock>),
        entropy: Arc::new(OsEntropy),
        limits: wide_limits(),
        anchor: None,
        rollback: Rollback::Refuse,
        on_failure: Box::new(|cause| panic!("the writer failed: {cause}")),
    };
    boot.start().expect("the ledger folds").0
}

/// The runtime that a server has: a thread for each core.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("threads start")
}

/// The server.
pub(crate) struct House {
    pub(crate) desk: Desk,
    /// Where its door is.
    pub(crate) addr: SocketAddr,
    /// A publishable key.
    pub(crate) api_key: String,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
}

impl House {
    /// Opens the door before an engine.
    pub(crate) fn open(engine: Engine) -> Self {
        let runtime = runtime();
        let everybody: NetList = ["127.0.0.0/8".parse().expect("a network")].into_iter().collect();
        let passwords = PasswordPool::start(
            PoolSettings::default(),
            engine.keyring().clone(),
            Arc::new(OsEntropy),
        );
        let settings = DeskSettings {
            brand: "Keyledger".into(),
            password_policy: "classic".into(),
            enumeration: Enumeration::Open,
            require_verified_email: false,
        };
        let desk = Desk::open(engine, passwords.expect("threads start"), settings);
        let key = runtime.block_on(desk.create_api_key(
            ApiKeyKind::Publishable,
            "bench".into(),
            None,
            Actor::Operator,
        ));
        let api_key = key.expect("the writer runs").text.expose_secret().to_owned();
        let settings = SiteSettings {
            brand: "Keyledger".into(),
            public_url: "http://localhost".into(),
            recovery_url: "http://localhost/recover".into(),
            callback_urls: vec![],
            verify_on_get: false,
            exempt_networks: everybody.clone(),
        };
        let site = Site {
            desk: desk.clone(),
            settings,
            calls: Throttle::new(Rate::DEFAULT, 65_536, everybody.clone()),
        };
        let router = router(
            Arc::new(site),
            RouterSettings::new(Arc::new(|| random_id(&OsEntropy))),
        );
        let limits = ServerLimits {
            uncapped: everybody,
            ..ServerLimits::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        runtime.spawn(serve(listener, router.into_filter(), limits, async {
            let _ = stopped.await;
        }));
        Self {
            desk,
            addr,
            api_key,
            runtime,
            stop,
        }
    }

    /// Stops everything, the writer last.
    pub(crate) fn close(self) {
        drop(self.stop);
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        self.desk.engine().stop(Duration::from_secs(5));
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str, bearer: &str) -> Vec<u8> {
        let key = &self.api_key;
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        )
        .into_bytes()
    }

    /// A request with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Vec<u8> {
        let (key, body) = (&self.api_key, body.to_string());
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
