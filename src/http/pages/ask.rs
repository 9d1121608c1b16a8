//! Asking for a mail: the way in for whoever has none, or a dead one. One page for known and unknown addresses.

use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::flow::recovery_path;
use super::look::Page;
use super::notice::{Next, Notice};
use super::texts::span_in_words;
use super::viewer::Viewer;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// What a new mail would be for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Topic {
    /// A new password.
    Recovery,
    /// A confirmed address.
    Verification,
}

/// The form with the address.
#[derive(Serialize)]
pub(super) struct AskForm {
    action: String,
    submit: String,
    email: String,
    error: Option<String>,
    /// Whether the flow begins anew with this answer, wherever the browser stands in it.
    anew: bool,
}

impl AskForm {
    /// The form, with an address that was typed before. For a new password it is the first stage of a flow.
    pub(super) fn new(viewer: &Viewer<'_>, topic: Topic, email: &str) -> Self {
        let (path, submit) = match topic {
            Topic::Recovery => (recovery_path(viewer), "recover_submit"),
            Topic::Verification => (REQUEST.to_owned(), "verify_submit"),
        };
        Self {
            action: viewer.href(&path),
            submit: viewer.say("ask", submit),
            email: email.to_owned(),
            error: None,
            anew: matches!(topic, Topic::Recovery),
        }
    }
}

/// Where a mail that confirms an address is asked for.
const REQUEST: &str = "/verify/request";
/// Where its code is typed.
const VERIFY: &str = "/verify";

#[derive(Serialize)]
struct AskPage {
    lead: String,
    ask: AskForm,
    code_href: String,
    problem: Option<String>,
}

/// Shows the form.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let form = AskForm::new(&viewer, Topic::Verification, "");
    form_page(&viewer, StatusCode::OK, form)
}

/// Takes the request; what follows by mail is for the mailbox's owner to see.
pub(super) async fn send(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let Some(address) = entered.address() else {
        let form = AskForm {
            error: Some(viewer.say("common", "email_invalid")),
            ..AskForm::new(&viewer, Topic::Verification, &entered.email)
        };
        return form_page(&viewer, StatusCode::BAD_REQUEST, form);
    };
    let asked = site
        .desk
        .request_verification(&address, None, &viewer.visitor())
        .await;
    if let Err(fault) = asked {
        return viewer.trouble(&of_fault(&fault, viewer.locale(), "email"));
    }
    let lifetime = site.desk.engine().limits().lifetimes.verification;
    let lifetime = span_in_words(viewer.locale(), lifetime);
    let notice = Notice {
        paragraphs: vec![
            viewer
                .say("ask", "sent_lifetime")
                .replace("{lifetime}", &lifetime),
            viewer.say("ask", "sent_spam"),
        ],
        next: Some(Next {
            href: viewer.href(VERIFY),
            words: viewer.say("ask", "enter_code"),
        }),
        ..Notice::good(viewer.say("ask", "verify_sent"))
    };
    viewer.done(&viewer.say("ask", "sent_title"), &notice)
}

fn form_page(viewer: &Viewer<'_>, status: StatusCode, ask: AskForm) -> Response {
    let page = AskPage {
        lead: viewer.say("ask", "verify_lead"),
        ask,
        code_href: viewer.href(VERIFY),
        problem: None,
    };
    viewer.page(status, Page::Ask, &viewer.say("ask", "verify_title"), page)
}
