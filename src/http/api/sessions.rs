//! The caller's sessions.

use std::net::IpAddr;

use serde::Serialize;

use super::forms::refused;
use super::gate::caller;
use super::shapes::{Done, Page, Pagination, as_text, as_time};
use crate::desk::SessionView;
use crate::domain::Actor;
use crate::http::device::device_name;
use crate::http::site::Site;
use crate::http::{ApiError, Code, HeaderName, HeaderValue, Request, Response};
use crate::types::{SessionId, Timestamp, UserId};

/// Sessions on a page, unless asked otherwise.
pub(super) const LIMIT: usize = 10;

pub(super) const ENDED: Done = Done {
    message: "The session has been ended.",
};
const SIGNED_OUT: Done = Done {
    message: "You have been signed out.",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionShown {
    #[serde(serialize_with = "as_text")]
    id: SessionId,
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    user_agent: Option<String>,
    ip_address: Option<IpAddr>,
    device_info: String,
    #[serde(serialize_with = "as_time")]
    last_activity_at: Timestamp,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
    current: bool,
}

impl SessionShown {
    pub(super) fn new(view: SessionView, own: Option<SessionId>) -> Self {
        Self {
            id: view.id,
            user_id: view.user,
            device_info: device_name(view.user_agent.as_deref().unwrap_or_default()),
            user_agent: view.user_agent,
            ip_address: view.ip,
            last_activity_at: view.active,
            created_at: view.created,
            current: Some(view.id) == own,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Listed {
    pub(super) items: Vec<SessionShown>,
    pub(super) pagination: Pagination,
}

/// Lists the live ones, newest first.
pub(super) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (views, pagination) = page.of(site.desk.sessions(caller.user));
    let items = views
        .into_iter()
        .map(|view| SessionShown::new(view, Some(caller.session)))
        .collect();
    Ok(request.voice.ok(&Listed { items, pagination }))
}

/// Ends one. Another user's is answered like none.
pub(super) async fn end(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let session: SessionId = request.param("id").parse().map_err(|_| Code::SessionNotFound)?;
    let visitor = site.visitor(request);
    let ended = if session == caller.session {
        site.desk.sign_out(caller, &visitor).await
    } else {
        let by = Actor::User(caller.user);
        site.desk
            .end_session(caller.user, session, by, Some(&visitor))
            .await
    };
    ended.map_err(refused(request))?;
    Ok(request.voice.ok(&ENDED))
}

#[derive(Serialize)]
pub(super) struct AllEnded {
    pub(super) message: &'static str,
    pub(super) ended: u32,
}

/// Ends all, or with `?except=current` all others.
pub(super) async fn end_all(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut query = request.query_fields()?;
    let except = query.optional_text("except");
    if except.as_deref().is_some_and(|which| which != "current") {
        query.fault("except", "unsupported");
    }
    query.finish()?;
    let (kept, by) = (except.map(|_| caller.session), Actor::User(caller.user));
    let visitor = site.visitor(request);
    let ended = site
        .desk
        .end_sessions(caller.user, kept, by, Some(&visitor))
        .await
        .map_err(refused(request))?;
    let message = "The sessions have been ended.";
    Ok(request.voice.ok(&AllEnded { message, ended }))
}

/// Ends the caller's own; the browser forgets what it has cached of it (S-17).
pub(super) async fn sign_out(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let visitor = site.visitor(request);
    site.desk
        .sign_out(caller, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&SIGNED_OUT).with(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    ))
}
