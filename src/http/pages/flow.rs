//! Flows in a browser: one page for every stage. A form is sent, the answer leads back to the same address, and the page
//! there shows what comes next; so reloading and going back do no harm, and nothing needs a script.
//!
//! The browser carries the execution in a cookie that only this server reads. Opening a page does nothing; what happens,
//! happens because a form of ours was sent (R-24, S-09).

use secrecy::{ExposeSecret, SecretString};
use warp::http::{HeaderValue, StatusCode};

use super::Shared;
use super::cookie::{self, Keep};
use super::forms::is_foreign;
use super::look::Page;
use super::member::next_of;
use super::stage::{Shown, StagePage};
use super::viewer::Viewer;
use crate::desk::{
    Answer, Challenge, Component, Done, FlowFault, FlowHead, FlowStep, LeadsTo, Scene, Walker,
};
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// Where a browser carries its execution.
const EXECUTION: &str = "__Host-keyledger-flow";
/// Where it keeps that a second factor was shown at it.
const SHOWN_FACTOR: &str = "__Host-keyledger-factor";
/// What a form or an address says to begin a flow anew.
const ANEW: &str = "anew";
/// Where somebody signs in.
pub(super) const SIGN_IN: &str = "/flow/default-authentication-flow";

/// Shows where the browser stands in a flow, or the flow's first stage. `?anew` begins once more.
pub(super) async fn show(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let (slug, walker) = (request.param("slug"), walker(&viewer));
    let asked = Asked::of(&request);
    if let Some(execution) = carried(&viewer, slug).filter(|_| !asked.anew) {
        match site.desk.look_at_flow(execution, &walker).await {
            Err(FlowFault::Over | FlowFault::NotFound) => {}
            looked => return settle(&viewer, slug, looked, &Shown::of(asked.notice)).await,
        }
    }
    let opened = site.desk.open_flow(slug, next_of(&request), &walker).await;
    settle(&viewer, slug, opened, &Shown::of(asked.notice)).await
}

/// Takes an answer.
pub(super) async fn answer(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    if is_foreign(&request, viewer.origin()) {
        return viewer.foreign();
    }
    let fields = match request.form().and_then(crate::http::fields::Fields::into_texts) {
        Ok(fields) => fields,
        Err(error) => return viewer.trouble(&error),
    };
    let (slug, walker) = (request.param("slug"), walker(&viewer));
    // A form that another page of ours has for the first stage says so: the browser may stand somewhere else in the flow.
    let begins = fields.iter().any(|(name, _)| name == ANEW);
    let execution = match carried(&viewer, slug).filter(|_| !begins) {
        Some(execution) => SecretString::from(execution),
        // Or one that outlived its execution.
        None => match site.desk.open_flow(slug, None, &walker).await {
            Ok(step) => step.execution,
            Err(fault) => return refuse(&viewer, slug, &fault),
        },
    };
    let mut answer = Answer::default();
    for (name, value) in fields.iter().filter(|(name, _)| name != ANEW) {
        answer.put(name, value.clone());
    }
    let went = site
        .desk
        .answer_flow(execution.expose_secret(), &answer, &walker)
        .await;
    settle(&viewer, slug, went, &Shown::typed(&fields)).await
}

/// Leads into the flow that a step belongs to.
pub(super) fn lead_in(viewer: &Viewer<'_>, step: &FlowStep) -> Response {
    carry(lead(viewer, &path_of(&step.flow), None), &step.execution)
}

fn path_of(flow: &FlowHead) -> String {
    format!("/flow/{}", flow.slug)
}

/// Who is at this browser.
pub(super) fn walker(viewer: &Viewer<'_>) -> Walker {
    Walker {
        visitor: viewer.visitor(),
        caller: viewer.caller(),
        shown_factor: cookie::read(viewer.head(), SHOWN_FACTOR).map(SecretString::from),
    }
}

/// What the address of the page asks for.
struct Asked {
    anew: bool,
    notice: Option<&'static str>,
}

/// What a page may be told to say first, by the word for it in its address.
const NOTICES: [(&str, &str); 3] = [
    ("password-changed", "notice_password"),
    ("confirmed", "notice_confirmed"),
    ("signed-out", "notice_signed_out"),
];

impl Asked {
    fn of(request: &Request) -> Self {
        let mut query = request.query_fields().ok();
        let mut text = |name| query.as_mut().and_then(|query| query.optional_text(name));
        let word = text("notice");
        let known = NOTICES.iter().find(|(known, _)| Some(*known) == word.as_deref());
        let (again, next) = (text(ANEW).is_some(), text("next").is_some());
        Self {
            anew: again || next || known.is_some(),
            notice: known.map(|(_, name)| *name),
        }
    }
}

/// The execution of this flow that the browser carries.
fn carried<'a>(viewer: &'a Viewer<'_>, slug: &str) -> Option<&'a str> {
    let text = cookie::read(viewer.head(), EXECUTION)?;
    (viewer.site().desk.flow_of(text).as_deref() == Some(slug)).then_some(text)
}

