//! An account that was closed, taken back in time.

use secrecy::ExposeSecret;
use serde::Serialize;
use warp::http::StatusCode;

use super::look::Page;
use super::notice::{Next, Notice};
use super::viewer::Viewer;
use super::{Asked, Shared};
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::response::Response;
use crate::http::site::Site;

/// A page for a mailed link that has no typed code: without the script, the link is pasted.
#[derive(Serialize)]
pub(super) struct LinkPage {
    lead: String,
    effect: String,
    submit: String,
    action: String,
    /// The name of the secret in the fragment.
    part: &'static str,
    /// Whether the button destroys something.
    pub(super) grave: bool,
    problem: Option<String>,
    errors: LinkErrors,
}

#[derive(Serialize)]
struct LinkErrors {
    link: Option<String>,
}

impl LinkPage {
    /// The page whose texts are in `section`, whose form goes to `path` and whose secret is called `part`.
    pub(super) fn new(
        viewer: &Viewer<'_>,
        section: &str,
        path: &str,
        part: &'static str,
        missing: Option<String>,
    ) -> Self {
        Self {
            lead: viewer.say(section, "lead"),
            effect: viewer.say(section, "effect"),
            submit: viewer.say(section, "submit"),
            action: viewer.href(path),
            part,
            grave: false,
            problem: None,
            errors: LinkErrors { link: missing },
        }
    }
}

/// Shows the button.
pub(super) fn show(site: &Site, request: &Asked) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, None)
}

/// Opens the account again; signs nobody in.
pub(super) async fn take_back(site: Shared, request: Asked) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return refused,
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
    if [Code::VerificationTokenNotFound, Code::VerificationTokenExpired].contains(&error.code) {
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
