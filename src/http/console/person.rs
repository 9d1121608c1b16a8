//! One user: who they are, what happened, and what an administrator does about it.

use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::task::spawn_blocking;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::people::{Choice, of, role_of, role_words, roles, trimmed};
use super::shown::{At, link, locale_choices, standing};
use crate::desk::{Editor, EventFilter, Fault, Line, ProfileEdit, UserView};
use crate::domain::{Actor, FactorKind, Refusal, Standing};
use crate::http::device::device_name_in;
use crate::http::pages::member::Outcome;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::http::{ApiError, Code};
use crate::types::{Locale, PersonName, SessionId, Span, Timestamp, UserId};

/// Events of the timeline.
const TOLD: usize = 25;
/// How long a recovery lives that is handed over.
const RECOVERY_LIFE: Span = Span::hours(1);

#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that the page shows or hides parts by"
)]
struct PersonPage {
    path: String,
    id: String,
    email: String,
    email_verified: bool,
    name: String,
    name_error: Option<String>,
    username: Option<String>,
    role: String,
    roles: Vec<Choice>,
    languages: Vec<Choice>,
    standing: String,
    is_active: bool,
    is_banned: bool,
    has_password: bool,
    created: At,
    last_sign_in: Option<At>,
    closes: Option<At>,
    /// What an edit names, so that a lost update is told.
    version: i64,
    is_oneself: bool,
    sessions: Vec<SessionShown>,
    factors: Vec<FactorShown>,
    events: Vec<EventShown>,
    all_events: String,
    erase_error: Option<String>,
}

#[derive(Serialize)]
struct SessionShown {
    id: String,
    device: String,
    ip: Option<String>,
    began: At,
    active: At,
}

#[derive(Serialize)]
struct FactorShown {
    kind: &'static str,
    words: String,
    since: At,
    address: Option<String>,
    left: Option<u32>,
}

#[derive(Serialize)]
struct EventShown {
    at: At,
    text: String,
    href: String,
}

/// What a form of this page did not like.
#[derive(Default)]
struct Errors {
    name: Option<String>,
    erase: Option<String>,
}

/// Shows one.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let view = known(site, request, &administrator)?;
    page(site, &administrator, StatusCode::OK, view, Errors::default()).await
}

fn known(
    site: &Site,
    request: &Request,
    administrator: &Administrator<'_>,
) -> Result<UserView, Box<Response>> {
    let id: Option<UserId> = request.param("id").parse().ok();
    let view = id.and_then(|id| site.desk.view_user(id));
    view.ok_or_else(|| {
        Box::new(
            administrator
                .viewer()
                .trouble(&ApiError::from(Code::UserNotFound)),
        )
    })
}

async fn page(
    site: &Site,
    administrator: &Administrator<'_>,
    status: StatusCode,
    view: UserView,
    errors: Errors,
) -> Outcome {
    let viewer = administrator.viewer();
    let id = view.profile.id;
    let lines = match timeline(site, id, viewer.locale()).await {
        Ok(lines) => lines,
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    let sessions = site.desk.sessions(id).into_iter().map(|session| SessionShown {
        id: session.id.to_string(),
        device: device_name_in(viewer.locale(), session.user_agent.as_deref().unwrap_or_default()),
        ip: session.ip.map(|ip| ip.to_string()),
        began: At::new(viewer, session.created),
        active: At::new(viewer, session.active),
    });
    let factors = site.desk.factors(id).into_iter().map(|factor| FactorShown {
        kind: factor.kind.name(),
        words: administrator.say("people", factor_name(factor.kind)),
        since: At::new(viewer, factor.since),
        address: factor.address,
        left: factor.left,
    });
    let events = lines.into_iter().map(|line| EventShown {
        at: At::new(viewer, line.time),
        text: line.text,
        href: link(viewer, &format!("/admin/events/{}", line.position.0), &[]),
    });
    let closes = match view.standing {
        Standing::Closing(at) => Some(At::new(viewer, at)),
        Standing::Active | Standing::Banned => None,
    };
    let profile = view.profile;
    let page = PersonPage {
        path: of(id),
        id: id.to_string(),
        email_verified: profile.email_verified.is_some(),
        name: profile.name.unwrap_or_default(),
        name_error: errors.name,
        username: view.username,
        role: role_words(administrator, profile.role),
        roles: roles(administrator, profile.role),
        languages: locale_choices(profile.locale),
        standing: standing(administrator, view.standing),
        is_active: view.standing == Standing::Active,
        is_banned: view.standing == Standing::Banned,
        has_password: view.has_password,
        created: At::new(viewer, profile.created),
        last_sign_in: profile.last_login.map(|at| At::new(viewer, at)),
        closes,
        version: profile.updated.0,
        is_oneself: administrator.by() == Actor::User(id),
        sessions: sessions.collect(),
        factors: factors.collect(),
        events: events.collect(),
        all_events: link(viewer, "/admin/events", &[("user", &id.to_string())]),
        erase_error: errors.erase,
        email: profile.email,
    };
    let title = page.email.clone();
    Ok(administrator.page(status, "console/person.html", &title, page))
}

fn factor_name(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "factor_totp",
        FactorKind::Email => "factor_email",
        FactorKind::RecoveryCodes => "factor_codes",
    }
}

