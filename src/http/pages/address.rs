//! A further address of an account, confirmed by the link that went to it.

use super::Shared;
use super::link::LinkForm;
use super::notice::{Notice, is_dead};
use super::viewer::Viewer;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

const FORM: LinkForm = LinkForm {
    section: "address",
    path: "/address",
    part: "t",
    grave: false,
};

/// Shows the button, and confirms nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    FORM.show(&viewer)
}

/// Adds the address to its account; signs nobody in.
pub(super) async fn confirm(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let secret = match FORM.secret(&viewer, &request) {
        Ok(secret) => secret,
        Err(instead) => return *instead,
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
