//! Second factors of one's own: seen, added, taken away; by whoever signed in just now (M-07).

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::StatusCode;

use super::Moment;
use crate::desk::{AppSetUp, Fault, Reproof, SetUpWay};
use crate::domain::{FactorKind, Refusal};
use crate::http::codes::Code;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::notice::Next;
use crate::http::pages::qr::Qr;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::EmailAddress;

const PATH: &str = "/account/factors";
const APP: &str = "/account/factors/app";
const MAIL: &str = "/account/factors/mail";

#[derive(Serialize)]
struct FactorsPage<'a> {
    form: &'a str,
    email: &'a str,
    factors: Vec<Shown>,
    offers: Offers,
    is_fresh: bool,
    email_error: Option<String>,
    other: String,
}

/// What can be added: here, where its set-up is as it ships, and in flows of the operator's.
#[derive(Serialize)]
struct Offers {
    app: bool,
    app_flows: Vec<Next>,
    mail: bool,
    mail_flows: Vec<Next>,
    codes: bool,
}

#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    name: String,
    since: Moment,
    address: Option<String>,
    left: Option<String>,
}

/// Lists the factors, and what can be added.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    Ok(list(&member, StatusCode::OK, None, String::new()))
}

fn list(member: &Member<'_>, status: StatusCode, email_error: Option<String>, other: String) -> Response {
    let viewer = &member.viewer;
    let views = viewer.site().desk.factors(member.caller.user);
    let has = |kind| views.iter().any(|view| view.kind == kind);
    let ways = viewer.site().desk.set_up_ways();
    let is_here = |kind| !has(kind) && ways.as_shipped.contains(&kind);
    let elsewhere = |kind, words| {
        let flows = ways.flows.iter().filter(|way| way.kind == kind && !has(kind));
        let next = |way: &SetUpWay| Next {
            href: viewer.href_back(&format!("/flow/{}", way.flow.as_str()), PATH),
            words: if way.name.is_empty() {
                viewer.say("factors", words)
            } else {
                way.name.clone()
            },
        };
        flows.map(next).collect()
    };
    let offers = Offers {
        app: is_here(FactorKind::Totp),
        app_flows: elsewhere(FactorKind::Totp, "app_begin"),
        mail: is_here(FactorKind::Email),
        mail_flows: elsewhere(FactorKind::Email, "mail_begin"),
        codes: has(FactorKind::Totp) || has(FactorKind::Email),
    };
    let shown = views.into_iter().map(|view| Shown {
        kind: view.kind.name(),
        name: viewer.say("factors", view.kind.name()),
        since: Moment::new(viewer, view.since),
        address: view.address,
        left: view.left.map(|left| {
            let left = left.to_string();
            viewer.say("factors", "left").replace("{n}", &left)
        }),
    });
    let page = FactorsPage {
        form: member.form_secret(),
        email: &member.profile.email,
        factors: shown.collect(),
        offers,
        is_fresh: member.is_fresh(),
        email_error,
        other,
    };
    let title = viewer.say("factors", "title");
    viewer.page(status, Page::Factors, &title, page)
}

/// Begins to add an app.
pub(super) async fn begin_app(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.button(request)?;
    member.freshly(request, PATH)?;
    let visitor = member.viewer.visitor();
    let begun = site
        .desk
        .begin_totp(member.caller, Reproof::FreshSession, None, &visitor)
        .await;
    match begun {
        Ok(_) => Ok(member.viewer.lead_to(APP, None)),
        Err(fault) => Ok(refuse(&member, &fault)),
    }
}

#[derive(Serialize)]
struct AppPage<'a> {
    form: &'a str,
    qr: Option<Qr>,
    secret: String,
    uri: &'a str,
    account: &'a str,
    issuer: &'a str,
    code_error: Option<String>,
}

/// Shows what the app is told, and asks for its first code.
pub(super) async fn show_app(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.freshly(request, PATH)?;
    Ok(match site.desk.begun_app(member.caller) {
        Some(app) => app_page(&member, StatusCode::OK, &app, None),
        None => member.viewer.lead_to(PATH, None),
    })
}

fn app_page(member: &Member<'_>, status: StatusCode, app: &AppSetUp, code_error: Option<String>) -> Response {
    let page = AppPage {
        form: member.form_secret(),
        qr: Qr::of(app.uri.expose_secret()),
        secret: in_fours(app.secret.expose_secret()),
        uri: app.uri.expose_secret(),
        account: &member.profile.email,
        issuer: &app.issuer,
        code_error,
    };
    let title = member.viewer.say("factors", "app_title");
    member.viewer.page(status, Page::App, &title, page)
}

/// Takes the app's first code; then the recovery codes are shown, once. What was begun freshly is finished in its time.
pub(super) async fn confirm_app(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let code = code_of(&member, request)?;
    let Some(app) = site.desk.begun_app(member.caller) else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    let visitor = member.viewer.visitor();
    let fault = match site.desk.confirm_totp(member.caller, &code, &visitor).await {
        Ok(codes) => return Ok(codes_page(&member, "app_done", &codes)),
        Err(fault) => fault,
    };
    match wrong_code(&member, &fault) {
        Some((status, sentence)) => Ok(app_page(&member, status, &app, Some(sentence))),
        None => Ok(refuse(&member, &fault)),
    }
}

