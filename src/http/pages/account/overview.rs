//! An account at a glance, and the way out.

use serde::Serialize;
use warp::http::StatusCode;

use super::Moment;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::notice::{Next, Notice};
use crate::http::pages::texts::own_name;
use crate::http::pages::viewer::Viewer;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

#[derive(Serialize)]
struct Overview<'a> {
    name: Option<&'a str>,
    email: &'a str,
    is_verified: bool,
    language: &'static str,
    factors: Vec<String>,
    sessions: usize,
    since: Moment,
    last_sign_in: Option<Moment>,
}

/// Shows the account.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let (viewer, profile) = (&member.viewer, &member.profile);
    let factors = profile.factors.iter();
    let page = Overview {
        name: profile.name.as_deref(),
        email: &profile.email,
        is_verified: profile.email_verified.is_some(),
        language: own_name(profile.locale),
        factors: factors.map(|kind| viewer.say("factors", kind.name())).collect(),
        sessions: site.desk.sessions(profile.id).len(),
        since: Moment::new(viewer, profile.created),
        last_sign_in: profile.last_login.map(|at| Moment::new(viewer, at)),
    };
    let title = viewer.say("account", "title");
    Ok(viewer.page(StatusCode::OK, Page::Overview, &title, page))
}

/// Signs out; whoever is signed out already is told the same.
pub(super) async fn sign_out(site: &Site, request: &Request) -> Outcome {
    let viewer = Viewer::of(site, request);
    if viewer.caller().is_some() {
        Member::of(site, request).await?.button(request)?;
    }
    Ok(signed_out(&viewer, "signed_out_lead").await)
}

/// Ends the session of this browser and says so, with one of the sentences of its section.
pub(super) async fn signed_out(viewer: &Viewer<'_>, sentence: &str) -> Response {
    let say = |name| viewer.say("account", name);
    let notice = Notice {
        next: Some(Next {
            href: viewer.href("/account"),
            words: say("sign_in_again"),
        }),
        ..Notice::good(say(sentence))
    };
    viewer.leave(viewer.done(&say("signed_out_title"), &notice)).await
}