async fn timeline(site: &Site, user: UserId, locale: Locale) -> Result<Vec<Line>, Fault> {
    let desk = site.desk.clone();
    let read = spawn_blocking(move || {
        let filter = EventFilter {
            user: Some(user),
            limit: Some(TOLD),
            ..EventFilter::default()
        };
        let (found, _) = desk.events_back(&filter, None)?;
        Ok::<_, crate::ledger::StoreError>(found.iter().map(|event| desk.describe(event, locale)).collect())
    });
    match read.await {
        Ok(Ok(lines)) => Ok(lines),
        Ok(Err(error)) => {
            tracing::error!(%error, "events could not be read");
            Err(Fault::Overloaded)
        }
        Err(_) => Err(Fault::Stopped),
    }
}

/// What is done to somebody on their page, and what is said when it is.
async fn done<'a>(
    site: &'a Site,
    request: &'a Request,
) -> Result<(Administrator<'a>, UserView, crate::http::Fields), Box<Response>> {
    let id: Option<UserId> = request.param("id").parse().ok();
    let path = id.map_or_else(|| "/admin/users".to_owned(), of);
    let administrator = Administrator::fresh(site, request, &path).await?;
    let fields = administrator.fields(request)?;
    let view = known(site, request, &administrator)?;
    Ok((administrator, view, fields))
}

fn settled(
    administrator: &Administrator<'_>,
    id: UserId,
    outcome: Result<(), Fault>,
    notice: &'static str,
) -> Response {
    match outcome {
        Ok(()) => administrator.lead_to(&of(id), notice),
        Err(fault) => trouble(administrator, &fault),
    }
}

/// What did not work, in the words for whoever looks after others.
fn trouble(administrator: &Administrator<'_>, fault: &Fault) -> Response {
    let viewer = administrator.viewer();
    let error = match fault {
        Fault::Refused(Refusal::UserNotActive) => Code::UserNotActive.into(),
        Fault::Refused(Refusal::UserNotFound) => Code::UserNotFound.into(),
        Fault::Refused(_)
        | Fault::PasswordFormat(_)
        | Fault::SameAsPrevious
        | Fault::WeakPassword
        | Fault::Repeated
        | Fault::Overloaded
        | Fault::Stopped => of_fault(fault, viewer.locale(), ""),
    };
    viewer.trouble(&error)
}

/// Changes name and language, unless somebody else changed the user meanwhile.
pub(super) async fn edit(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, mut fields) = done(site, request).await?;
    let name = trimmed(&mut fields, "name");
    let language = trimmed(&mut fields, "language");
    let version = version(&mut fields);
    let id = view.profile.id;
    let name = if name.is_empty() {
        None
    } else {
        let Ok(name) = PersonName::parse(&name) else {
            let errors = Errors {
                name: Some(administrator.say("people", "bad_name")),
                ..Errors::default()
            };
            return page(site, &administrator, StatusCode::BAD_REQUEST, view, errors).await;
        };
        Some(name)
    };
    let edit = ProfileEdit {
        name,
        locale: Locale::parse(&language),
    };
    let editor = Editor::Administrator(administrator.by());
    let edited = site.desk.edit_profile(id, &edit, version, editor).await;
    Ok(settled(&administrator, id, edited, "updated"))
}

fn version(fields: &mut crate::http::Fields) -> Option<Timestamp> {
    trimmed(fields, "version").parse().ok().map(Timestamp)
}

