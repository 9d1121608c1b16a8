//! From a service behind a proxy to the sign-in, and back: `/account/return?to=…`.

use secrecy::ExposeSecret;
use warp::http::HeaderValue;

use super::cookie::{self, Keep};
use super::viewer::Viewer;
use crate::crypto::BrowserUse;
use crate::http::request::{Head, Plus, Request, decode};
use crate::http::response::Response;
use crate::http::services::{COOKIE, RETURN, is_known};
use crate::http::site::Site;
use crate::types::{Span, percent_encode};

/// Remembers where somebody wanted to go while they sign in.
const WANTED: &str = "__Host-keyledger-return";
/// How long.
const REMEMBERED: Span = Span::hours(1);
/// Where somebody signs in.
const SIGN_IN: &str = "/flow/default-authentication-flow";
/// Where they are led who wanted to go nowhere that we know.
const ACCOUNT: &str = "/account";

/// Leads back whoever is signed in, with the cookie for services; everybody else signs in first.
pub(super) async fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let services = &site.settings.services;
    let url = wanted(request).filter(|url| is_known(services, url));
    let Some(caller) = viewer.caller() else {
        let away = viewer.lead_to(SIGN_IN, Some(RETURN));
        let Some(url) = url else { return away };
        let mut kept = String::new();
        percent_encode(&url, &mut kept);
        return cookie::set(away, WANTED, &kept, Keep::For(REMEMBERED));
    };
    let Some(location) = url.and_then(|url| HeaderValue::try_from(url).ok()) else {
        return viewer.lead_to(ACCOUNT, None);
    };
    site.desk.prolong(caller, &viewer.visitor()).await;
    let back = cookie::set(Response::see_other(location), WANTED, "", Keep::Never);
    let secret = site.desk.browser_secret(BrowserUse::Service, caller.session);
    let domain = services.cookie_domain.as_deref();
    cookie::set_for(back, domain, COOKIE, secret.expose_secret(), viewer.keep())
}

/// Where somebody wants to go: as the query says, or as it was before they signed in.
fn wanted(head: &Head) -> Option<String> {
    let asked = head.query_fields().ok()?.optional_text("to");
    asked.or_else(|| {
        let kept = cookie::read(head, WANTED)?;
        decode(kept, Plus::IsPlus).map(std::borrow::Cow::into_owned)
    })
}
