//! "This was not me": the page behind the link that mails about an account carry.

use secrecy::ExposeSecret;
use warp::http::StatusCode;

use super::Shared;
use super::link::LinkPage;
use super::look::Page;
use super::notice::{Next, Notice, is_dead};
use super::viewer::Viewer;
use crate::desk::NotMe;
use crate::domain::Objected;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::mail::templates::moment;

/// Shows the button, and does nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, None)
}

/// Undoes what the mail told of; signs nobody in.
pub(super) async fn object(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let secret = entered.link_secret("n");
    let Some(secret) = secret.filter(|secret| !secret.expose_secret().is_empty()) else {
        let missing = viewer.say("common", "link_missing");
        return form(&viewer, StatusCode::BAD_REQUEST, Some(missing));
    };
    let say = |name| viewer.say("not_me", name);
    let fault = match site.desk.not_me(&secret, &viewer.visitor()).await {
        Ok(NotMe::SignUpDeleted) => {
            return viewer.done(&say("deleted_title"), &Notice::good(say("deleted_lead")));
        }
        Ok(NotMe::Objected(objected)) => return undone(&viewer, objected),
        Err(fault) => fault,
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if error.code == Code::AlreadyVerified {
        return viewer.refused(&error, &say("kept_title"), &Notice::bad(say("kept_lead")));
    }
    if is_dead(&error) {
        return viewer.dead(&error, None);
    }
    viewer.trouble(&error)
}

fn undone(viewer: &Viewer<'_>, objected: Objected) -> Response {
    let say = |name| viewer.say("not_me", name);
    let Objected::Undone { locked, contested } = objected else {
        return viewer.done(&say("burned_title"), &Notice::good(say("burned_lead")));
    };
    let lead = if locked { "locked_lead" } else { "undone_lead" };
    let mut paragraphs = vec![];
    if let Some(until) = contested {
        let until = moment(until, viewer.locale());
        paragraphs.push(say("contested").replace("{until}", &until));
    }
    paragraphs.push(say("mailbox"));
    let next = locked.then(|| Next {
        href: viewer.href("/recover/request"),
        words: say("reset"),
    });
    let notice = Notice {
        paragraphs,
        next,
        ..Notice::good(say(lead))
    };
    viewer.done(&say("undone_title"), &notice)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, missing: Option<String>) -> Response {
    let page = LinkPage::new(viewer, "not_me", "/not-me", "n", missing).grave();
    viewer.page(status, Page::Link, &viewer.say("not_me", "title"), page)
}
