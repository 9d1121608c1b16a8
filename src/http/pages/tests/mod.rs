//! A house in memory with one owner, whose pages are asked without a socket.

mod account;
mod look;
mod member;
mod overrides;
mod recover;
mod verify;

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use warp::http::{HeaderMap, HeaderName};

use crate::audit::{AuditSettings, Notary};
use crate::breach::Leaks;
use crate::crypto::{Keyring, PasswordPool, PoolSettings, SecretLabel, SharedKeyring};
use crate::desk::{
    AdminRecovery, Desk, DeskSettings, Enumeration, SignUpAnswer, SignUpForm, Tokens, Visitor,
};
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{Actor, Command, Limits, Purpose, TokenStanding};
use crate::engine::{Boot, Lane, Rollback};
use crate::http::idempotency::{Idempotency, Room};
use crate::http::pages::{Look, LookSettings};
use crate::http::post::Post;
use crate::http::router::{Arrival, Router, RouterSettings};
use crate::http::server::Peer;
use crate::http::services::ServiceSettings;
use crate::http::site::{Access, Door, Site, SiteSettings, router};
use crate::http::throttle::{Rate, Throttle};
use crate::http::{Envelope, Method, NetList};
use crate::ledger::MemoryStore;
use crate::mail::templates::Templates;
use crate::mail::{MailSettings, MailSettingsDraft};
use crate::system::{Clock, SeededEntropy, TestClock};
use crate::types::{EmailAddress, PersonName, Span, Timestamp};

const PUBLIC_URL: &str = "https://id.example.com";
const OWNER: &str = "ada@example.org";
const OLD: &str = "Old-Passw0rd-of-7";
const NEW: &str = "Fresh Walrus 42!";

/// What came back.
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

struct House {
    router: Router<Site, Access>,
    desk: Desk,
    clock: Arc<TestClock>,
}

impl House {
    fn open() -> Self {
        Self::at(PUBLIC_URL)
    }

    fn at(public_url: &str) -> Self {
        Self::looking(public_url, &LookSettings::default())
    }

