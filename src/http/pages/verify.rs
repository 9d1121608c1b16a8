//! A confirmed address.

use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::ask::Topic;
use super::forms::{Entered, shown};
use super::look::Page;
use super::notice::{Notice, is_dead};
use super::viewer::Viewer;
use crate::http::callback;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

#[derive(Serialize, Default)]
struct VerifyPage<'a> {
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

/// Shows the form, and confirms nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, StatusCode::OK, &VerifyPage::default())
}

/// Confirms the address by link or code.
pub(super) async fn confirm(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let (address, proof) = (
        entered.address(),
        entered.token.as_ref().or(entered.code.as_ref()),
    );
    let (Some(address), Some(proof)) = (&address, proof) else {
        let (email, code) = (address.is_none(), proof.is_none());
        let errors = Errors {
            email: email.then(|| viewer.say("common", "email_invalid")),
            code: code.then(|| viewer.say("common", "code_missing")),
        };
        let page = VerifyPage {
            token: shown(entered.token.as_ref()),
            email: &entered.email,
            code: shown(entered.code.as_ref()),
            errors,
            ..VerifyPage::default()
        };
        return form(&viewer, StatusCode::BAD_REQUEST, &page);
    };
    let confirmed = site
        .desk
        .confirm_verification(address, proof, &viewer.visitor())
        .await;
    let fault = match confirmed {
        Ok(wanted) => {
            let back = wanted.and_then(|url| callback::lead_back(&site, &url, address.as_typed()));
            let notice = Notice::good(viewer.say("verify", "done_lead"));
            return back.unwrap_or_else(|| viewer.done(&viewer.say("verify", "done_title"), &notice));
        }
        Err(fault) => fault,
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if error.code == Code::AlreadyVerified {
        let notice = Notice::good(viewer.say("verify", "already_lead"));
        return viewer.refused(&error, &viewer.say("verify", "already_title"), &notice);
    }
    if error.code == Code::VerificationTokenNotFound && entered.token.is_none() {
        return wrong_code(&viewer, &entered);
    }
    if is_dead(&error) {
        return viewer.dead(&error, Some((Topic::Verification, &entered.email)));
    }
    viewer.trouble(&error)
}

fn wrong_code(viewer: &Viewer<'_>, entered: &Entered) -> Response {
    let page = VerifyPage {
        email: &entered.email,
        errors: Errors {
            code: Some(viewer.say("common", "code_wrong")),
            ..Errors::default()
        },
        ..VerifyPage::default()
    };
    form(viewer, StatusCode::NOT_FOUND, &page)
}

fn form(viewer: &Viewer<'_>, status: StatusCode, page: &VerifyPage<'_>) -> Response {
    viewer.leading_back(viewer.page(status, Page::Verify, &viewer.say("verify", "title"), page))
}
