//! Invitations: mailed, listed, mailed again and taken back by administrators; accepted by whom they invite.

use serde::Serialize;

use super::forms;
use super::gate::administrator;
use super::shapes::{Done, Page, Pagination, as_text, as_time};
use super::users::{named, person, person_name, refused};
use crate::desk::InvitationView;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Fields, Request, Response, StatusCode};
use crate::types::{Span, Timestamp, UserId};

/// Days that an invitation is good at most.
const DAYS_MAX: i64 = 30;
/// Invitations of an answer, unless asked otherwise.
const LIMIT: usize = 20;

const TAKEN_BACK: Done = Done {
    message: "The invitation opens nothing any more, and what was held of the person is destroyed.",
};
const ACCEPTED: Done = Done {
    message: "The account is ready. Please sign in with the new password.",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvitationShown {
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    email: String,
    name: Option<String>,
    role: &'static str,
    #[serde(serialize_with = "as_time")]
    invited_at: Timestamp,
    #[serde(serialize_with = "as_time")]
    expires_at: Timestamp,
    is_open: bool,
}

impl From<InvitationView> for InvitationShown {
    fn from(view: InvitationView) -> Self {
        Self {
            user_id: view.user,
            email: view.email,
            name: view.name,
            role: view.role.word(),
            invited_at: view.since,
            expires_at: view.expires,
            is_open: view.is_open,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    items: Vec<InvitationShown>,
    pagination: Pagination,
}

fn lifetime(body: &mut Fields) -> Option<Span> {
    let range = 1..=DAYS_MAX;
    let days = body.optional_whole("expiresInDays", &range);
    // One beyond is a fault of the body by now, and may be more than a span holds.
    days.filter(|days| range.contains(days)).map(Span::days)
}

/// Lists those that wait, the latest first.
pub(super) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (skip, take) = page.part();
    let (total, views) = site.desk.invitations(skip, take);
    let listed = Listed {
        items: views.into_iter().map(InvitationShown::from).collect(),
        pagination: page.pagination(total),
    };
    Ok(request.voice.ok(&listed))
}

/// Registers somebody and mails them a link by which they choose their password.
pub(super) async fn make(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let mut body = request.json()?;
    let lifetime = lifetime(&mut body);
    let person = person(body)?;
    let invited = site.desk.invite(&person, lifetime, by).await;
    let user = invited.map_err(|fault| refused(&fault, request))?;
    show(site, request, StatusCode::CREATED, user)
}

/// Mails another link; the one before is void.
pub(super) async fn send_again(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, user) = (administrator(request)?, named(request)?);
    let mut lives = None;
    if !request.body().is_empty() {
        let mut body = request.json()?;
        lives = lifetime(&mut body);
        body.finish_strict()?;
    }
    let sent = site.desk.invite_again(user, lives, by).await;
    sent.map_err(|fault| refused(&fault, request))?;
    show(site, request, StatusCode::OK, user)
}

/// Takes one back, and with it the account that waits.
pub(super) async fn take_back(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, user) = (administrator(request)?, named(request)?);
    let taken = site.desk.take_invitation_back(user, by).await;
    taken.map_err(|fault| refused(&fault, request))?;
    Ok(request.voice.ok(&TAKEN_BACK))
}

fn show(site: &Site, request: &Request, status: StatusCode, user: UserId) -> Result<Response, ApiError> {
    let view = site.desk.invitation(user).ok_or(Code::NotFound)?;
    Ok(request.voice.success(status, &InvitationShown::from(view)))
}

/// Sets the first password by a mailed link; signs nobody in.
pub(super) async fn accept(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let token = body.secret("token");
    let password = body.secret("newPassword");
    let name = body.optional_text("name");
    body.finish()?;
    let name = name.as_deref().map(person_name).transpose()?;
    let visitor = site.visitor(request);
    site.desk
        .accept_invitation(&token, &password, name.as_ref(), &visitor)
        .await
        .map_err(forms::refused(request))?;
    Ok(request.voice.ok(&ACCEPTED))
}
