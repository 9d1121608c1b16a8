//! What every handler shares, and the one list of all routes.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::device::clean_user_agent;
use super::idempotency::Idempotency;
use super::intents::Intents;
use super::post::Post;
use super::router::{Router, RouterSettings};
use super::services::ServiceSettings;
use super::throttle::Throttle;
use super::{Envelope, Head, NetList, api, console, header, openapi, pages};
use crate::audit::Notary;
use crate::desk::{Desk, Visitor};
use crate::types::{ApiKeyId, Locale};

/// Who may call a route; asked before the body is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Whoever watches the server; not even counted, so that a flood cannot make it look dead.
    Health,
    /// Anybody: pages behind mailed links.
    Open,
    /// Whoever has an API key.
    ApiKey,
    /// Whoever has an API key and a live access token.
    SignedIn,
    /// Whoever has a secret API key, or any API key and a live access token; the handler asks whose.
    Person,
    /// Proxies that ask who is there: counted by their handler, which knows whether it is somebody.
    Forwarded,
    /// The same as `Administrator`, for services: a form instead of JSON, and the key also as HTTP Basic has it.
    Service,
    /// Whoever has a secret API key, or any API key and the live access token of an administrator; on their listener.
    Administrator,
    /// Whoever reaches the administrators' listener: the console, whose pages look themselves who it is.
    Console,
}

/// Which listener a call came to (L-07).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// The one for everybody, which knows nothing of what administrators do.
    Main,
    /// The administrators' own, which answers everything; also the only one, where both are the same.
    Admin,
}

impl Door {
    /// Whether a route is answered here; to others it does not exist.
    fn opens(self, access: Access) -> bool {
        match (self, access) {
            (Self::Admin, _)
            | (
                Self::Main,
                Access::Health
                | Access::Open
                | Access::ApiKey
                | Access::SignedIn
                | Access::Person
                | Access::Forwarded
                | Access::Service,
            ) => true,
            (Self::Main, Access::Administrator | Access::Console) => false,
        }
    }
}

/// What the doors are told by configuration.
pub struct SiteSettings {
    /// The product's name.
    pub brand: String,
    /// Where this server is reached; the only source of links. No slash at the end.
    pub public_url: String,
    /// Where mailed recovery links point; `{public_url}/recover` unless set.
    pub recovery_url: String,
    /// Addresses that verification may redirect to, compared exactly.
    pub callback_urls: Vec<String>,
    /// Whether opening a verification link is enough.
    pub verify_on_get: bool,
    /// Clients without limits per client.
    pub exempt_networks: NetList,
    /// Whether the console is only for administrators with a second factor.
    pub admin_second_factor: bool,
    /// All settings, for administrators to look at.
    pub shown: Vec<SettingShown>,
    /// What an operator should look at in them.
    pub warnings: Vec<String>,
    /// Services behind this server.
    pub services: ServiceSettings,
}

/// A setting as it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SettingShown {
    /// Its name.
    pub name: &'static str,
    /// Its value; a secret is dots.
    pub value: String,
    /// Where it came from; `default` if from nowhere.
    pub origin: String,
    /// What it is for.
    pub doc: &'static str,
}

/// What handlers share: of every listener its own, with most of it in common.
#[derive(Clone)]
pub struct Site {
    /// The desk.
    pub desk: Desk,
    /// Who signs and proves.
    pub notary: Arc<Notary>,
    /// The settings.
    pub settings: Arc<SiteSettings>,
    /// How pages look.
    pub look: Arc<pages::Look>,
    /// Calls per client and key, of all listeners together.
    pub calls: Arc<Throttle<Option<ApiKeyId>>>,
    /// Which listener this is.
    pub door: Door,
    /// Where browsers reach this listener: the base of its pages' addresses, and the origin that their forms come from. No
    /// slash at the end.
    pub url: String,
    /// How mails leave and what they say, to be looked at and tried.
    pub post: Arc<Post>,
    /// Places for those who follow events.
    pub followers: Arc<Semaphore>,
    /// Changes when the server stops: what would go on for ever ends.
    pub stopping: watch::Receiver<()>,
    /// Calls that their clients may send again, of all listeners together.
    pub idempotency: Arc<Idempotency>,
    /// What sessions were about to do when they were asked who they are, of all listeners together.
    pub intents: Arc<Intents>,
    /// The wrapping of answers, as the reference describes it.
    pub envelope: Envelope,
}

impl Site {
    /// Places for those who follow events, as many as there may be.
    pub fn followers() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(api::stream::FOLLOWERS_MAX))
    }

    /// The administrators' listener, reached at `url`.
    #[must_use]
    pub fn for_administrators(self, url: String) -> Self {
        Self {
            door: Door::Admin,
            url,
            ..self
        }
    }

    /// The link that opens a recovery. Secrets travel behind `#`, which browsers send to nobody.
    pub fn recovery_link(&self, secret: &SecretString) -> String {
        format!("{}#t={}", self.settings.recovery_url, secret.expose_secret())
    }

    /// Who stands at the door, as the desk wants to know it.
    pub fn visitor(&self, head: &Head) -> Visitor {
        let text = |name: header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        Visitor {
            ip: head.client.ip,
            user_agent: text(header::USER_AGENT).map(clean_user_agent).unwrap_or_default(),
            locale: text(header::ACCEPT_LANGUAGE).and_then(Locale::from_accept_language),
            exempt: self.settings.exempt_networks.contains(head.client.ip),
        }
    }
}

/// The router over the routes of a listener, out of the one table.
pub fn router(site: Arc<Site>, settings: RouterSettings) -> Router<Site, Access> {
    let mut routes = api::routes();
    routes.extend(pages::routes());
    routes.extend(console::routes());
    routes.extend(openapi::routes());
    routes.retain(|route| site.door.opens(route.access));
    Router::new(routes, site, settings, api::hooks())
}
