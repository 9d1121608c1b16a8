//! The house, and what a story does with it.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyledger::app::{App, AppSettings, Closing, Listeners, Parts, Premises};
use keyledger::breach::Leaks;
use keyledger::crypto::{Keyring, PoolSettings, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration};
use keyledger::domain::{Event, Limits};
use keyledger::engine::{Rollback, Snapshots};
use keyledger::http::NetList;
use keyledger::ledger::anchor::ANCHOR_FILE;
use keyledger::ledger::erasures::ERASURES_FILE;
use keyledger::ledger::{Shelf, SledOptions, SledStore, Store};
use keyledger::mail::sink::{ReceivedMail, Sink, SinkBehaviour};
use keyledger::mail::{MailSettings, MailSettingsDraft};
use keyledger::system::{Clock, Entropy, SeededEntropy, TestClock, random_array};
use keyledger::types::{Span, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::call::{Call, Reply};
use super::shared_memory::SharedMemory;

/// After how long something that happens at once has not happened: no machine is so busy, and nobody waits for it who need
/// not.
const AT_ONCE: Duration = Duration::from_mins(2);
/// How often a story looks again while it waits.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// 2027-01-15T08:00:00Z.
const BEGINNING: Timestamp = Timestamp(1_800_000_000_000_000);

/// Where the ledger lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    /// In memory; a restart finds what was durable.
    Memory,
    /// In sled, in a folder that is removed at the end.
    Disk,
}

/// Whether administrators have a listener of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doors {
    /// One listener answers everything.
    One,
    /// Two, as the defaults have it.
    Two,
}

/// Puts something before the entropy.
type Before = dyn Fn(Arc<dyn Entropy>) -> Arc<dyn Entropy> + Send + Sync;

/// What a house is built like; change what the story is about.
pub(crate) struct Plan {
    pub(crate) storage: Storage,
    pub(crate) doors: Doors,
    pub(crate) seed: u64,
    pub(crate) limits: Limits,
    pub(crate) desk: DeskSettings,
    pub(crate) pool: PoolSettings,
    pub(crate) sink: SinkBehaviour,
    /// Events after which a snapshot is taken; none for none. Only on a disk.
    pub(crate) snapshots_every: Option<NonZeroU64>,
    /// Stands before the entropy of the house.
    pub(crate) entropy: Box<Before>,
    /// Called at every start, because settings are used up by one.
    pub(crate) settings: Box<dyn Fn(&mut AppSettings) + Send + Sync>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            storage: Storage::Memory,
            doors: Doors::Two,
            seed: 1,
            limits: Limits::default(),
            desk: DeskSettings {
                brand: "Keyledger".to_owned(),
                password_policy: "classic".to_owned(),
                enumeration: Enumeration::Open,
                require_verified_email: false,
                leaks: Leaks::default(),
                mail: keyledger::domain::flow::GlobalMail::Configured,
                webhooks: keyledger::desk::WebhookSettings::default(),
            },
            pool: PoolSettings::default(),
            sink: SinkBehaviour::accepting().nodelay(),
            snapshots_every: None,
            entropy: Box::new(|seeded| seeded),
            settings: Box::new(|_| {}),
        }
    }
}

/// What outlives a restart.
enum Kept {
    Memory(SharedMemory),
    Disk(tempfile::TempDir),
}

/// A running house.
pub(crate) struct House {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) sink: Sink,
    /// The publishable key.
    pub(crate) publishable: String,
    /// The secret key.
    pub(crate) secret: String,
    app: Option<App>,
    plan: Plan,
    kept: Kept,
    keyring: SharedKeyring,
    entropy: Arc<dyn Entropy>,
}