/// Begins to add a mailbox: the person's own, or another.
pub(super) async fn begin_mail(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let typed = fields.optional_text("email").unwrap_or_default();
    if let Err(error) = fields.finish() {
        return Ok(member.viewer.trouble(&error));
    }
    member.freshly(request, PATH)?;
    let address = match EmailAddress::parse(&typed) {
        Ok(address) => Some(address),
        Err(_) if typed.trim().is_empty() => None,
        Err(_) => {
            let sentence = member.viewer.say("common", "email_invalid");
            return Ok(list(&member, StatusCode::BAD_REQUEST, Some(sentence), typed));
        }
    };
    let (visitor, fresh) = (member.viewer.visitor(), Reproof::FreshSession);
    let begun = site
        .desk
        .begin_mailbox(member.caller, fresh, address.as_ref(), None, &visitor)
        .await;
    match begun {
        Ok(_) => Ok(member.viewer.lead_to(MAIL, None)),
        Err(fault) => Ok(refuse(&member, &fault)),
    }
}

#[derive(Serialize)]
struct MailPage<'a> {
    form: &'a str,
    lead: String,
    code_error: Option<String>,
}

/// Asks for the code that was mailed.
pub(super) async fn show_mail(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    Ok(match site.desk.begun_mailbox(member.caller) {
        Some(begun) => mail_page(&member, StatusCode::OK, &begun.masked, None),
        None => member.viewer.lead_to(PATH, None),
    })
}

fn mail_page(member: &Member<'_>, status: StatusCode, masked: &str, code_error: Option<String>) -> Response {
    let viewer = &member.viewer;
    let page = MailPage {
        form: member.form_secret(),
        lead: viewer.say("factors", "mail_lead").replace("{address}", masked),
        code_error,
    };
    viewer.page(status, Page::Mailbox, &viewer.say("factors", "mail_title"), page)
}

/// Takes the code that was mailed.
pub(super) async fn confirm_mail(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let code = code_of(&member, request)?;
    let Some(begun) = site.desk.begun_mailbox(member.caller) else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    let visitor = member.viewer.visitor();
    let confirmed = site
        .desk
        .confirm_mailbox(member.caller, begun.challenge, &code, &visitor)
        .await;
    let fault = match confirmed {
        Ok(codes) if codes.is_empty() => return Ok(member.viewer.lead_to(PATH, None)),
        Ok(codes) => return Ok(codes_page(&member, "mail_done", &codes)),
        Err(fault) => fault,
    };
    match wrong_code(&member, &fault) {
        Some((status, sentence)) => Ok(mail_page(&member, status, &begun.masked, Some(sentence))),
        None => Ok(refuse(&member, &fault)),
    }
}

/// Makes new recovery codes; the old ones die.
pub(super) async fn issue_codes(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.button(request)?;
    member.freshly(request, PATH)?;
    let visitor = member.viewer.visitor();
    let issued = site
        .desk
        .issue_recovery_codes(member.caller, Reproof::FreshSession, None, &visitor)
        .await;
    match issued {
        Ok(codes) => Ok(codes_page(&member, "codes_done", &codes)),
        Err(fault) => Ok(refuse(&member, &fault)),
    }
}

/// Takes a factor away.
pub(super) async fn remove(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let kind = fields.optional_text("kind").unwrap_or_default();
    if let Err(error) = fields.finish() {
        return Ok(member.viewer.trouble(&error));
    }
    member.freshly(request, PATH)?;
    let Some(kind) = FactorKind::from_name(&kind) else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    let (visitor, fresh) = (member.viewer.visitor(), Reproof::FreshSession);
    let removed = site
        .desk
        .remove_factors(member.caller, fresh, None, Some(kind), &visitor)
        .await;
    match removed {
        Ok(()) => Ok(member.viewer.lead_to(PATH, None)),
        Err(fault) => Ok(refuse(&member, &fault)),
    }
}

#[derive(Serialize)]
struct CodesPage<'a> {
    lead: String,
    codes: Vec<&'a str>,
}

fn codes_page(member: &Member<'_>, lead: &str, codes: &[SecretString]) -> Response {
    let viewer = &member.viewer;
    let page = CodesPage {
        lead: viewer.say("factors", lead),
        codes: codes.iter().map(ExposeSecret::expose_secret).collect(),
    };
    viewer.page(
        StatusCode::OK,
        Page::Codes,
        &viewer.say("factors", "codes_title"),
        page,
    )
}

fn code_of(member: &Member<'_>, request: &Request) -> Result<SecretString, Box<Response>> {
    let mut fields = member.fields(request)?;
    let code = fields.optional_secret("code").unwrap_or_default();
    let read = fields.finish();
    read.map_err(|error| Box::new(member.viewer.trouble(&error)))?;
    Ok(code)
}

/// The status and the sentence beside the field, if a fault is about the code.
fn wrong_code(member: &Member<'_>, fault: &Fault) -> Option<(StatusCode, String)> {
    let error = of_fault(fault, member.viewer.locale(), "password");
    (error.code == Code::InvalidMfaCode).then(|| (error.status(), member.viewer.say("factors", "code_wrong")))
}

/// What is about no field. A factor that is asked for, or a session no longer fresh, leads to where both are given; what
/// is there already, or gone, shows on the list.
fn refuse(member: &Member<'_>, fault: &Fault) -> Response {
    let Fault::Refused(refusal) = fault else {
        return member.trouble(fault);
    };
    let asked = [
        Refusal::FactorRequired,
        Refusal::InvalidCredentials,
        Refusal::CurrentPasswordWrong,
    ];
    if asked.contains(refusal) {
        return member.ask_again(PATH);
    }
    if [Refusal::FactorEnabled, Refusal::FactorNotEnabled].contains(refusal) {
        return member.viewer.lead_to(PATH, None);
    }
    member.trouble(fault)
}

/// A secret as people type it: in groups of four.
fn in_fours(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups = letters.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}
