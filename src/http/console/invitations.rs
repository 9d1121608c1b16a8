//! Invitations that wait: mailed again, or taken back.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::people::{of, role_words, trimmed};
use super::shown::{At, Pager, link};
use crate::desk::{Fault, InvitationView};
use crate::domain::Refusal;
use crate::http::codes::Code;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::UserId;

/// Invitations on a page.
const ROWS: usize = 20;
const PATH: &str = "/admin/users/invitations";

#[derive(Serialize)]
struct InvitationsPage {
    total: usize,
    rows: Vec<Row>,
    pager: Pager,
}

#[derive(Serialize)]
struct Row {
    id: String,
    href: String,
    email: String,
    role: String,
    invited: At,
    expires: At,
    is_open: bool,
}

/// Lists them, the latest first.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let number = request
        .query_fields()
        .ok()
        .and_then(|mut query| query.optional_whole("page", &(1..=1_000_000)))
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(1);
    let (total, views) = site.desk.invitations((number - 1).saturating_mul(ROWS), ROWS);
    let row = |view: InvitationView| Row {
        id: view.user.to_string(),
        href: link(viewer, &of(view.user), &[]),
        email: view.email,
        role: role_words(&administrator, view.role),
        invited: At::new(viewer, view.since),
        expires: At::new(viewer, view.expires),
        is_open: view.is_open,
    };
    let page = InvitationsPage {
        rows: views.into_iter().map(row).collect(),
        pager: Pager::new(viewer, PATH, &[], number, total.div_ceil(ROWS)),
        total,
    };
    let title = administrator.say("people", "invitations");
    Ok(administrator.page(StatusCode::OK, "console/invitations.html", &title, page))
}

/// Mails another link.
pub(super) async fn send(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, PATH).await?;
    let Some(user) = named(&administrator, request)? else {
        return Ok(administrator.viewer().trouble(&Code::NotFound.into()));
    };
    let sent = site.desk.invite_again(user, None, administrator.by()).await;
    Ok(answer(&administrator, sent, "sent"))
}

/// Takes one back, and with it the account that waits.
pub(super) async fn take_back(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, PATH).await?;
    let Some(user) = named(&administrator, request)? else {
        return Ok(administrator.viewer().trouble(&Code::NotFound.into()));
    };
    let taken = site.desk.take_invitation_back(user, administrator.by()).await;
    Ok(answer(&administrator, taken, "deleted"))
}

fn named(administrator: &Administrator<'_>, request: &Request) -> Result<Option<UserId>, Box<Response>> {
    let mut fields = administrator.fields(request)?;
    Ok(trimmed(&mut fields, "user").parse().ok())
}

fn answer(administrator: &Administrator<'_>, done: Result<(), Fault>, notice: &'static str) -> Response {
    match done {
        Ok(()) => administrator.lead_to(PATH, notice),
        Err(Fault::Refused(Refusal::NotInvited)) => {
            let gone = administrator.say("people", "no_invitation");
            administrator.cannot(StatusCode::NOT_FOUND, &gone)
        }
        Err(fault) => administrator.trouble(&fault),
    }
}
