//! The way into a recovery for whoever comes by its mail: by the link, or by the code and the address that it went to.
//!
//! Opening the page asks for nothing and spends nothing; the button leads into the flow that had the mail sent,
//! behind its e-mail stage, on whatever device.

use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::ask::Topic;
use super::flow::{lead_in, walker};
use super::forms::{Entered, shown};
use super::look::Page;
use super::notice::{is_dead, with_retry};
use super::viewer::Viewer;
use crate::desk::{EnterBy, Fault, FlowFault};
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// The form, and what was wrong with it.
#[derive(Serialize, Default)]
struct RecoverPage<'a> {
    /// The secret of the link, kept for the next try: nothing has been spent.
    token: &'a str,
    email: &'a str,
    code: &'a str,
    problem: Option<String>,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    email: Option<String>,
    code: Option<String>,
}

/// Shows the form. Looks at nothing: not a secret, not an address, not a user.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, &RecoverPage::default())
}

/// Leads into the flow; spends nothing, and what is wrong is told beside the field.
pub(super) async fn enter(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let page = RecoverPage {
        token: shown(entered.token.as_ref()),
        email: &entered.email,
        code: shown(entered.code.as_ref()),
        ..RecoverPage::default()
    };
    let address = entered.address();
    let by = match (&entered.token, &address, &entered.code) {
        (Some(secret), ..) => EnterBy::Link(secret),
        (None, Some(address), Some(code)) => EnterBy::Code(address, code),
        (None, _, _) => {
            let say = |name| viewer.say("common", name);
            let errors = Errors {
                email: address.is_none().then(|| say("email_invalid")),
                code: entered.code.is_none().then(|| say("code_missing")),
            };
            return form(&viewer, StatusCode::BAD_REQUEST, &RecoverPage { errors, ..page });
        }
    };
    match site.desk.enter_recovery(by, &walker(&viewer)).await {
        Ok(step) => lead_in(&viewer, &step),
        Err(FlowFault::Refused(fault)) => refuse(&viewer, &entered, page, &fault),
        Err(FlowFault::NotFound | FlowFault::Over | FlowFault::SignInFirst | FlowFault::SignedIn) => {
            viewer.trouble(&Code::FlowNotFound.into())
        }
    }
}

fn refuse(viewer: &Viewer<'_>, entered: &Entered, page: RecoverPage<'_>, fault: &Fault) -> Response {
    let error = of_fault(fault, viewer.locale(), "password");
    let anew = |page: &RecoverPage<'_>| with_retry(form(viewer, error.status(), page), &error);
    if error.code == Code::VerificationTokenNotFound && entered.token.is_none() {
        let errors = Errors {
            code: Some(viewer.say("common", "code_wrong")),
            ..Errors::default()
        };
        // A code that did not fit is typed anew.
        let code = "";
        return anew(&RecoverPage { code, errors, ..page });
    }
    if is_dead(&error) {
        return viewer.dead(&error, Some((Topic::Recovery, &entered.email)));
    }
    if error.code == Code::Overloaded {
        // Nothing was spent, and the link is no longer in the address bar: it must not get lost here.
        let problem = Some(viewer.say("trouble", "busy_lead"));
        return anew(&RecoverPage { problem, ..page });
    }
    viewer.trouble(&error)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, page: &RecoverPage<'_>) -> Response {
    viewer.page(status, Page::Recover, &viewer.say("recover", "title"), page)
}