    fn looking(public_url: &str, look: &LookSettings) -> Self {
        let entropy = Arc::new(SeededEntropy::new(11));
        let now = Timestamp::parse_rfc3339("2026-03-01T10:00:00Z").unwrap();
        let clock = Arc::new(TestClock::at(now));
        let ring = SharedKeyring::new(Keyring::fresh(now, &*entropy));
        let ticking = Arc::clone(&clock);
        let boot = Boot {
            store: Box::new(MemoryStore::new([7; 16])),
            keyring: ring.clone(),
            clock: Box::new(move |_| ticking as Arc<dyn Clock>),
            entropy: entropy.clone(),
            limits: Limits::default(),
            anchor: None,
            erasures: None,
            rollback: Rollback::Refuse,
            on_failure: Box::new(|cause| panic!("{cause}")),
            snapshots: None,
        };
        let (engine, _) = boot.start().unwrap();
        let found = Command::Found {
            policies: vec![PasswordPolicy::classic()],
            keys: vec![],
            checkpoint: None,
        };
        let founding = engine.clone();
        let founded = std::thread::spawn(move || founding.execute_blocking(Lane::Proof, found, vec![]));
        founded.join().unwrap().unwrap();
        let pool = PoolSettings {
            workers: NonZeroUsize::MIN,
            ..PoolSettings::default()
        };
        let passwords = PasswordPool::start(pool, ring, entropy).unwrap();
        let settings = DeskSettings {
            brand: "Acme & Söhne".to_owned(),
            password_policy: "classic".to_owned(),
            enumeration: Enumeration::Open,
            require_verified_email: false,
            leaks: Leaks::default(),
            mail: crate::domain::flow::GlobalMail::Configured,
            webhooks: crate::desk::WebhookSettings::default(),
        };
        let desk = Desk::open(engine, passwords, settings);
        let site = Site {
            desk: desk.clone(),
            notary: Arc::new(Notary::new(desk.clone(), AuditSettings::default())),
            settings: Arc::new(SiteSettings {
                brand: "Acme & Söhne".to_owned(),
                public_url: public_url.to_owned(),
                recovery_url: format!("{public_url}/recover"),
                callback_urls: vec![],
                verify_on_get: false,
                exempt_networks: NetList::default(),
                admin_second_factor: false,
                shown: vec![],
                warnings: vec![],
                services: ServiceSettings::default(),
            }),
            look: Arc::new(Look::open(look).unwrap()),
            calls: Arc::new(Throttle::new(Rate::DEFAULT, 1024, NetList::default())),
            door: Door::Admin,
            url: public_url.to_owned(),
            post: Arc::new(Post::new(
                MailSettings::check(MailSettingsDraft::default()).unwrap(),
                Templates::load(None).unwrap(),
                None,
            )),
            followers: Site::followers(),
            stopping: tokio::sync::watch::channel(()).1,
            envelope: Envelope::Hybrid,
            intents: Arc::default(),
            idempotency: Arc::new(Idempotency::new(&SeededEntropy::new(3), Room::DEFAULT)),
        };
        Self {
            router: router(Arc::new(site), RouterSettings::new(Arc::new(|| [9; 16]))),
            desk,
            clock,
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)], body: String) -> Seen {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut fields = HeaderMap::new();
        for (name, value) in headers {
            fields.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let arrival = Arrival {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: fields,
            peer: Peer::at(([192, 0, 2, 1], 1).into()),
        };
        let response = self.router.answer_whole(arrival, Bytes::from(body)).await;
        let body = String::from_utf8(response.bytes().unwrap().to_vec()).unwrap();
        Seen {
            status: response.status.as_u16(),
            // Slashes in values are escaped; both spellings are the same page.
            body: body.replace("&#x2f;", "/"),
            headers: response.headers,
        }
    }

    async fn get(&self, path: &str) -> Seen {
        self.ask(Method::GET, path, &[], String::new()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post_with(
            path,
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            form,
        )
        .await
    }

    async fn post_with(&self, path: &str, headers: &[(&'static str, &str)], form: &[(&str, &str)]) -> Seen {
        let pairs: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.ask(Method::POST, path, &all, pairs.join("&")).await
    }

    /// Events so far.
    fn events(&self) -> u64 {
        self.desk.engine().head().next.0
    }

    async fn sign_up(&self) -> Tokens {
        let form = SignUpForm {
            address: address(OWNER),
            password: SecretString::from(OLD),
            name: PersonName::parse("Ada").unwrap(),
            locale: None,
        };
        match self.desk.sign_up(form, &visitor()).await {
            Ok(SignUpAnswer::SignedIn(tokens)) => tokens,
            Ok(SignUpAnswer::MailSent) | Err(_) => panic!("the owner could not sign up"),
        }
    }

    /// A recovery as a mail would carry it.
    async fn recovery(&self) -> AdminRecovery {
        let user = self.desk.find_user(OWNER).unwrap();
        let issued = self
            .desk
            .admin_recovery(user, Span::hours(24), Actor::Operator)
            .await;
        issued.unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    /// Link secret and code of the live proof of a purpose, as a mail would carry them.
    fn mailed(&self, purpose: Purpose, label: SecretLabel) -> (String, String) {
        let is_it =
            |token: &crate::domain::Token| token.purpose == purpose && token.standing == TokenStanding::Live;
        let (id, token) = self
            .desk
            .engine()
            .read(|state| {
                let mut tokens = state.tokens.iter();
                tokens
                    .find(|(_, token)| is_it(token))
                    .map(|(id, token)| (*id, token.clone()))
            })
            .unwrap();
        let secret = self.desk.link_secret(id, &token, label).unwrap();
        let code = self.desk.typed_code(id, &token).unwrap();
        (secret.expose_secret().to_owned(), code.expose_secret().to_owned())
    }

    async fn opens(&self, password: &str) -> bool {
        let password = SecretString::from(password);
        self.desk
            .sign_in(&address(OWNER), &password, None, &visitor())
            .await
            .is_ok()
    }
}

fn visitor() -> Visitor {
    Visitor {
        exempt: false,
        ..Desk::console()
    }
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// As browsers write forms.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
