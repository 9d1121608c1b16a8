//! An account that was closed, taken back in time.

use super::Shared;
use super::link::LinkForm;
use super::notice::{Next, Notice, is_dead};
use super::viewer::Viewer;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

const FORM: LinkForm = LinkForm {
    section: "reopen",
    path: "/reopen",
    part: "t",
    grave: false,
};

/// Shows the button.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    FORM.show(&viewer)
}

/// Opens the account again; signs nobody in.
pub(super) async fn take_back(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let secret = match FORM.secret(&viewer, &request) {
        Ok(secret) => secret,
        Err(instead) => return *instead,
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
