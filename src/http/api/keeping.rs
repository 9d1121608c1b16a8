//! What administrators do about one user: let back in, keep out, end sessions, take factors away, look at what happened.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::audit;
use super::gate::administrator;
use super::sessions::{AllEnded, ENDED, LIMIT, Listed, SessionShown};
use super::shapes::{Done, Page, as_text, as_time};
use super::users::{named, refused, show_user};
use crate::desk::FactorView;
use crate::domain::FactorKind;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Fields, Request, Response, StatusCode};
use crate::types::{SessionId, Span, Timestamp, UserId};

/// Minutes that a handed-over recovery lives, unless asked otherwise.
const RECOVERY_MINUTES: i64 = 60;
/// Minutes that it lives at most: a day.
const RECOVERY_MINUTES_MAX: i64 = 24 * 60;

const RECOVERY_SENT: Done = Done {
    message: "The user gets a mail with a link and a code.",
};
const PASSWORD_REVOKED: &str = "The password opens nothing any more. The user sets a new one by recovery.";

/// The user that a path names, if there is one.
fn known(site: &Site, request: &Request) -> Result<UserId, ApiError> {
    let id = named(request)?;
    let is_there = site.desk.engine().read(|state| state.users.contains_key(&id));
    is_there.then_some(id).ok_or(Code::UserNotFound.into())
}

/// A body of a call that needs none: absent, or an object without members.
fn no_fields(request: &Request) -> Result<(), ApiError> {
    if request.body().is_empty() {
        return Ok(());
    }
    request.json()?.finish_strict()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecoveryShown<'a> {
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(serialize_with = "as_time")]
    expires_at: Timestamp,
}

#[derive(Clone, Copy)]
enum Handed {
    Link,
    Code,
}

fn handed(body: &mut Fields) -> Handed {
    match body.text("kind").as_str() {
        "code" => Handed::Code,
        // Nothing is a fault already.
        "link" | "" => Handed::Link,
        _ => {
            body.fault("kind", "unsupported");
            Handed::Link
        }
    }
}

/// Makes a recovery that is handed over, and shows it once. All confirmed addresses are told.
pub(super) async fn make_recovery(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let id = known(site, request)?;
    let mut body = request.json()?;
    let kind = handed(&mut body);
    let minutes = body.optional_whole("expiresInMinutes", &(1..=RECOVERY_MINUTES_MAX));
    body.finish_strict()?;
    let lifetime = Span::minutes(minutes.unwrap_or(RECOVERY_MINUTES));
    let made = site.desk.admin_recovery(id, lifetime, by).await;
    let made = made.map_err(|fault| refused(&fault, request))?;
    let (kind, link, code) = match kind {
        Handed::Link => ("link", Some(site.recovery_link(&made.secret)), None),
        Handed::Code => ("code", None, Some(made.code.expose_secret())),
    };
    let shown = RecoveryShown {
        user_id: id,
        kind,
        link,
        code,
        expires_at: made.expires,
    };
    Ok(request.voice.success(StatusCode::CREATED, &shown))
}

/// Has a recovery mailed to the user.
pub(super) async fn send_recovery(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    no_fields(request)?;
    let sent = site.desk.send_recovery(known(site, request)?, by).await;
    sent.map_err(|fault| refused(&fault, request))?;
    Ok(request.voice.ok(&RECOVERY_SENT))
}

/// Keeps the user out.
pub(super) async fn ban(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    no_fields(request)?;
    let banned = site.desk.ban_user(id, by).await;
    banned.map_err(|fault| refused(&fault, request))?;
    show_user(site, request, StatusCode::OK, id)
}

/// Lets the user in again.
pub(super) async fn unban(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    no_fields(request)?;
    let unbanned = site.desk.unban_user(id, by).await;
    unbanned.map_err(|fault| refused(&fault, request))?;
    show_user(site, request, StatusCode::OK, id)
}

/// Takes the password away; recovery stays open.
pub(super) async fn revoke_password(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    no_fields(request)?;
    let revoked = site.desk.revoke_password(id, by).await;
    revoked.map_err(|fault| refused(&fault, request))?;
    let message = PASSWORD_REVOKED;
    Ok(request.voice.ok(&Done { message }))
}

/// Lists the user's sessions.
pub(super) async fn sessions(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    let id = known(site, request)?;
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (views, pagination) = page.of(site.desk.sessions(id));
    let items = views
        .into_iter()
        .map(|view| SessionShown::new(view, None))
        .collect();
    Ok(request.voice.ok(&Listed { items, pagination }))
}

/// Ends one of them.
pub(super) async fn end_session(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    let session: SessionId = request
        .param("session")
        .parse()
        .map_err(|_| Code::SessionNotFound)?;
    let ended = site.desk.end_session(id, session, by, None).await;
    ended.map_err(|fault| refused(&fault, request))?;
    Ok(request.voice.ok(&ENDED))
}

/// Ends all of them.
pub(super) async fn end_sessions(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    let ended = site.desk.end_sessions(id, None, by, None).await;
    let ended = ended.map_err(|fault| refused(&fault, request))?;
    let message = "The sessions have been ended.";
    Ok(request.voice.ok(&AllEnded { message, ended }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FactorShown {
    kind: &'static str,
    #[serde(serialize_with = "as_time")]
    since: Timestamp,
    /// Masked.
    address: Option<String>,
    codes_left: Option<u32>,
}

impl From<FactorView> for FactorShown {
    fn from(view: FactorView) -> Self {
        Self {
            kind: view.kind.name(),
            since: view.since,
            address: view.address,
            codes_left: view.left,
        }
    }
}

#[derive(Serialize)]
struct Factors {
    items: Vec<FactorShown>,
}

/// Lists the user's second factors.
pub(super) async fn factors(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    request.query_fields()?.finish_strict()?;
    Ok(request.voice.ok(&factors_of(site, known(site, request)?)))
}

/// Takes second factors away: all, or with `kind` those of one kind (M-09).
pub(super) async fn remove_factors(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, known(site, request)?);
    let mut query = request.query_fields()?;
    let named = query.optional_text("kind");
    let kind = named.as_deref().and_then(FactorKind::from_name);
    if named.is_some() && kind.is_none() {
        query.fault("kind", "unsupported");
    }
    query.finish_strict()?;
    let removed = site.desk.revoke_factors(id, kind, by).await;
    removed.map_err(|fault| refused(&fault, request))?;
    Ok(request.voice.ok(&factors_of(site, id)))
}

fn factors_of(site: &Site, id: UserId) -> Factors {
    Factors {
        items: site.desk.factors(id).into_iter().map(FactorShown::from).collect(),
    }
}

/// Lists the events that concern the user, oldest first.
pub(super) async fn events(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let id = named(request)?;
    audit::list_events(site, request, Some(id)).await
}
