//! A new password, by the link or by the code of a recovery mail.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::StatusCode;

use super::Shared;
use super::ask::Topic;
use super::forms::{Entered, shown};
use super::look::Page;
use super::notice::{Notice, is_dead, with_retry};
use super::viewer::Viewer;
use crate::desk::Fault;
use crate::domain::password_policy::Rule;
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
    rules: Vec<String>,
    problem: Option<String>,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    email: Option<String>,
    code: Option<String>,
    password: Option<Unfit>,
    repeat: Option<String>,
}

/// Why a password was not taken: one sentence, and every broken rule if there are some.
#[derive(Serialize)]
struct Unfit {
    lead: String,
    faults: Vec<String>,
}

impl Errors {
    fn is_empty(&self) -> bool {
        self.email.is_none() && self.code.is_none() && self.password.is_none() && self.repeat.is_none()
    }
}

/// Shows the form. Looks at nothing but the policy: not a secret, not an address, not a user.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    form(&viewer, site, StatusCode::OK, RecoverPage::default())
}

/// Sets the password; signs nobody in.
pub(super) async fn change(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let entered = match viewer.read(&request) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let errors = what_is_missing(&viewer, &entered);
    let page = RecoverPage {
        token: shown(entered.token.as_ref()),
        email: &entered.email,
        code: shown(entered.code.as_ref()),
        ..RecoverPage::default()
    };
    if !errors.is_empty() {
        return form(
            &viewer,
            &site,
            StatusCode::BAD_REQUEST,
            RecoverPage { errors, ..page },
        );
    }
    let (desk, visitor) = (&site.desk, viewer.visitor());
    let password = entered.password.clone().unwrap_or_default();
    let outcome = match (&entered.token, entered.address(), &entered.code) {
        (Some(secret), ..) => desk.confirm_reset_by_link(secret, password, &visitor).await,
        (None, Some(address), Some(code)) => desk.confirm_reset(&address, code, password, &visitor).await,
        // Told above.
        (None, _, _) => return form(&viewer, &site, StatusCode::BAD_REQUEST, page),
    };
    match outcome {
        Ok(()) => changed(&viewer),
        Err(fault) => refuse(&viewer, &site, &entered, page, &fault),
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
    let password = shown(entered.password.as_ref());
    if password.is_empty() {
        errors.password = Some(Unfit {
            lead: viewer.say("recover", "password_missing"),
            faults: vec![],
        });
    }
    let differs = |repeat: &SecretString| repeat.expose_secret() != password;
    if entered.repeat.as_ref().is_some_and(differs) {
        errors.repeat = Some(viewer.say("recover", "repeat_differs"));
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

fn refuse(
    viewer: &Viewer<'_>,
    site: &Site,
    entered: &Entered,
    page: RecoverPage<'_>,
    fault: &Fault,
) -> Response {
    let error = of_fault(fault, viewer.locale(), "password");
    let anew = |page| with_retry(form(viewer, site, error.status(), page), &error);
    if let Some(unfit) = what_is_unfit(viewer, site, fault) {
        let errors = Errors {
            password: Some(unfit),
            ..Errors::default()
        };
        return anew(RecoverPage { errors, ..page });
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

/// What the new password did wrong, if that is what the fault is about.
fn what_is_unfit(viewer: &Viewer<'_>, site: &Site, fault: &Fault) -> Option<Unfit> {
    let say = |name| viewer.say("recover", name);
    let (lead, faults) = match fault {
        Fault::PasswordFormat(rules) => {
            let policy = site.desk.password_policy();
            let own = &policy.settings().error_message;
            let lead = if own.is_empty() {
                say("password_unfit")
            } else {
                own.clone()
            };
            let faults = rules.iter().map(|rule| rule.message(viewer.locale()));
            (lead, faults.collect())
        }
        Fault::SameAsPrevious => (say("password_unfit"), vec![say("password_same")]),
        Fault::WeakPassword => (say("password_unfit"), vec![say("password_leaked")]),
        Fault::Refused(_) | Fault::Repeated | Fault::Overloaded | Fault::Stopped => return None,
    };
    Some(Unfit { lead, faults })
}

fn form(viewer: &Viewer<'_>, site: &Site, status: StatusCode, page: RecoverPage<'_>) -> Response {
    let rules = site.desk.password_policy().rules();
    let rules = rules.iter().map(|rule| beforehand(viewer, rule)).collect();
    let title = viewer.say("recover", "title");
    viewer.page(status, Page::Recover, &title, RecoverPage { rules, ..page })
}

/// A rule as it is told before anything was typed; some sentences of the policy speak of a password that is there.
fn beforehand(viewer: &Viewer<'_>, rule: &Rule) -> String {
    match rule {
        Rule::Breached => viewer.say("recover", "rule_leaked"),
        Rule::Zxcvbn => viewer.say("recover", "rule_guessable"),
        Rule::LengthMin { .. }
        | Rule::LengthMax { .. }
        | Rule::AmountUppercase { .. }
        | Rule::AmountLowercase { .. }
        | Rule::AmountDigits { .. }
        | Rule::AmountSymbols { .. }
        | Rule::Context
        | Rule::Mailed
        | Rule::History { .. } => rule.message(viewer.locale()),
    }
}
