//! An account's beginning, its use, and its end.

use serde::Serialize;

use super::forms::{address, refused};
use super::gate::caller;
use super::mfa::mfa_code;
use super::shapes::{Done, DoneFor, as_text, as_time, as_time_or_null};
use super::tokens::TokensShown;
use crate::desk::{Profile, SignUpAnswer, SignUpForm};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, Fields, Request, Response, StatusCode, refusals};
use crate::types::{Locale, PersonName, Timestamp, UserId};

const SIGN_UP_MAILED: &str = "An email tells you how to go on. Please look into your mailbox.";
pub(super) const WITHDRAWN: Done = Done {
    message: "The account has been closed. A link in the mail we sent takes it back until its data is destroyed.",
};
const REOPENED: Done = Done {
    message: "The account is open again. Please sign in.",
};

/// Registers somebody: signed in at once, or, where sign-up must not tell who has an account, told by mail.
pub(super) async fn sign_up(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    read_method(&mut body);
    let email = body.text("email");
    let password = body.secret("password");
    let name = body.text("name");
    let locale = body.optional_text("locale");
    body.finish()?;
    let address = address(&email)?;
    let name = PersonName::parse(&name).map_err(|fault| {
        ApiError::new(Code::UserInvalidName).with_details(vec![Detail::new("name", fault.reason())])
    })?;
    let form = SignUpForm {
        address: address.clone(),
        password,
        name,
        locale: locale.as_deref().and_then(Locale::parse),
    };
    let visitor = site.visitor(request);
    let answer = site.desk.sign_up(form, &visitor).await;
    let answer = answer.map_err(|fault| refusals::of_fault(&fault, request.voice.locale, "password"))?;
    Ok(match answer {
        SignUpAnswer::SignedIn(tokens) => request
            .voice
            .success(StatusCode::CREATED, &TokensShown::from(&tokens)),
        SignUpAnswer::MailSent => {
            let sent = DoneFor {
                message: SIGN_UP_MAILED,
                email: address.as_typed(),
            };
            request.voice.success(StatusCode::CREATED, &sent)
        }
    })
}

/// Signs somebody in.
pub(super) async fn sign_in(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    read_method(&mut body);
    let email = body.text("email");
    let password = body.secret("password");
    let code = mfa_code(&mut body);
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    let tokens = site
        .desk
        .sign_in(&address, &password, code.as_ref(), &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&TokensShown::from(&tokens)))
}

/// `method` may be missing; there is one.
fn read_method(body: &mut Fields) {
    if body
        .optional_text("method")
        .is_some_and(|method| method != "password")
    {
        body.fault("method", "unsupported");
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me<'a> {
    #[serde(serialize_with = "as_text")]
    id: UserId,
    role: &'static str,
    name: Option<&'a str>,
    nickname: Option<&'a str>,
    email: &'a str,
    #[serde(serialize_with = "as_time_or_null")]
    email_verified: Option<Timestamp>,
    image: Option<&'a str>,
    onboarding_status: &'static str,
    locale: &'static str,
    /// Enrolled second factors.
    mfa: Vec<&'static str>,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
    #[serde(serialize_with = "as_time")]
    updated_at: Timestamp,
    #[serde(serialize_with = "as_time_or_null")]
    last_login_at: Option<Timestamp>,
}

impl<'a> From<&'a Profile> for Me<'a> {
    fn from(profile: &'a Profile) -> Self {
        Self {
            id: profile.id,
            role: profile.role.word(),
            name: profile.name.as_deref(),
            nickname: None,
            email: &profile.email,
            email_verified: profile.email_verified,
            image: None,
            onboarding_status: "completed",
            locale: profile.locale.tag(),
            mfa: profile.factors.iter().map(|kind| kind.name()).collect(),
            created_at: profile.created,
            updated_at: profile.updated,
            last_login_at: profile.last_login,
        }
    }
}

/// Shows the caller themself.
pub(super) async fn show_me(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let profile = site.desk.profile(caller.user).ok_or(Code::AccountNotFound)?;
    Ok(request.voice.ok(&Me::from(&profile)))
}

/// Closes the caller's account.
pub(super) async fn withdraw(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let visitor = site.visitor(request);
    site.desk
        .withdraw(caller, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&WITHDRAWN))
}

/// Takes a closing back, by the secret of the mail that told of it.
pub(super) async fn cancel_withdraw(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let token = body.secret("token");
    body.finish()?;
    let visitor = site.visitor(request);
    site.desk
        .cancel_withdraw(&token, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&REOPENED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FactorKind, Role};

    #[test]
    fn me_has_every_field_of_the_contract() {
        let at = Timestamp::parse_rfc3339("2026-01-20T14:30:00Z").unwrap();
        let profile = Profile {
            id: UserId([7; 16]),
            role: Role::User,
            name: Some("김지우".into()),
            email: "jiwoo@example.com".into(),
            email_verified: None,
            locale: Locale::Ko,
            factors: vec![FactorKind::Totp, FactorKind::RecoveryCodes],
            created: at,
            updated: at,
            last_login: Some(at),
        };
        insta::assert_snapshot!(
            serde_json::to_string(&Me::from(&profile)).unwrap(),
            @r#"{"id":"07070707-0707-0707-0707-070707070707","role":"user","name":"김지우","nickname":null,"email":"jiwoo@example.com","emailVerified":null,"image":null,"onboardingStatus":"completed","locale":"ko","mfa":["totp","recovery_codes"],"createdAt":"2026-01-20T14:30:00.000Z","updatedAt":"2026-01-20T14:30:00.000Z","lastLoginAt":"2026-01-20T14:30:00.000Z"}"#
        );
    }
}
