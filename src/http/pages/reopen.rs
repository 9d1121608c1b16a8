//! An account that was closed, taken back in time.

use secrecy::ExposeSecret;
use warp::http::StatusCode;

use super::Shared;
use super::link::LinkPage;
use super::look::Page;
use super::notice::{Next, Notice, is_dead};
use super::viewer::Viewer;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// Shows the button.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, None)
}

/// Opens the account again; signs nobody in.
pub(super) async fn take_back(site: Shared, request: Request) -> Response {
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
    let Err(fault) = site.desk.cancel_withdraw(&secret, &viewer.visitor()).await else {
        return kept(&viewer);
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if is_dead(&error) {
        return viewer.dead(&error, None);
    }
    viewer.trouble(&error)
}

fn kept(viewer: &Viewer<'_>) -> Response {
    let say = |name| viewer.say("reopen", name);
    let notice = Notice {
        paragraphs: vec![say("done_notice")],
        next: Some(Next {
            href: viewer.href("/recover/request"),
            words: say("reset"),
        }),
        ..Notice::good(say("done_lead"))
    };
    viewer.done(&say("done_title"), &notice)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, missing: Option<String>) -> Response {
    let page = LinkPage::new(viewer, "reopen", "/reopen", "t", missing);
    viewer.page(status, Page::Link, &viewer.say("reopen", "title"), page)
}
