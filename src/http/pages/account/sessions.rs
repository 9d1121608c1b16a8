//! Where one is signed in, and ending that (S-06).

use serde::Serialize;
use warp::http::StatusCode;

use super::overview::signed_out;
use super::{Moment, Whence};
use crate::desk::Fault;
use crate::domain::{Actor, Refusal};
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::request::Request;
use crate::http::site::Site;
use crate::types::SessionId;

const PATH: &str = "/account/sessions";

#[derive(Serialize)]
struct SessionsPage<'a> {
    form: &'a str,
    sessions: Vec<Shown>,
    /// Whether there are others than this one.
    has_others: bool,
    is_fresh: bool,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    whence: Whence,
    began: Moment,
    active: Moment,
    is_this: bool,
}

/// Lists the live sessions, newest first.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let viewer = &member.viewer;
    let views = site.desk.sessions(member.caller.user).into_iter();
    let shown = views.map(|view| Shown {
        whence: Whence::new(viewer, view.user_agent.as_deref(), view.ip),
        began: Moment::new(viewer, view.created),
        active: Moment::new(viewer, view.active),
        is_this: view.id == member.caller.session,
        id: view.id.to_string(),
    });
    let sessions: Vec<Shown> = shown.collect();
    let page = SessionsPage {
        form: member.form_secret(),
        has_others: sessions.len() > 1,
        sessions,
        is_fresh: member.is_fresh(),
    };
    let title = viewer.say("sessions", "title");
    Ok(viewer.page(StatusCode::OK, Page::Sessions, &title, page))
}

/// Ends one; this one too.
pub(super) async fn end(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    member.freshly(request, PATH)?;
    let named = fields.optional_text("session").unwrap_or_default();
    if let Err(error) = fields.finish() {
        return Ok(member.viewer.trouble(&error));
    }
    let session: Option<SessionId> = named.parse().ok();
    if session == Some(member.caller.session) {
        return Ok(signed_out(&member.viewer, "signed_out_lead").await);
    }
    let (user, by) = (member.caller.user, Actor::User(member.caller.user));
    if let Some(session) = session {
        match site
            .desk
            .end_session(user, session, by, Some(&member.viewer.visitor()))
            .await
        {
            // It is over; somebody else was faster.
            Ok(()) | Err(Fault::Refused(Refusal::SessionNotFound)) => {}
            Err(fault) => return Ok(member.trouble(&fault)),
        }
    }
    Ok(member.viewer.lead_to(PATH, None))
}

/// Ends all but this one.
pub(super) async fn end_others(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.button(request)?;
    member.freshly(request, PATH)?;
    let caller = member.caller;
    let by = Actor::User(caller.user);
    let ended = site
        .desk
        .end_sessions(
            caller.user,
            Some(caller.session),
            by,
            Some(&member.viewer.visitor()),
        )
        .await;
    Ok(match ended {
        Ok(_) => member.viewer.lead_to(PATH, None),
        Err(fault) => member.trouble(&fault),
    })
}

/// Ends all, this one too.
pub(super) async fn end_all(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.button(request)?;
    member.freshly(request, PATH)?;
    let user = member.caller.user;
    let ended = site
        .desk
        .end_sessions(user, None, Actor::User(user), Some(&member.viewer.visitor()))
        .await;
    Ok(match ended {
        Ok(_) => signed_out(&member.viewer, "all_ended_lead").await,
        Err(fault) => member.trouble(&fault),
    })
}
