//! Asking for a mail: the way in for whoever has none, or a dead one. One page for known and unknown addresses.

use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::look::Page;
use super::notice::{Next, Notice};
use super::texts::span_in_words;
use super::viewer::Viewer;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// What the mail is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Topic {
    /// A new password.
    Recovery,
    /// A confirmed address.
    Verification,
}

impl Topic {
    fn path(self) -> &'static str {
        match self {
            Self::Recovery => "/recover",
            Self::Verification => "/verify",
        }
    }

    fn names(self) -> [&'static str; 4] {
        match self {
            Self::Recovery => ["recover_title", "recover_lead", "recover_submit", "recover_sent"],
            Self::Verification => ["verify_title", "verify_lead", "verify_submit", "verify_sent"],
        }
    }
}

/// The form with the address.
#[derive(Serialize)]
pub(super) struct AskForm {
    action: String,
    submit: String,
    email: String,
    error: Option<String>,
}

impl AskForm {
    /// The form, with an address that was typed before.
    pub(super) fn new(viewer: &Viewer<'_>, topic: Topic, email: &str) -> Self {
        let [_, _, submit, _] = topic.names();
        Self {
            action: viewer.href(&format!("{}/request", topic.path())),
            submit: viewer.say("ask", submit),
            email: email.to_owned(),
            error: None,
        }
    }
}

#[derive(Serialize)]
struct AskPage {
    lead: String,
    ask: AskForm,
    code_href: String,
    problem: Option<String>,
}

/// Shows the form.
pub(super) fn show(site: &Site, request: &Request, topic: Topic) -> Response {
    let viewer = Viewer::of(site, request);
    let form = AskForm::new(&viewer, topic, "");
    form_page(&viewer, StatusCode::OK, topic, form)
}

/// Takes the request; what follows by mail is for the mailbox's owner to see.
pub(super) async fn send(site: Shared, request: Request, topic: Topic) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let Some(address) = entered.address() else {
        let form = AskForm {
            error: Some(viewer.say("common", "email_invalid")),
            ..AskForm::new(&viewer, topic, &entered.email)
        };
        return form_page(&viewer, StatusCode::BAD_REQUEST, topic, form);
    };
    let visitor = viewer.visitor();
    let lifetimes = &site.desk.engine().limits().lifetimes;
    let (asked, lifetime) = match topic {
        Topic::Recovery => (
            site.desk.request_reset(&address, &visitor).await,
            lifetimes.recovery,
        ),
        Topic::Verification => (
            site.desk.request_verification(&address, None, &visitor).await,
            lifetimes.verification,
        ),
    };
    if let Err(fault) = asked {
        return viewer.trouble(&of_fault(&fault, viewer.locale(), "email"));
    }
    let [.., sent] = topic.names();
    let lifetime = span_in_words(viewer.locale(), lifetime);
    let notice = Notice {
        paragraphs: vec![
            viewer
                .say("ask", "sent_lifetime")
                .replace("{lifetime}", &lifetime),
            viewer.say("ask", "sent_spam"),
        ],
        next: Some(Next {
            href: viewer.href(topic.path()),
            words: viewer.say("ask", "enter_code"),
        }),
        ..Notice::good(viewer.say("ask", sent))
    };
    viewer.done(&viewer.say("ask", "sent_title"), &notice)
}

fn form_page(viewer: &Viewer<'_>, status: StatusCode, topic: Topic, ask: AskForm) -> Response {
    let [title, lead, ..] = topic.names();
    let page = AskPage {
        lead: viewer.say("ask", lead),
        ask,
        code_href: viewer.href(topic.path()),
        problem: None,
    };
    viewer.page(status, Page::Ask, &viewer.say("ask", title), page)
}
