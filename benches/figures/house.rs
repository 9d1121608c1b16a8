//! A running Keyledger within this process: engine, desk and the HTTP door on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use keyledger::app::{App, AppSettings, Listeners, Parts, Premises};
use keyledger::audit::Notary;
use keyledger::breach::Leaks;
use keyledger::crypto::{PoolSettings, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration};
use keyledger::domain::{Actor, ApiKeyKind, Limits};
use keyledger::engine::{Boot, Engine, Rollback, Snapshots};
use keyledger::http::NetList;
use keyledger::ledger::{MemoryStore, Shelf, SledOptions, SledStore, Store};
use keyledger::mail::sink::{Sink, SinkBehaviour};
use keyledger::mail::{MailSettings, MailSettingsDraft};
use keyledger::system::{Clock, OsEntropy, SystemClock, random_id};
use keyledger::types::Timestamp;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

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

fn clock(last: Option<Timestamp>) -> Arc<dyn Clock> {
    Arc::new(SystemClock::start(last))
}

/// Mails to the sink, and no limit for this machine.
fn settings(mail_port: u16) -> AppSettings {
    let everybody: NetList = ["127.0.0.0/8".parse().expect("a network")].into_iter().collect();
    let mail = MailSettings::check(MailSettingsDraft {
        host: "127.0.0.1".into(),
        port: mail_port,
        from: "Keyledger <no-reply@example.org>".into(),
        hello_name: Some("bench.example.org".into()),
        ..MailSettingsDraft::default()
    });
    let mut settings = AppSettings::new("http://localhost", mail.expect("loopback needs no TLS"));
    settings.site.exempt_networks = everybody.clone();
    settings.server.uncapped = everybody;
    settings
}

/// Starts the engine over a filled store.
pub(crate) fn start_engine(store: Box<dyn Store>, ring: SharedKeyring) -> Engine {
    start_engine_from(store, ring, None)
}

/// The same, going on from a snapshot.
pub(crate) fn start_engine_from(store: Box<dyn Store>, ring: SharedKeyring, shelf: Option<&Shelf>) -> Engine {
    let boot = Boot {
        store,
        keyring: ring,
        clock: Box::new(clock),
        entropy: Arc::new(OsEntropy),
        limits: wide_limits(),
        anchor: None,
        erasures: None,
        rollback: Rollback::Refuse,
        on_failure: Box::new(|cause| panic!("the writer failed: {cause}")),
        snapshots: shelf,
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

/// The server with everything that belongs to it, and a mail server that takes all.
pub(crate) struct House {
    pub(crate) desk: Desk,
    /// Where its door is.
    pub(crate) addr: SocketAddr,
    /// A publishable key.
    pub(crate) api_key: String,
    /// Where its mails go.
    pub(crate) sink: Sink,
    app: App,
    runtime: Runtime,
    post: Runtime,
}

impl House {
    /// Opens the doors over a filled store.
    pub(crate) fn open(store: Box<dyn Store>, ring: SharedKeyring) -> Self {
        Self::open_from(store, ring, None)
    }

    /// The same, going on from a snapshot.
    pub(crate) fn open_from(
        store: Box<dyn Store>,
        ring: SharedKeyring,
        snapshots: Option<Snapshots>,
    ) -> Self {
        let runtime = runtime();
        // The mail server is somebody else's program: it has a thread of its own.
        let post = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads start");
        let sink = post.block_on(Sink::start(SinkBehaviour::accepting().kept_max(1, 1 << 20)));
        let sink = sink.expect("loopback has a free port");
        let parts = Parts {
            store,
            keyring: ring,
            clock: Box::new(clock),
            entropy: Arc::new(OsEntropy),
            limits: wide_limits(),
            pool: PoolSettings::default(),
            desk: DeskSettings {
                brand: "Keyledger".into(),
                password_policy: "classic".into(),
                enumeration: Enumeration::Open,
                require_verified_email: false,
                leaks: Leaks::default(),
                mail: keyledger::domain::flow::GlobalMail::Configured,
                webhooks: keyledger::desk::WebhookSettings::default(),
            },
            anchor: None,
            erasures: None,
            rollback: Rollback::Refuse,
            on_failure: Box::new(|cause| panic!("the writer failed: {cause}")),
            snapshots,
        };
        let premises = Premises::assemble(parts).expect("the ledger folds");
        let desk = premises.desk.clone();
        let key = desk.create_api_key(ApiKeyKind::Publishable, "bench".into(), None, Actor::Operator);
        let key = runtime.block_on(key).expect("the writer runs");
        let app = runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.expect("loopback has a free port");
            let listeners = Listeners {
                main: listener,
                admin: None,
            };
            App::start(premises, settings(sink.addr().port()), listeners).await
        });
        let app = app.expect("the settings are sound");
        Self {
            desk,
            addr: app.addr(),
            api_key: key.text.expose_secret().to_owned(),
            sink,
            app,
            runtime,
            post,
        }
    }

    /// Who signs and proves.
    pub(crate) fn notary(&self) -> &Notary {
        self.app.notary()
    }

    /// Waits for something of the house.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Stops everything, the writer last.
    pub(crate) fn close(self) {
        self.runtime.block_on(self.app.stop());
        self.post.block_on(self.sink.stop());
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str, bearer: &str) -> Vec<u8> {
        let key = &self.api_key;
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        )
        .into_bytes()
    }

    /// A page, as the browser of somebody opens it who is signed in by this secret; of anybody without one.
    pub(crate) fn page(path: &str, session: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: __Host-keyledger={session}\r\n\r\n"
        )
        .into_bytes()
    }

    /// A form, as a browser sends it from a page of ours.
    pub(crate) fn form(path: &str, fields: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nOrigin: null\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{fields}",
            fields.len()
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
