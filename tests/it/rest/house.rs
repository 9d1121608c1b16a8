//! The house of the REST stories: engine, desk and router in memory, a clock that the story moves, and mails that leave
//! when the story says so.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyledger::crypto::{self, Field, PasswordPool, PoolSettings, SecretLabel};
use keyledger::desk::{Desk, DeskSettings, Enumeration};
use keyledger::domain::{Command, Limits, MailKind, NewMail, Purpose, State, User};
use keyledger::engine::Lane;
use keyledger::http::Method;
use keyledger::http::client::NetList;
use keyledger::http::router::{Router, RouterSettings};
use keyledger::http::site::{Access, Site, SiteSettings, router};
use keyledger::http::throttle::{Rate, Throttle};
use keyledger::ledger::{MemoryStore, Store};
use keyledger::system::{Clock, random_array, random_id};
use keyledger::types::{DataKeyId, Locale, MailId, Position, Span, Timestamp, UserId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::call::{Call, Tokens};
use super::ground::{Ground, found, open_sled};

/// A password that the classic policy accepts.
pub const OLD: &str = "Quiet-Harbor-19";
/// Another.
pub const NEW: &str = "Loud-Mountain-27";
/// An address.
pub const JI: &str = "ji@example.org";
/// Somebody else's.
pub const BO: &str = "bo@example.org";
/// An address without an account.
pub const NOBODY: &str = "nobody@example.org";

/// What a story changes before the house opens.
pub struct Plan {
    pub limits: Limits,
    pub desk: DeskSettings,
    pub pool: PoolSettings,
    pub verify_on_get: bool,
    pub exempt: Vec<&'static str>,
    pub calls: u32,
}

/// A mail that left.
#[derive(Clone, Debug)]
pub struct Mail {
    pub kind: MailKind,
    pub to: String,
    pub locale: Locale,
    pub secret: String,
    pub code: String,
    /// The secret of "this was not me", where the mail has one.
    pub disown: String,
}

/// The house.
pub struct House {
    pub desk: Desk,
    ground: Ground,
    pub router: Router<Site, Access>,
    sent: Mutex<Vec<Mail>>,
}

impl House {
    /// Opens a house with the defaults.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens a house with other settings.
    pub async fn open_with(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::default();
        change(&mut plan);
        Self::build(plan, Ground::new(), Box::new(MemoryStore::new([1; 16]))).await
    }

    /// Opens a house whose ledger is in a folder.
    pub async fn open_in(dir: &Path) -> Self {
        let ground = Ground::new();
        let store = open_sled(dir, ground.clock.now()).await;
        Self::build(Plan::default(), ground, store).await
    }

    /// Ends everything and starts again on the same folder.
    pub async fn restart(self, dir: &Path) -> Self {
        let ground = self.ground.clone();
        drop(self);
        let store = open_sled(dir, ground.clock.now()).await;
        Self::build(Plan::default(), ground, store).await
    }

    async fn build(plan: Plan, mut ground: Ground, store: Box<dyn Store>) -> Self {
        let engine = ground.boot(store, plan.limits);
        let pool = PasswordPool::start(plan.pool, ground.ring.clone(), ground.entropy.clone()).unwrap();
        let desk = Desk::open(engine, pool, plan.desk);
        if ground.key.is_empty() {
            ground.key = found(&desk).await;
        }
        let exempt: NetList = plan.exempt.iter().map(|net| net.parse().unwrap()).collect();
        let rate = Rate {
            calls: plan.calls,
            period: Span::minutes(1),
        };
        let site = Site {
            desk: desk.clone(),
            settings: SiteSettings {
                brand: "Keyledger".into(),
                public_url: "https://id.example.org".into(),
                recovery_url: "https://id.example.org/recover".into(),
                callback_urls: vec!["https://app.example.org/done".into()],
                verify_on_get: plan.verify_on_get,
                exempt_networks: exempt.clone(),
            },
            calls: Throttle::new(rate, 10_000, exempt),
        };
        let ids = ground.entropy.clone();
        let settings = RouterSettings::new(Arc::new(move || random_array(&*ids)));
        Self {
            desk,
            router: router(Arc::new(site), settings),
            ground,
            sent: Mutex::default(),
        }
    }

    /// Time goes on.
    pub fn wait(&self, span: Span) {
        self.ground.clock.advance(span);
    }

    /// What time it is.
    pub fn clock_now(&self) -> Timestamp {
        self.ground.clock.now()
    }

    /// The publishable key.
    pub fn key(&self) -> &str {
        &self.ground.key
    }

    /// A call with the publishable key.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::new(self, method, path).header("x-api-key", self.key())
    }

    /// `POST` of a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// Lets every waiting mail leave.
    pub async fn settle(&self) {
        let engine = self.desk.engine();
        let due: Vec<_> = engine.read(|state| {
            let due = state.requests.iter();
            due.filter_map(|(at, due)| Some((*at, *state.addresses.get(&due.address)?)))
                .collect()
        });
        for (request, user) in due {
            let command = Command::IssueProof {
                request,
                proof: self.desk.new_proof(),
                mail: self.new_mail(user),
            };
            engine.execute(Lane::Proof, command, vec![]).await.unwrap();
        }
        let waiting: Vec<(Position, keyledger::domain::Mail)> = engine.read(|state| {
            state
                .outbox
                .iter()
                .map(|(at, mail)| (*at, mail.clone()))
                .collect()
        });
        for (queued, mail) in waiting {
            let letter = self.letter(&mail);
            let command = Command::MailDelivered {
                queued,
                attempt: 1,
                status: 250,
            };
            engine.execute(Lane::Proof, command, vec![]).await.unwrap();
            self.sent.lock().unwrap().push(letter);
        }
    }

    fn new_mail(&self, user: UserId) -> NewMail {
        let key = self.desk.engine().vault().key(DataKeyId::User(user)).unwrap();
        NewMail {
            mail: MailId(random_id(&*self.ground.entropy)),
            details: crypto::seal(&key, Field::MailDetails, user.0, &[0; 112], &*self.ground.entropy),
        }
    }

    fn letter(&self, mail: &keyledger::domain::Mail) -> Mail {
        let token = self
            .desk
            .engine()
            .read(|state| Some((mail.token?, state.tokens.get(&mail.token?)?.clone())));
        let secret = |label| {
            let secret = token
                .as_ref()
                .and_then(|(id, token)| self.desk.link_secret(*id, token, label));
            secret.map_or(String::new(), |secret| secret.expose_secret().to_owned())
        };
        let label = match token.as_ref().map(|(_, token)| token.purpose) {
            Some(Purpose::VerifyEmail) => SecretLabel::VerifyEmail,
            Some(Purpose::Reopen) => SecretLabel::Reopen,
            Some(Purpose::Recovery) | None => SecretLabel::Recovery,
        };
        let code = token
            .as_ref()
            .and_then(|(id, token)| self.desk.typed_code(*id, token));
        Mail {
            kind: mail.kind,
            to: self
                .desk
                .profile(mail.user)
                .map_or(String::new(), |profile| profile.email),
            locale: mail.locale,
            secret: secret(label),
            code: code.map_or(String::new(), |code| code.expose_secret().to_owned()),
            disown: secret(SecretLabel::DisownSignUp),
        }
    }

    /// The mails of one kind that went to an address, oldest first, once all that wait have left.
    pub async fn mails(&self, kind: MailKind, to: &str) -> Vec<Mail> {
        self.settle().await;
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter(|mail| mail.kind == kind && mail.to == to)
            .cloned()
            .collect()
    }

    /// The newest of them.
    pub async fn mail(&self, kind: MailKind, to: &str) -> Mail {
        self.mails(kind, to).await.pop().expect("a mail")
    }

    /// Registers somebody who verifies their address.
    pub async fn resident(&self, email: &str) -> Tokens {
        let tokens = self.sign_up(email).await;
        let mail = self.mail(MailKind::EmailVerification, email).await;
        let body = json!({"email": email, "token": mail.secret});
        self.post("/v1/auth/email/verify/confirm", &body)
            .send()
            .await
            .assert(200);
        tokens
    }

    /// Registers somebody.
    pub async fn sign_up(&self, email: &str) -> Tokens {
        let body = json!({"method": "password", "email": email, "password": OLD, "name": "Somebody"});
        let answer = self.post("/v1/auth/email/signup", &body).send().await;
        answer.assert(201);
        answer.tokens()
    }

    /// Signs somebody in.
    pub fn sign_in(&self, email: &str, password: &str) -> Call<'_> {
        self.post(
            "/v1/auth/email/signin",
            &json!({"email": email, "password": password}),
        )
    }

    /// Exchanges a refresh token.
    pub fn refresh(&self, token: &str) -> Call<'_> {
        self.post("/v1/auth/refresh", &json!({"refreshToken": token}))
    }

    /// Asks for a recovery mail.
    pub fn request(&self, email: &str) -> Call<'_> {
        self.post("/v1/auth/password/reset/request", &json!({"email": email}))
    }

    /// Asks for a recovery mail and reads it.
    pub async fn recovery(&self, email: &str) -> Mail {
        self.request(email).send().await.assert(200);
        self.mail(MailKind::PasswordReset, email).await
    }

    /// Sets a new password.
    pub fn confirm(&self, email: &str, token: &str, password: &str) -> Call<'_> {
        let body = json!({"email": email, "token": token, "newPassword": password});
        self.post("/v1/auth/password/reset/confirm", &body)
    }

    /// The id of whoever has this address.
    pub fn user_id(&self, email: &str) -> UserId {
        self.desk.find_user(email).expect("a user")
    }

    /// Looks at a user's record.
    pub fn user<T>(&self, email: &str, look: impl FnOnce(&User) -> T) -> T {
        let id = self.user_id(email);
        self.desk.engine().read(|state| look(&state.users[&id]))
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.desk.engine().read(State::next).0
    }
}

impl Drop for House {
    fn drop(&mut self) {
        assert_eq!(self.desk.engine().failure(), None, "the writer works to the end");
        self.desk.engine().stop(Duration::from_secs(10));
        self.desk.passwords().stop();
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            desk: DeskSettings {
                brand: "Keyledger".into(),
                password_policy: "classic".into(),
                enumeration: Enumeration::Open,
                require_verified_email: false,
            },
            pool: PoolSettings {
                waiting_max: 256,
                ..PoolSettings::default()
            },
            verify_on_get: false,
            exempt: vec![],
            calls: 600,
        }
    }
}
