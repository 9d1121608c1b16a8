//! A new password for somebody who knows the old one.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::StatusCode;

use super::overview::signed_out;
use crate::desk::Fault;
use crate::http::codes::Code;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::new_password::NewPassword;
use crate::http::pages::notice::with_retry;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

#[derive(Serialize)]
struct PasswordPage<'a> {
    form: &'a str,
    email: &'a str,
    current_error: Option<String>,
    new: NewPassword,
}

/// Shows the form, or leads to the flow that the operator has for it.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    if let Some(instead) = elsewhere(&member) {
        return Ok(instead);
    }
    let new = NewPassword::new(&member.viewer);
    Ok(form(&member, StatusCode::OK, None, new))
}

/// The way to the flow that the operator has for it, with the rules that its prompt is bound to.
fn elsewhere(member: &Member<'_>) -> Option<Response> {
    let viewer = &member.viewer;
    let flow = viewer.site().desk.password_flow()?;
    Some(viewer.lead_to(&format!("/flow/{}", flow.as_str()), Some("/account")))
}

/// Changes it; every session ends, this one too.
pub(super) async fn change(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let mut filled = |name| {
        let secret: Option<SecretString> = fields.optional_secret(name);
        secret.filter(|secret| !secret.expose_secret().is_empty())
    };
    let (current, password) = (filled("current"), filled("password"));
    let repeat = fields.optional_secret("repeat");
    let viewer = &member.viewer;
    if let Err(error) = fields.finish() {
        return Ok(viewer.trouble(&error));
    }
    if let Some(instead) = elsewhere(&member) {
        return Ok(instead);
    }
    let new = NewPassword::new(viewer).checked(viewer, password.as_ref(), repeat.as_ref());
    let missing = current.is_none().then(|| viewer.say("change", "current_missing"));
    let (Some(current), Some(password), false) = (current, password, new.is_faulty()) else {
        let new = if missing.is_none() { new.focused() } else { new };
        return Ok(form(&member, StatusCode::BAD_REQUEST, missing, new));
    };
    let changed = site
        .desk
        .change_password(member.caller, &current, &password, &viewer.visitor())
        .await;
    Ok(match changed {
        Ok(()) => signed_out(viewer, "changed_lead").await,
        Err(fault) => refuse(&member, &fault),
    })
}

fn refuse(member: &Member<'_>, fault: &Fault) -> Response {
    let viewer = &member.viewer;
    let error = of_fault(fault, viewer.locale(), "password");
    if let Some(new) = NewPassword::refused(viewer, fault) {
        return with_retry(form(member, error.status(), None, new.focused()), &error);
    }
    if error.code == Code::InvalidPassword {
        let wrong = Some(viewer.say("confirm", "password_wrong"));
        let new = NewPassword::new(viewer);
        return with_retry(form(member, error.status(), wrong, new), &error);
    }
    viewer.trouble(&error)
}

fn form(
    member: &Member<'_>,
    status: StatusCode,
    current_error: Option<String>,
    new: NewPassword,
) -> Response {
    let page = PasswordPage {
        form: member.form_secret(),
        email: &member.profile.email,
        current_error,
        new,
    };
    let title = member.viewer.say("change", "title");
    member.viewer.page(status, Page::ChangePassword, &title, page)
}
