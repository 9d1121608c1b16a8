//! A further address of an account, confirmed by the link that went to it.

use secrecy::ExposeSecret;
use warp::http::StatusCode;

use super::Shared;
use super::link::LinkPage;
use super::look::Page;
use super::notice::{Notice, is_dead};
use super::viewer::Viewer;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// Shows the button, and confirms nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, None)
}

/// Adds the address to its account; signs nobody in.
pub(super) async fn confirm(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let secret = entered.link_secret("t");
    let Some(secret) = secret.filter(|secret| !secret.expose_secret().is_empty()) else {
        let missing = viewer.say("common", "link_missing");
        return form(&viewer, StatusCode::BAD_REQUEST, Some(missing));
    };
    let say = |name| viewer.say("address", name);
    let confirmed = site
        .desk
        .confirm_address_by_link(&secret, &viewer.visitor())
        .await;
    let Err(fault) = confirmed else {
        return viewer.done(&say("done_title"), &Notice::good(say("done_lead")));
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if error.code == Code::EmailAlreadyExists {
        return viewer.refused(&error, &say("taken_title"), &Notice::bad(say("taken_lead")));
    }
    if is_dead(&error) {
        return viewer.dead(&error, None);
    }
    viewer.trouble(&error)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, missing: Option<String>) -> Response {
    let page = LinkPage::new(viewer, "address", "/address", "t", missing);
    viewer.page(status, Page::Link, &viewer.say("address", "title"), page)
}
