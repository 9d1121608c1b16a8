//! What every handler shares, and the one list of all routes.

use std::sync::Arc;

use super::device::clean_user_agent;
use super::idempotency::Idempotency;
use super::router::{Router, RouterSettings};
use super::services::ServiceSettings;
use super::throttle::Throttle;
use super::{Envelope, Head, NetList, api, header, openapi, pages};
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
    /// Proxies that ask who is there: counted by their handler, which knows whether it is somebody.
    Forwarded,
    /// The same as `Administrator`, for services: a form instead of JSON, and the key also as HTTP Basic has it.
    Service,
    /// Whoever has a secret API key, or any API key and the live access token of an administrator.
    Administrator,
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
    /// Services behind this server.
    pub services: ServiceSettings,
}

/// What handlers share.
pub struct Site {
    /// The desk.
    pub desk: Desk,
    /// Who signs and proves.
    pub notary: Arc<Notary>,
    /// The settings.
    pub settings: SiteSettings,
    /// How pages look.
    pub look: pages::Look,
    /// Calls per client and key.
    pub calls: Throttle<Option<ApiKeyId>>,
    /// Calls that their clients may send again.
    pub idempotency: Idempotency,
    /// The wrapping of answers, as the reference describes it.
    pub envelope: Envelope,
}

impl Site {
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

/// The router over all routes.
pub fn router(site: Arc<Site>, settings: RouterSettings) -> Router<Site, Access> {
    let mut routes = api::routes();
    routes.extend(pages::routes());
    routes.extend(openapi::routes());
    Router::new(routes, site, settings, api::hooks())
}
