//! What every handler shares, and the one list of all routes.

use std::sync::Arc;

use super::router::{Router, RouterSettings};
use super::throttle::Throttle;
use super::{NetList, api, pages};
use crate::desk::Desk;
use crate::types::ApiKeyId;

/// Who may call a route; asked before the body is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody: health, and pages behind mailed links.
    Open,
    /// Whoever has an API key.
    ApiKey,
    /// Whoever has an API key and a live access token.
    SignedIn,
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
}

/// What handlers share.
pub struct Site {
    /// The desk.
    pub desk: Desk,
    /// The settings.
    pub settings: SiteSettings,
    /// Calls per client and key.
    pub calls: Throttle<Option<ApiKeyId>>,
}

/// The router over all routes.
pub fn router(site: Arc<Site>, settings: RouterSettings) -> Router<Site, Access> {
    let mut routes = api::routes();
    routes.extend(pages::routes());
    Router::new(routes, site, settings, api::hooks())
}
