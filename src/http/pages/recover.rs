//! A new password, by the link or by the code of a recovery mail.

use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::ask::Topic;
use super::forms::{Entered, shown};
use super::look::Page;
use super::new_password::NewPassword;
use super::notice::{Notice, is_dead, with_retry};
use super::viewer::Viewer;
use crate::desk::Fault;
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
    /// Whether a second factor is asked for; only after a genuine proof, because nothing shows before that.
    asks_factor: bool,
    new: NewPassword,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    email: Option<String>,
    code: Option<String>,
    factor: Option<String>,
}

impl Errors {
    fn is_empty(&self) -> bool {
        self.email.is_none() && self.code.is_none()
    }
}

/// Shows the form. Looks at nothing but the policy: not a secret, not an address, not a user.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let page = RecoverPage {
        new: NewPassword::new(&viewer),
        ..RecoverPage::default()
    };
    form(&viewer, StatusCode::OK, &page)
}

/// Sets the password; signs nobody in.
pub(super) async fn change(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let errors = what_is_missing(&viewer, &entered);
    let (password, repeat) = (entered.password.as_ref(), entered.repeat.as_ref());
    let new = NewPassword::new(&viewer).checked(&viewer, password, repeat);
    let (is_complete, is_typed) = (errors.is_empty(), !new.is_faulty());
    let page = RecoverPage {
        token: shown(entered.token.as_ref()),
        email: &entered.email,
        code: shown(entered.code.as_ref()),
        asks_factor: entered.factor.is_some(),
        new: if is_complete && !is_typed {
            new.focused()
        } else {
            new
        },
        errors,
        ..RecoverPage::default()
    };
    if !is_complete || !is_typed {
        return form(&viewer, StatusCode::BAD_REQUEST, &page);
    }
    let (desk, visitor) = (&site.desk, viewer.visitor());
    let password = entered.password.clone().unwrap_or_default();
    let outcome = match (&entered.token, entered.address(), &entered.code) {
        (Some(secret), ..) => {
            desk.confirm_reset_by_link(secret, password, entered.factor.as_ref(), &visitor)
                .await
        }
        (None, Some(address), Some(code)) => {
            desk.confirm_reset(&address, code, password, entered.factor.as_ref(), &visitor)
                .await
        }
        // Told above.
        (None, _, _) => return form(&viewer, StatusCode::BAD_REQUEST, &page),
    };
    match outcome {
        Ok(()) => changed(&viewer),
        Err(fault) => refuse(&viewer, &entered, page, &fault),
    }
}

/// What can be said before anything is asked: the fields themselves.
fn what_is_missing(viewer: &Viewer<'_>, entered: &Entered) -> Errors {
    let mut errors = Errors::default();
    if entered.token.is_none() {
        if entered.address().is_none() {
            errors.email = Some(viewer.say("common", "email_invalid"));
        }
        if entered.code.is_none() {
            errors.code = Some(viewer.say("common", "code_missing"));
        }
    }
    errors
}

fn changed(viewer: &Viewer<'_>) -> Response {
    let say = |name| viewer.say("recover", name);
    let notice = Notice {
        paragraphs: vec![say("done_next"), say("done_notice")],
        ..Notice::good(say("done_lead"))
    };
    viewer.done(&say("done_title"), &notice)
}

fn refuse(viewer: &Viewer<'_>, entered: &Entered, page: RecoverPage<'_>, fault: &Fault) -> Response {
    let error = of_fault(fault, viewer.locale(), "password");
    let anew = |page| with_retry(form(viewer, error.status(), &page), &error);
    if let Some(new) = NewPassword::refused(viewer, fault) {
        let new = new.focused();
        return anew(RecoverPage { new, ..page });
    }
    if error.code == Code::VerificationTokenNotFound && entered.token.is_none() {
        let errors = Errors {
            code: Some(viewer.say("common", "code_wrong")),
            ..Errors::default()
        };
        // A code that did not fit is typed anew.
        let code = "";
        return anew(RecoverPage { code, errors, ..page });
    }
    if let Some(sentence) = factor_sentence(error.code) {
        let errors = Errors {
            factor: Some(viewer.say("recover", sentence)),
            ..Errors::default()
        };
        return anew(RecoverPage {
            asks_factor: true,
            errors,
            ..page
        });
    }
    if is_dead(&error) {
        return viewer.dead(&error, Some((Topic::Recovery, &entered.email)));
    }
    if error.code == Code::Overloaded {
        // Nothing was spent, and the link is no longer in the address bar: it must not get lost here.
        let problem = Some(viewer.say("trouble", "busy_lead"));
        return anew(RecoverPage { problem, ..page });
    }
    viewer.trouble(&error)
}

/// What is to be said beside the field of the second factor, if that is what the fault is about.
fn factor_sentence(code: Code) -> Option<&'static str> {
    let about = [
        (Code::MfaRequired, "factor_needed"),
        (Code::InvalidMfaCode, "factor_wrong"),
        (Code::MfaBackupCodesExhausted, "factor_exhausted"),
    ];
    about
        .into_iter()
        .find_map(|(of, sentence)| (of == code).then_some(sentence))
}

fn form(viewer: &Viewer<'_>, status: StatusCode, page: &RecoverPage<'_>) -> Response {
    viewer.page(status, Page::Recover, &viewer.say("recover", "title"), page)
}