/// Changes what somebody may do.
pub(super) async fn change_role(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, mut fields) = done(site, request).await?;
    let (role, version) = (trimmed(&mut fields, "role"), version(&mut fields));
    let id = view.profile.id;
    let Some(role) = role_of(&role) else {
        return Ok(administrator.viewer().trouble(&Code::UserInvalidRole.into()));
    };
    let changed = site.desk.change_role(id, role, version, administrator.by()).await;
    Ok(settled(&administrator, id, changed, "updated"))
}

/// Keeps somebody out.
pub(super) async fn ban(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, _) = done(site, request).await?;
    let id = view.profile.id;
    let banned = site.desk.ban_user(id, administrator.by()).await;
    Ok(settled(&administrator, id, banned, "banned"))
}

/// Lets somebody in again.
pub(super) async fn unban(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, _) = done(site, request).await?;
    let id = view.profile.id;
    let unbanned = site.desk.unban_user(id, administrator.by()).await;
    Ok(settled(&administrator, id, unbanned, "unbanned"))
}

/// Ends one session, or all.
pub(super) async fn end_sessions(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, mut fields) = done(site, request).await?;
    let named = trimmed(&mut fields, "session");
    let (id, by) = (view.profile.id, administrator.by());
    let ended = if named.is_empty() {
        site.desk.end_sessions(id, None, by, None).await.map(|_| ())
    } else {
        let Ok(session) = named.parse::<SessionId>() else {
            return Ok(administrator.viewer().trouble(&Code::SessionNotFound.into()));
        };
        match site.desk.end_session(id, session, by, None).await {
            // It is over; somebody else was faster.
            Err(Fault::Refused(Refusal::SessionNotFound)) => Ok(()),
            ended => ended,
        }
    };
    Ok(settled(&administrator, id, ended, "ended"))
}

/// Takes second factors away, of one kind or, if none is named, all (M-09).
pub(super) async fn remove_factors(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, mut fields) = done(site, request).await?;
    let kind = trimmed(&mut fields, "kind");
    let id = view.profile.id;
    let named = FactorKind::from_name(&kind);
    if named.is_none() && !kind.is_empty() {
        return Ok(administrator.viewer().trouble(&Code::InvalidParameters.into()));
    }
    let removed = site.desk.revoke_factors(id, named, administrator.by()).await;
    Ok(settled(&administrator, id, removed, "deleted"))
}

/// Takes the password away.
pub(super) async fn revoke_password(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, _) = done(site, request).await?;
    let id = view.profile.id;
    let revoked = site.desk.revoke_password(id, administrator.by()).await;
    Ok(settled(&administrator, id, revoked, "updated"))
}

/// Has a recovery mailed.
pub(super) async fn send_recovery(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, _) = done(site, request).await?;
    let id = view.profile.id;
    let sent = site.desk.send_recovery(id, administrator.by()).await;
    Ok(settled(&administrator, id, sent, "sent"))
}

#[derive(Serialize)]
struct RecoveryPage<'a> {
    email: String,
    link: String,
    code: &'a str,
    expires: At,
    back: String,
}

/// Makes a recovery that is handed over: shown on this answer and nowhere else.
pub(super) async fn make_recovery(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, _) = done(site, request).await?;
    let id = view.profile.id;
    let made = site
        .desk
        .admin_recovery(id, RECOVERY_LIFE, administrator.by())
        .await;
    let made = match made {
        Ok(made) => made,
        Err(fault) => return Ok(trouble(&administrator, &fault)),
    };
    let viewer = administrator.viewer();
    let page = RecoveryPage {
        link: site.recovery_link(&made.secret),
        code: made.code.expose_secret(),
        expires: At::new(viewer, made.expires),
        back: viewer.href(&of(id)),
        email: view.profile.email,
    };
    let title = administrator.say("people", "recovery_title");
    Ok(administrator.page(StatusCode::OK, "console/recovery.html", &title, page))
}

/// Erases somebody whose address was typed.
pub(super) async fn erase(site: &Site, request: &Request) -> Outcome {
    let (administrator, view, mut fields) = done(site, request).await?;
    let typed = trimmed(&mut fields, "email");
    let id = view.profile.id;
    if !typed.eq_ignore_ascii_case(&view.profile.email) {
        let errors = Errors {
            erase: Some(administrator.say("people", "erase_mismatch")),
            ..Errors::default()
        };
        return page(site, &administrator, StatusCode::BAD_REQUEST, view, errors).await;
    }
    Ok(match site.desk.erase_user(id, administrator.by()).await {
        Ok(()) => administrator.lead_to("/admin/users", "deleted"),
        Err(fault) => trouble(&administrator, &fault),
    })
}