impl House {
    /// A house as the defaults have it, in memory.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A house with changes to its plan.
    pub(crate) async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::default();
        change(&mut plan);
        let clock = Arc::new(TestClock::at(BEGINNING));
        let entropy = (plan.entropy)(Arc::new(SeededEntropy::new(plan.seed)));
        let keyring = SharedKeyring::new(Keyring::fresh(clock.now(), &*entropy));
        let sink = Sink::start(plan.sink.clone()).await.unwrap();
        let kept = match plan.storage {
            Storage::Memory => Kept::Memory(SharedMemory::new(random_array(&*entropy))),
            Storage::Disk => Kept::Disk(tempfile::tempdir().unwrap()),
        };
        let mut house = Self {
            clock,
            sink,
            publishable: String::new(),
            secret: String::new(),
            app: None,
            plan,
            kept,
            keyring,
            entropy,
        };
        let (premises, keys) = Premises::assemble_new(house.parts()).unwrap();
        house.publishable = keys.publishable.expose_secret().to_owned();
        house.secret = keys.secret.expose_secret().to_owned();
        house.open(premises).await;
        house
    }

    fn parts(&self) -> Parts {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let (store, anchor, snapshots): (Box<dyn Store>, Option<PathBuf>, _) = match &self.kept {
            Kept::Memory(memory) => (Box::new(memory.clone()), None, None),
            Kept::Disk(folder) => {
                let fresh_id = random_array(&*self.entropy);
                let options = SledOptions::new(folder.path(), "story", clock.now(), fresh_id);
                let anchor = folder.path().join(ANCHOR_FILE);
                let shelf = Shelf::of(folder.path());
                let snapshots = self
                    .plan
                    .snapshots_every
                    .map(|every| Snapshots::new(shelf, every));
                (
                    Box::new(SledStore::open(options).unwrap()),
                    Some(anchor),
                    snapshots,
                )
            }
        };
        Parts {
            store,
            keyring: self.keyring.clone(),
            clock: Box::new(move |_| clock),
            entropy: Arc::clone(&self.entropy),
            limits: self.plan.limits.clone(),
            pool: self.plan.pool,
            desk: self.plan.desk.clone(),
            erasures: anchor.as_ref().map(|anchor| anchor.with_file_name(ERASURES_FILE)),
            anchor,
            rollback: Rollback::Refuse,
            on_failure: Box::new(|_| {}),
            snapshots,
        }
    }

    async fn open(&mut self, premises: Premises) {
        let main = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let admin = match self.plan.doors {
            Doors::One => None,
            Doors::Two => Some(TcpListener::bind(("127.0.0.1", 0)).await.unwrap()),
        };
        let public_url = format!("http://{}", main.local_addr().unwrap());
        let mail = MailSettings::check(MailSettingsDraft {
            host: self.sink.addr().ip().to_string(),
            port: self.sink.addr().port(),
            from: "Keyledger <no-reply@keyledger.example>".to_owned(),
            hello_name: Some("keyledger.example".to_owned()),
            // A conversation within the machine: only a server that is told to be silent makes anybody wait.
            timeout: Duration::from_mins(1),
            ..MailSettingsDraft::default()
        });
        let mut settings = AppSettings::new(&public_url, mail.unwrap());
        settings.trusted_proxies = NetList::new(vec!["127.0.0.0/8".parse().unwrap()]);
        settings.server.shutdown_time_max = Span::minutes(1);
        (self.plan.settings)(&mut settings);
        let listeners = Listeners { main, admin };
        self.app = Some(App::start(premises, settings, listeners).await.unwrap());
    }

    /// Stops the house in order. What is durable stays.
    pub(crate) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            let report = app.stop().await;
            assert!(report.workers_finished, "the workers stop in time");
            assert_eq!(report.closing, Closing::Complete);
        }
    }

    /// Stops, and starts again on what is durable; clients' addresses and tokens stay good, the port is another.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        if let Kept::Memory(memory) = &mut self.kept {
            *memory = memory.reopened();
        }
        let premises = Premises::assemble(self.parts()).unwrap();
        self.open(premises).await;
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("the house is open")
    }

    pub(crate) fn desk(&self) -> &Desk {
        self.app().desk()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.app().addr()
    }

    /// The listener that a path is answered on.
    pub(crate) fn addr_of(&self, target: &str) -> SocketAddr {
        let path = target.split('?').next().unwrap_or_default();
        let is_within = |root: &str| {
            let rest = path.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if ["/admin", "/docs", "/openapi.json", "/v1/admin", "/v1/audit"]
            .into_iter()
            .any(is_within)
        {
            self.app().admin_addr()
        } else {
            self.addr()
        }
    }

    /// The data folder of a house on disk.
    pub(crate) fn folder(&self) -> &Path {
        match &self.kept {
            Kept::Disk(folder) => folder.path(),
            Kept::Memory(_) => panic!("this house is in memory"),
        }
    }

    /// The ledger of a house in memory.
    pub(crate) fn memory(&self) -> &SharedMemory {
        match &self.kept {
            Kept::Memory(memory) => memory,
            Kept::Disk(_) => panic!("this house is on disk"),
        }
    }

    /// Changes the settings of the next start.
    pub(crate) fn change_settings(&mut self, change: impl Fn(&mut AppSettings) + Send + Sync + 'static) {
        let before = std::mem::replace(&mut self.plan.settings, Box::new(|_| {}));
        self.plan.settings = Box::new(move |settings| {
            before(settings);
            change(settings);
        });
    }

    // --- calls

    /// A call with the publishable key.
    pub(crate) fn call(&self, method: &str, target: &str) -> Call {
        Call::new(self.addr_of(target), method, target, &self.publishable)
    }

    pub(crate) fn get(&self, target: &str) -> Call {
        self.call("GET", target)
    }

    pub(crate) fn delete(&self, target: &str) -> Call {
        self.call("DELETE", target)
    }

    #[expect(clippy::needless_pass_by_value, reason = "called with json!(..)")]
    pub(crate) fn post(&self, target: &str, body: Value) -> Call {
        self.call("POST", target).json(&body)
    }

    // --- what most stories begin with

    /// Signs somebody up; the verification mail is on its way. One hash.
    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password, "name": "Ada Lovelace" });
        self.post("/v1/auth/email/signup", body).await.expect(201)
    }

    /// Signs somebody in. One hash.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password });
        self.post("/v1/auth/email/signin", body).await
    }

    pub(crate) async fn request_reset(&self, email: &str) -> Reply {
        self.post("/v1/auth/password/reset/request", json!({ "email": email }))
            .await
    }

    pub(crate) async fn confirm_reset(&self, email: &str, token: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "token": token, "newPassword": password });
        self.post("/v1/auth/password/reset/confirm", body).await
    }

    pub(crate) async fn me(&self, access_token: &str) -> Reply {
        self.get("/v1/auth/me").bearer(access_token).await
    }

    // --- time and mail

    /// Lets time pass, and has the workers look at it.
    pub(crate) fn advance(&self, by: Span) {
        self.clock.advance(by);
        self.nudge();
    }

    pub(crate) fn nudge(&self) {
        self.app().nudge().nudge();
    }

    /// The next mail that this did not give out before.
    pub(crate) async fn next_mail(&self) -> Arc<ReceivedMail> {
        self.sink.next_mail(AT_ONCE).await.unwrap()
    }

    /// The next mail of a kind, past others.
    pub(crate) async fn next_mail_of(&self, kind: &str) -> Arc<ReceivedMail> {
        loop {
            let mail = self.next_mail().await;
            if mail.header("X-Keyledger-Mail").as_deref() == Some(kind) {
                return mail;
            }
        }
    }

    /// Waits until every request is answered and no mail is due, delivered or not.
    pub(crate) async fn settled(&self) {
        let now = self.clock.now();
        self.until("the workers have done what is due", |desk| {
            desk.engine()
                .read(|state| state.requests.is_empty() && state.outbox.values().all(|mail| mail.next > now))
        })
        .await;
    }

    /// Looks after every commit, and often enough by itself, until something holds.
    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut(&Desk) -> bool) {
        let mut published = self.desk().engine().published();
        let waiting = async {
            while !holds(self.desk()) {
                self.nudge();
                // Not everything that can be waited for comes with a commit.
                let _ = tokio::time::timeout(LOOK_EVERY, published.changed()).await;
            }
        };
        assert!(
            tokio::time::timeout(AT_ONCE, waiting).await.is_ok(),
            "waited in vain: {what}"
        );
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        let events = self
            .desk()
            .events(&keyledger::desk::EventFilter::default())
            .unwrap();
        events.into_iter().map(|recorded| recorded.event).collect()
    }

    /// The names of all events so far.
    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        let named = |event: &Event| keyledger::ledger::codec::event_name(event);
        self.events().iter().map(named).collect()
    }
}
