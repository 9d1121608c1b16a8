//! The first password of somebody who was invited, behind the mailed link.
//!
//! Opening the page asks for nothing and spends nothing. Whoever comes is not signed in by it: the sign-in that
//! follows is the usual one.

use secrecy::ExposeSecret;
use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::forms::{Entered, shown};
use super::look::Page;
use super::new_password::NewPassword;
use super::notice::{Next, Notice, is_dead, with_retry};
use super::viewer::Viewer;
use crate::desk::Fault;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::PersonName;

#[derive(Serialize)]
struct InvitationPage<'a> {
    /// The secret of the link, kept for the next try: nothing has been spent.
    token: &'a str,
    name: &'a str,
    new: NewPassword,
    problem: Option<String>,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    link: Option<String>,
    name: Option<String>,
}

/// Shows the form. Looks at nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let page = InvitationPage {
        token: "",
        name: "",
        new: NewPassword::new(&viewer),
        problem: None,
        errors: Errors::default(),
    };
    form(&viewer, StatusCode::OK, &page)
}

/// Sets the password, and the name if one was typed.
pub(super) async fn accept(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let mut fields = match viewer.fields(&request) {
        Ok(fields) => fields,
        Err(refused) => return *refused,
    };
    let entered = Entered::read(&mut fields);
    let password = fields.optional_secret("password");
    let repeat = fields.optional_secret("repeat");
    let typed = fields.optional_text("name").unwrap_or_default();
    if let Err(error) = fields.finish() {
        return viewer.trouble(&error);
    }
    let secret = entered
        .link_secret("t")
        .filter(|secret| !secret.expose_secret().is_empty());
    let name = match PersonName::parse(&typed) {
        Ok(name) => Ok(Some(name)),
        Err(_) if typed.trim().is_empty() => Ok(None),
        Err(_) => Err(()),
    };
    let page = InvitationPage {
        token: shown(secret.as_ref()),
        name: &typed,
        new: NewPassword::new(&viewer).checked(&viewer, password.as_ref(), repeat.as_ref()),
        problem: None,
        errors: Errors {
            link: secret.is_none().then(|| viewer.say("common", "link_missing")),
            name: name.is_err().then(|| viewer.say("profile", "name_invalid")),
        },
    };
    let (Some(secret), Ok(name), Some(password), false) = (&secret, name, &password, page.new.is_faulty())
    else {
        return form(&viewer, StatusCode::BAD_REQUEST, &page);
    };
    let accepted = site
        .desk
        .accept_invitation(secret, password, name.as_ref(), &viewer.visitor())
        .await;
    match accepted {
        Ok(()) => welcome(&viewer),
        Err(fault) => refuse(&viewer, page, &fault),
    }
}

fn refuse(viewer: &Viewer<'_>, page: InvitationPage<'_>, fault: &Fault) -> Response {
    let error = of_fault(fault, viewer.locale(), "password");
    if let Some(new) = NewPassword::refused(viewer, fault) {
        let new = new.focused();
        return form(viewer, error.status(), &InvitationPage { new, ..page });
    }
    if is_dead(&error) {
        return viewer.dead(&error, None);
    }
    if error.code == Code::Overloaded {
        let problem = Some(viewer.say("trouble", "busy_lead"));
        return with_retry(
            form(viewer, error.status(), &InvitationPage { problem, ..page }),
            &error,
        );
    }
    viewer.trouble(&error)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, page: &InvitationPage<'_>) -> Response {
    viewer.page(status, Page::Invitation, &viewer.say("invitation", "title"), page)
}

fn welcome(viewer: &Viewer<'_>) -> Response {
    let say = |name| viewer.say("invitation", name);
    let notice = Notice {
        next: Some(Next {
            href: viewer.href("/"),
            words: say("sign_in"),
        }),
        ..Notice::good(say("done_lead"))
    };
    viewer.done(&say("done_title"), &notice)
}
