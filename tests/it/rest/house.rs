//! The house of the REST stories: engine, desk and router in memory, a clock that the story moves, and mails that leave
//! when the story says so.

#![expect(
    unreachable_pub,
    reason = "one binary of stories; what they share is public among them"
)]

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use keyledger::crypto::{self, Field, Keyring, PasswordPool, PoolSettings, SecretLabel, SharedKeyring};
use keyledger::desk::{Desk, DeskSettings, Enumeration};
use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{Actor, ApiKeyKind, Command, Limits, MailKind, NewMail, Purpose, State, User};
use keyledger::engine::{Boot, Engine, Lane, Rollback};
use keyledger::http::client::NetList;
use keyledger::http::router::{Arrival, Router, RouterSettings};
use keyledger::http::site::{Access, Site, SiteSettings, router};
use keyledger::http::throttle::{Rate, Throttle};
use keyledger::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer};
use keyledger::ledger::MemoryStore;
use keyledger::system::{Clock, Entropy, SeededEntropy, TestClock, random_array, random_id};
use keyledger::types::{DataKeyId, Locale, MailId, Position, Span, Timestamp, UserId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

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
    pub callback_urls: Vec<String>,
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
    pub clock: Arc<TestClock>,
    /// A publishable key.
    pub key: String,
    entropy: Arc<SeededEntropy>,
    router: Router<Site, Access>,
    sent: Mutex<Vec<Mail>>,
}

impl House {
    /// Opens a house with the defaults.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens a house with other settings.
    pub async fn open_with(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan {
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
            callback_urls: vec!["https://app.example.org/done".into()],
            verify_on_get: false,
            exempt: vec![],
            calls: 600,
        };
        change(&mut plan);
        let now = Timestamp::parse_rfc3339("2026-01-20T14:00:00Z").unwrap();
        let clock = Arc::new(TestClock::at(now));
        let entropy = Arc::new(SeededEntropy::new(7));
        let ring = SharedKeyring::new(Keyring::fresh(now, &*entropy));
        let engine = boot(clock.clone(), entropy.clone(), ring.clone(), plan.limits);
        let found = Command::Found {
            policies: vec![PasswordPolicy::classic(), PasswordPolicy::nist()],
            keys: vec![],
        };
        engine.execute(Lane::Proof, found, vec![]).await.unwrap();
        let pool = PasswordPool::start(plan.pool, ring, entropy.clone()).unwrap();
        let desk = Desk::open(engine, pool, plan.desk);
        let key = desk
            .create_api_key(ApiKeyKind::Publishable, "stories".into(), None, Actor::Operator)
            .await
            .unwrap();
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
                callback_urls: plan.callback_urls,
                verify_on_get: plan.verify_on_get,
                exempt_networks: exempt.clone(),
            },
            calls: Throttle::new(rate, 10_000, exempt),
        };
        let ids = entropy.clone();
        let settings = RouterSettings::new(Arc::new(move || random_array(&*ids)));
        Self {
            desk,
            clock,
            key: key.text.expose_secret().to_owned(),
            entropy,
            router: router(Arc::new(site), settings),
            sent: Mutex::default(),
        }
    }

    /// Time goes on.
    pub fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    /// What time it is.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A call with the publishable key.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            house: self,
            method,
            path: path.to_owned(),
            ip: "192.0.2.1".parse().unwrap(),
            headers: vec![("x-api-key".into(), self.key.clone())],
            body: Bytes::new(),
        }
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
            mail: MailId(random_id(&*self.entropy)),
            details: crypto::seal(&key, Field::MailDetails, user.0, &[0; 112], &*self.entropy),
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

fn boot(clock: Arc<TestClock>, entropy: Arc<SeededEntropy>, ring: SharedKeyring, limits: Limits) -> Engine {
    let clock: Arc<dyn Clock> = clock;
    let entropy: Arc<dyn Entropy> = entropy;
    let boot = Boot {
        store: Box::new(MemoryStore::new([1; 16])),
        keyring: ring,
        clock: Box::new(move |_| clock),
        entropy,
        limits,
        anchor: None,
        rollback: Rollback::Refuse,
        on_failure: Box::new(|_| {}),
    };
    boot.start().unwrap().0
}

/// What somebody who signed in holds.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// A call to be sent.
#[derive(Clone)]
pub struct Call<'h> {
    house: &'h House,
    method: Method,
    path: String,
    ip: IpAddr,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Call<'_> {
    /// From another client.
    pub fn from(mut self, ip: &str) -> Self {
        self.ip = ip.parse().unwrap();
        self
    }

    /// With a header; what was set before stays.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Without a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    /// With a body.
    pub fn body(mut self, kind: &str, body: &str) -> Self {
        self.body = Bytes::from(body.to_owned());
        let length = body.len().to_string();
        self.without("content-type")
            .without("content-length")
            .header("content-type", kind)
            .header("content-length", &length)
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let arrival = Arrival {
            method: self.method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            peer: Peer::at((self.ip, 50_000).into()),
        };
        let response = self.house.router.answer_whole(arrival, self.body).await;
        Answer {
            status: response.status.as_u16(),
            bytes: response.bytes().cloned().unwrap_or_default(),
            headers: response.headers,
        }
    }

    /// Sends it and expects a refusal.
    pub async fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{answer:?}"
        );
        answer
    }

    /// Sends it and expects 200.
    pub async fn ok(self) -> Answer {
        let answer = self.send().await;
        answer.assert(200);
        answer
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The body.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// A field of it.
    pub fn field(&self, name: &str) -> Value {
        self.value()[name].clone()
    }

    /// The error's code; empty for success.
    pub fn code(&self) -> String {
        self.field("code").as_str().unwrap_or_default().to_owned()
    }

    /// The reasons of the faulty fields: `field:reason …`.
    pub fn details(&self) -> String {
        let details = self.value()["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let shown: Vec<String> = details
            .iter()
            .map(|d| {
                format!(
                    "{}:{}",
                    d["field"].as_str().unwrap(),
                    d["reason"].as_str().unwrap()
                )
            })
            .collect();
        shown.join(" ")
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The tokens of a sign-in.
    pub fn tokens(&self) -> Tokens {
        let text = |name: &str| self.field(name).as_str().unwrap().to_owned();
        Tokens {
            access: text("accessToken"),
            refresh: text("refreshToken"),
        }
    }

    /// Demands a status.
    pub fn assert(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// All that an observer can compare: status, headers but for the request's id, body but for it.
    pub fn face(&self) -> String {
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != "date")
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        let id = self.header("x-request-id");
        let body = self.text().replace(id, "ID");
        format!("{}\n{}\n{body}", self.status, headers.join("\n"))
    }
}

/// Runs calls at the same time.
pub async fn together<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (call, done) in &mut calls {
            if done.is_none() {
                match call.as_mut().poll(cx) {
                    std::task::Poll::Ready(answer) => *done = Some(answer),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    calls.into_iter().filter_map(|(_, done)| done).collect()
}