fn carry(response: Response, execution: &SecretString) -> Response {
    cookie::set(response, EXECUTION, execution.expose_secret(), Keep::WhileOpen)
}

fn lead(viewer: &Viewer<'_>, path: &str, notice: Option<&str>) -> Response {
    let mut location = viewer.href(path);
    if let Some(notice) = notice {
        location.push(if location.contains('?') { '&' } else { '?' });
        location.push_str("notice=");
        location.push_str(notice);
    }
    let location = HeaderValue::try_from(location);
    Response::see_other(location.expect("our own paths are ASCII without spaces"))
}

async fn settle(
    viewer: &Viewer<'_>,
    slug: &str,
    step: Result<FlowStep, FlowFault>,
    shown: &Shown<'_>,
) -> Response {
    let step = match step {
        Ok(step) => step,
        Err(fault) => return refuse(viewer, slug, &fault),
    };
    match &step.scene {
        Scene::Done(done) => finish(viewer, done, shown).await,
        Scene::Ask(challenge) => {
            // What began anew is told here: the address that shows it again does not know of it.
            let goes_on = shown.is_answer() && challenge.errors.is_empty() && !step.restarted;
            if goes_on && !is_end(challenge) {
                return lead_in(viewer, &step);
            }
            let shown = if step.restarted {
                &Shown::of(Some("restarted"))
            } else {
                shown
            };
            let page = page(viewer, &step.flow, challenge, shown);
            carry(page, &step.execution)
        }
    }
}

fn is_end(challenge: &Challenge) -> bool {
    matches!(challenge.component, Component::Deny { .. })
}

fn page(viewer: &Viewer<'_>, flow: &FlowHead, challenge: &Challenge, shown: &Shown<'_>) -> Response {
    let status = if is_end(challenge) {
        StatusCode::FORBIDDEN
    } else if challenge.errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let stage = StagePage::new(viewer, flow, challenge, shown);
    viewer.page(status, Page::Flow, &super::stage::title(viewer, flow), stage)
}

/// A stage's page with nothing behind it, for whoever sets the stage up.
pub(in crate::http) fn preview(viewer: &Viewer<'_>, flow: &FlowHead, challenge: &Challenge) -> Response {
    let stage = StagePage::new(viewer, flow, challenge, &Shown::default());
    viewer.page(
        StatusCode::OK,
        Page::Flow,
        &super::stage::title(viewer, flow),
        stage,
    )
}

async fn finish(viewer: &Viewer<'_>, done: &Done, shown: &Shown<'_>) -> Response {
    let lead_to = match &done.leads_to {
        LeadsTo::SignInAnew => lead(viewer, SIGN_IN, Some("password-changed")),
        LeadsTo::SignInFirst => lead(viewer, SIGN_IN, Some("confirmed")),
        LeadsTo::SignIn => lead(viewer, SIGN_IN, None),
        // Opening a page ends nobody's session, whatever flow it is of (S-09).
        LeadsTo::SignedOut if !shown.is_answer() && viewer.caller().is_some() => lead(viewer, SIGN_IN, None),
        LeadsTo::SignedOut => viewer.leave(lead(viewer, SIGN_IN, Some("signed-out"))).await,
        LeadsTo::Account(next) => lead(viewer, next.as_deref().unwrap_or("/account"), None),
    };
    let away = cookie::set(lead_to, EXECUTION, "", Keep::Never);
    let Some(session) = &done.session else { return away };
    let keep = if session.stays {
        Keep::For(viewer.site().desk.engine().limits().lifetimes.session_absolute)
    } else {
        Keep::WhileOpen
    };
    let away = match &session.shown_factor {
        Some(shown) => cookie::set(
            away,
            SHOWN_FACTOR,
            shown.secret.expose_secret(),
            Keep::For(shown.lifetime),
        ),
        None => away,
    };
    viewer.enter(away, session.caller, keep).await
}

fn refuse(viewer: &Viewer<'_>, slug: &str, fault: &FlowFault) -> Response {
    match fault {
        FlowFault::NotFound => viewer.trouble(&ApiError::new(Code::FlowNotFound)),
        FlowFault::Over => viewer.trouble(&ApiError::new(Code::FlowExecutionOver)),
        FlowFault::SignInFirst => viewer.to_sign_in(&format!("/flow/{slug}")),
        FlowFault::SignedIn => lead(viewer, "/account", None),
        FlowFault::Refused(fault) => viewer.trouble(&of_fault(fault, viewer.locale(), "password")),
    }
}

/// Leads to where a mail for a new password is asked for.
pub(super) fn to_recovery(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    lead(&viewer, &recovery_path(&viewer), None)
}

/// Whoever only typed the server's name is led to their account, and on the administrators' own listener to the console.
pub(super) fn to_home(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let is_for_everybody = site.url == site.settings.public_url;
    viewer.lead_to(if is_for_everybody { "/account" } else { "/admin" }, None)
}

/// Where a mail for a new password is asked for: the flow of "Forgot password?".
pub(super) fn recovery_path(viewer: &Viewer<'_>) -> String {
    format!("/flow/{}", viewer.site().desk.recovery_flow())
}
