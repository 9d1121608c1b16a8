//! Who one is, once more: asked before what is dangerous, unless one signed in just now (S-08).
//!
//! It is a sign-in like any other, with the second factor if there is one; the session that asked ends for the new one
//! (S-02).

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::StatusCode;

use super::go_on;
use crate::desk::Fault;
use crate::domain::FactorKind;
use crate::http::codes::Code;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome, next_of, return_path};
use crate::http::pages::notice::with_retry;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::EmailAddress;

/// What the button says that has a code mailed.
const MAIL: &str = "mail";

#[derive(Serialize, Default)]
struct ConfirmPage<'a> {
    form: &'a str,
    email: &'a str,
    next: &'a str,
    problem: Option<String>,
    /// Said after a code was asked for.
    mailed: Option<String>,
    asks_factor: bool,
    can_mail: bool,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    password: Option<String>,
    factor: Option<String>,
}

/// Shows the form.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let next = next_of(request).unwrap_or_default();
    Ok(form(&member, StatusCode::OK, &page_of(&member, &next)))
}

/// Takes the password, and perhaps the factor; or has a code mailed that is one.
pub(super) async fn confirm(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let mut filled = |name| {
        let secret: Option<SecretString> = fields.optional_secret(name);
        secret.filter(|secret| !secret.expose_secret().is_empty())
    };
    let (password, factor) = (filled("password"), filled("factor"));
    let next = fields.optional_text("next").unwrap_or_default();
    let wants_mail = fields.optional_text("act").as_deref() == Some(MAIL);
    let viewer = &member.viewer;
    if let Err(error) = fields.finish() {
        return Ok(viewer.trouble(&error));
    }
    let page = page_of(&member, return_path(&next).unwrap_or_default());
    let Some(password) = password else {
        let errors = Errors {
            password: Some(viewer.say("confirm", "password_missing")),
            ..Errors::default()
        };
        return Ok(form(
            &member,
            StatusCode::BAD_REQUEST,
            &ConfirmPage { errors, ..page },
        ));
    };
    let Ok(address) = EmailAddress::parse(&member.profile.email) else {
        return Ok(viewer.to_sign_in(&request.path));
    };
    let visitor = viewer.visitor();
    if wants_mail {
        let asked = site.desk.challenge_mailbox(&address, &password, &visitor).await;
        return Ok(match asked {
            Ok(_) => {
                let mailed = Some(viewer.say("confirm", "mailed"));
                form(&member, StatusCode::OK, &ConfirmPage { mailed, ..page })
            }
            Err(fault) => refuse(&member, page, &fault),
        });
    }
    let signed_in = site
        .desk
        .sign_in_browser(&address, &password, factor.as_ref(), &visitor)
        .await;
    Ok(match signed_in {
        Ok(session) => {
            let next = return_path(&next).unwrap_or("/account");
            let (before, now) = (member.caller.session, site.desk.now());
            let goes_on = site.intents.hand_over(before, session.session, next, now);
            let onward = viewer.lead_to(if goes_on { go_on::PATH } else { next }, None);
            viewer.enter(onward, session, viewer.keep()).await
        }
        Err(fault) => refuse(&member, page, &fault),
    })
}

fn page_of<'a>(member: &'a Member<'_>, next: &'a str) -> ConfirmPage<'a> {
    let factors = &member.profile.factors;
    ConfirmPage {
        form: member.form_secret(),
        email: &member.profile.email,
        next,
        asks_factor: !factors.is_empty(),
        can_mail: factors.contains(&FactorKind::Email),
        ..ConfirmPage::default()
    }
}

fn refuse(member: &Member<'_>, page: ConfirmPage<'_>, fault: &Fault) -> Response {
    let viewer = &member.viewer;
    let error = of_fault(fault, viewer.locale(), "password");
    let say = |name| Some(viewer.say("confirm", name));
    let about = [
        (Code::InvalidCredentials, "password_wrong"),
        (Code::MfaRequired, "factor_needed"),
        (Code::InvalidMfaCode, "factor_wrong"),
        (Code::MfaBackupCodesExhausted, "factor_exhausted"),
    ];
    let sentence = about
        .iter()
        .find_map(|(of, name)| (*of == error.code).then_some(*name));
    let errors = match sentence {
        Some("password_wrong") => Errors {
            password: say("password_wrong"),
            ..Errors::default()
        },
        Some(about_factor) => Errors {
            factor: say(about_factor),
            ..Errors::default()
        },
        None => return viewer.trouble(&error),
    };
    with_retry(
        form(member, error.status(), &ConfirmPage { errors, ..page }),
        &error,
    )
}

fn form(member: &Member<'_>, status: StatusCode, page: &ConfirmPage<'_>) -> Response {
    let title = member.viewer.say("confirm", "title");
    member.viewer.page(status, Page::ConfirmSelf, &title, page)
}
