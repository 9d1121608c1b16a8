//! Second factors of the caller, and the code by mail that a sign-in may be finished with.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::forms::{address, refused};
use super::gate::caller;
use super::shapes::as_text;
use crate::desk::Reproof;
use crate::domain::FactorKind;
use crate::http::site::Site;
use crate::http::{ApiError, Fields, Request, Response};
use crate::types::{EmailAddress, TokenId};

fn texts(codes: &[SecretString]) -> Vec<&str> {
    codes.iter().map(ExposeSecret::expose_secret).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetUp<'a> {
    secret: &'a str,
    qr_code_url: &'a str,
    otpauth: &'a str,
    issuer: &'a str,
    backup_codes: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Codes<'a> {
    backup_codes: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Challenged<'a> {
    #[serde(serialize_with = "as_text")]
    challenge_id: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_email: Option<&'a str>,
}

#[derive(Serialize)]
struct Nothing {}

/// An absent text and an empty one are the same.
pub(super) fn code(body: &mut Fields, name: &'static str) -> Option<SecretString> {
    body.optional_secret(name)
        .filter(|code| !code.expose_secret().is_empty())
}

/// What whoever changes their factors shows once more: the password, and perhaps a second factor.
fn once_more(body: &mut Fields) -> (SecretString, Option<SecretString>) {
    (body.secret("password"), code(body, "code"))
}

/// Begins to add an authenticator app.
pub(super) async fn enable(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let (password, code) = once_more(&mut body);
    body.finish()?;
    let visitor = site.visitor(request);
    let made = site
        .desk
        .begin_totp(caller, Reproof::Password(&password), code.as_ref(), &visitor)
        .await
        .map_err(refused(request))?;
    let uri = made.uri.expose_secret();
    Ok(request.voice.ok(&SetUp {
        secret: made.secret.expose_secret(),
        qr_code_url: uri,
        otpauth: uri,
        issuer: &made.issuer,
        backup_codes: texts(&made.recovery_codes),
    }))
}

/// Confirms it with its first code.
pub(super) async fn confirm(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let code = body.secret("code");
    body.finish()?;
    let visitor = site.visitor(request);
    let codes = site
        .desk
        .confirm_totp(caller, &code, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&Codes {
        backup_codes: texts(&codes),
    }))
}

/// Takes the caller's factors away: all, or the one that `factor` names.
pub(super) async fn disable(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let (password, code) = once_more(&mut body);
    let kind = match body.optional_text("factor").as_deref().map(FactorKind::from_name) {
        Some(Some(kind)) => Some(kind),
        Some(None) => {
            body.fault("factor", "unsupported");
            None
        }
        None => None,
    };
    body.finish()?;
    let visitor = site.visitor(request);
    site.desk
        .remove_factors(
            caller,
            Reproof::Password(&password),
            code.as_ref(),
            kind,
            &visitor,
        )
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&Nothing {}))
}

/// Makes new recovery codes.
pub(super) async fn issue_recovery_codes(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let (password, code) = once_more(&mut body);
    body.finish()?;
    let visitor = site.visitor(request);
    let codes = site
        .desk
        .issue_recovery_codes(caller, Reproof::Password(&password), code.as_ref(), &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&Codes {
        backup_codes: texts(&codes),
    }))
}

/// Begins to add a mailbox for codes: the caller's own, or the one that `email` names.
pub(super) async fn enable_email(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let (password, code) = once_more(&mut body);
    let email = body.optional_text("email");
    body.finish()?;
    let email: Option<EmailAddress> = email.as_deref().map(address).transpose()?;
    let visitor = site.visitor(request);
    let made = site
        .desk
        .begin_mailbox(
            caller,
            Reproof::Password(&password),
            email.as_ref(),
            code.as_ref(),
            &visitor,
        )
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&Challenged {
        challenge_id: made.challenge,
        masked_email: Some(&made.masked),
    }))
}

/// Confirms it with the code that went to it. Recovery codes come with a mailbox that recoveries do not go to.
pub(super) async fn confirm_email(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let challenge = body.text("challengeId");
    let code = body.secret("code");
    // What is no id at all is a client's mistake; one of nothing is a wrong code like any other.
    let challenge: TokenId = challenge.parse().unwrap_or_else(|_| {
        if !challenge.is_empty() {
            body.fault("challengeId", "format");
        }
        TokenId([0; 16])
    });
    body.finish()?;
    let visitor = site.visitor(request);
    let codes = site
        .desk
        .confirm_mailbox(caller, challenge, &code, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(if codes.is_empty() {
        request.voice.ok(&Nothing {})
    } else {
        request.voice.ok(&Codes {
            backup_codes: texts(&codes),
        })
    })
}

/// Asks for a code by mail to sign in with. The answer is the same whoever asks, and for whom.
pub(super) async fn challenge_email(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let email = body.text("email");
    let password = body.secret("password");
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    let challenge_id = site
        .desk
        .challenge_mailbox(&address, &password, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&Challenged {
        challenge_id,
        masked_email: None,
    }))
}

/// Reads the second factor of a sign-in or a recovery.
pub(super) fn mfa_code(body: &mut Fields) -> Option<SecretString> {
    code(body, "mfaCode")
}
