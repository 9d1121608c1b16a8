//! Addresses of one's own: more than one, so that a lost mailbox is not a lost account.

use secrecy::SecretString;
use serde::Serialize;
use warp::http::StatusCode;

use super::Moment;
use crate::desk::{Fault, Reproof};
use crate::domain::Refusal;
use crate::http::codes::Code;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::notice::with_retry;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::{AddressId, EmailAddress};

const PATH: &str = "/account/addresses";

#[derive(Serialize)]
struct AddressesPage<'a> {
    form: &'a str,
    addresses: Vec<Shown>,
    waiting: Option<Waiting>,
    is_fresh: bool,
    typed: String,
    errors: Errors,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    email: String,
    is_primary: bool,
    is_verified: bool,
}

/// An address that waits for its proof.
#[derive(Serialize)]
struct Waiting {
    id: String,
    email: String,
    until: Moment,
}

#[derive(Serialize, Default)]
struct Errors {
    email: Option<String>,
    code: Option<String>,
}

/// Lists the addresses, and what waits for its proof.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    Ok(list(&member, StatusCode::OK, String::new(), Errors::default()))
}

fn list(member: &Member<'_>, status: StatusCode, typed: String, errors: Errors) -> Response {
    let viewer = &member.viewer;
    let views = viewer.site().desk.addresses(member.caller.user);
    let waiting = views.iter().find_map(|view| {
        Some(Waiting {
            id: view.id.to_string(),
            email: view.email.as_typed().to_owned(),
            until: Moment::new(viewer, view.expires?),
        })
    });
    let own = views.iter().filter(|view| view.expires.is_none());
    let page = AddressesPage {
        form: member.form_secret(),
        addresses: own
            .map(|view| Shown {
                id: view.id.to_string(),
                email: view.email.as_typed().to_owned(),
                is_primary: view.is_primary,
                is_verified: view.verified.is_some(),
            })
            .collect(),
        waiting,
        is_fresh: member.is_fresh(),
        typed,
        errors,
    };
    let title = viewer.say("addresses", "title");
    viewer.page(status, Page::Addresses, &title, page)
}

/// Names a further address; a code goes to it.
pub(super) async fn add(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let typed = fields.optional_text("email").unwrap_or_default();
    let viewer = &member.viewer;
    if let Err(error) = fields.finish() {
        return Ok(viewer.trouble(&error));
    }
    member.freshly(request, PATH)?;
    let wrong = |section: &str, name: &str| Errors {
        email: Some(viewer.say(section, name)),
        ..Errors::default()
    };
    let Ok(address) = EmailAddress::parse(&typed) else {
        let errors = wrong("common", "email_invalid");
        return Ok(list(&member, StatusCode::BAD_REQUEST, typed, errors));
    };
    let added = site
        .desk
        .add_address(
            member.caller,
            Reproof::FreshSession,
            &address,
            None,
            &viewer.visitor(),
        )
        .await;
    Ok(match added {
        Ok(_) => viewer.lead_to(PATH, None),
        Err(Fault::Refused(Refusal::AddressTaken)) => {
            list(&member, StatusCode::CONFLICT, typed, wrong("addresses", "yours"))
        }
        Err(Fault::Refused(Refusal::TooManyAddresses)) => list(
            &member,
            StatusCode::CONFLICT,
            typed,
            wrong("addresses", "too_many"),
        ),
        Err(fault) => refuse(&member, &fault),
    })
}

/// Takes the code that was mailed to it.
pub(super) async fn confirm(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let code: SecretString = fields.optional_secret("code").unwrap_or_default();
    let viewer = &member.viewer;
    if let Err(error) = fields.finish() {
        return Ok(viewer.trouble(&error));
    }
    let confirmed = site
        .desk
        .confirm_address(member.caller, &code, &viewer.visitor())
        .await;
    let Err(fault) = confirmed else {
        return Ok(viewer.lead_to(PATH, None));
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if [Code::VerificationTokenNotFound, Code::VerificationTokenExpired].contains(&error.code) {
        let errors = Errors {
            code: Some(viewer.say("addresses", "code_wrong")),
            ..Errors::default()
        };
        let again = list(&member, error.status(), String::new(), errors);
        return Ok(with_retry(again, &error));
    }
    Ok(refuse(&member, &fault))
}

/// Forgets the address that waits.
pub(super) async fn drop_waiting(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let Some(address) = named(&member, request)? else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    let visitor = member.viewer.visitor();
    let dropped = site.desk.drop_address(member.caller, address, &visitor).await;
    Ok(settled(&member, dropped))
}

/// Takes an address away.
pub(super) async fn remove(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let Some(address) = named(&member, request)? else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    member.freshly(request, PATH)?;
    let (fresh, visitor) = (Reproof::FreshSession, member.viewer.visitor());
    let removed = site
        .desk
        .remove_address(member.caller, fresh, address, None, &visitor)
        .await;
    Ok(settled(&member, removed))
}

/// Makes an address the one that the account is known by.
pub(super) async fn make_primary(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let Some(address) = named(&member, request)? else {
        return Ok(member.viewer.lead_to(PATH, None));
    };
    member.freshly(request, PATH)?;
    let (fresh, visitor) = (Reproof::FreshSession, member.viewer.visitor());
    let made = site
        .desk
        .make_primary(member.caller, fresh, address, None, &visitor)
        .await;
    Ok(settled(&member, made))
}

/// Which address a button is about.
fn named(member: &Member<'_>, request: &Request) -> Result<Option<AddressId>, Box<Response>> {
    let mut fields = member.fields(request)?;
    let named = fields.optional_text("address").unwrap_or_default();
    let read = fields.finish();
    read.map_err(|error| Box::new(member.viewer.trouble(&error)))?;
    Ok(named.parse().ok())
}

fn settled(member: &Member<'_>, done: Result<(), Fault>) -> Response {
    match done {
        // It is gone; somebody else was faster.
        Ok(()) | Err(Fault::Refused(Refusal::AddressNotFound)) => member.viewer.lead_to(PATH, None),
        Err(fault) => refuse(member, &fault),
    }
}

/// What is about no field; who has to show a factor again is led to where they can.
fn refuse(member: &Member<'_>, fault: &Fault) -> Response {
    let again = [
        Refusal::FactorRequired,
        Refusal::InvalidCredentials,
        Refusal::CurrentPasswordWrong,
    ];
    if matches!(fault, Fault::Refused(refusal) if again.contains(refusal)) {
        return member.ask_again(PATH);
    }
    member.trouble(fault)
}
