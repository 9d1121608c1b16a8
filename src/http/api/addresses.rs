//! The caller's addresses.

use secrecy::SecretString;
use serde::Serialize;

use super::forms::{address, refused};
use super::gate::caller;
use super::mfa::code;
use super::shapes::{Done, Page, Pagination, as_text, as_time_or_null};
use crate::desk::{AddressView, Caller, Reproof};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Fields, Request, Response};
use crate::types::{AddressId, Timestamp};

/// Addresses on a page, unless asked otherwise.
const LIMIT: usize = 20;

const CONFIRMED: Done = Done {
    message: "The e-mail address has been confirmed.",
};
const REMOVED: Done = Done {
    message: "The e-mail address has been removed.",
};
const MADE_PRIMARY: Done = Done {
    message: "This is the main e-mail address now.",
};

#[derive(Serialize)]
struct AddressShown {
    #[serde(serialize_with = "as_text")]
    id: AddressId,
    email: String,
    primary: bool,
    #[serde(rename = "verifiedAt", serialize_with = "as_time_or_null")]
    verified: Option<Timestamp>,
    #[serde(rename = "expiresAt", serialize_with = "as_time_or_null")]
    expires: Option<Timestamp>,
}

impl From<AddressView> for AddressShown {
    fn from(view: AddressView) -> Self {
        Self {
            id: view.id,
            email: view.email.as_typed().to_owned(),
            primary: view.is_primary,
            verified: view.verified,
            expires: view.expires,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    items: Vec<AddressShown>,
    pagination: Pagination,
}

/// Lists them: the main one first, one that waits for its proof last.
pub(super) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (views, pagination) = page.of(site.desk.addresses(caller.user));
    let items = views.into_iter().map(AddressShown::from).collect();
    Ok(request.voice.ok(&Listed { items, pagination }))
}

/// The password once more, unless the caller signed in just now; and a second factor if there is one.
struct Again {
    password: Option<SecretString>,
    code: Option<SecretString>,
}

impl Again {
    fn read(site: &Site, caller: Caller, body: &mut Fields) -> Self {
        let is_fresh = site.desk.is_fresh(caller);
        let password = body.optional_secret("password");
        if password.is_none() && !is_fresh {
            body.fault("password", "required");
        }
        Self {
            password,
            code: code(body, "code"),
        }
    }

    fn reproof(&self) -> Reproof<'_> {
        self.password
            .as_ref()
            .map_or(Reproof::FreshSession, Reproof::Password)
    }
}

/// Names a further one; a mail goes to it. The answer is the same whether it has an account or not.
pub(super) async fn add(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let email = body.text("email");
    let again = Again::read(site, caller, &mut body);
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    let (reproof, code) = (again.reproof(), again.code.as_ref());
    let added = site
        .desk
        .add_address(caller, reproof, &address, code, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&AddressShown::from(added)))
}

/// Confirms it by what was mailed to it.
pub(super) async fn confirm(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let token = body.secret("token");
    body.finish()?;
    let visitor = site.visitor(request);
    site.desk
        .confirm_address(caller, &token, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&CONFIRMED))
}

fn named(request: &Request) -> Result<AddressId, ApiError> {
    let id = request.param("id").parse();
    id.map_err(|_| Code::AddressNotFound.into())
}

/// Makes one the main one.
pub(super) async fn make_primary(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let again = Again::read(site, caller, &mut body);
    body.finish()?;
    let (id, visitor) = (named(request)?, site.visitor(request));
    let (reproof, code) = (again.reproof(), again.code.as_ref());
    site.desk
        .make_primary(caller, reproof, id, code, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&MADE_PRIMARY))
}

/// Removes one. One that waits for its proof goes without the password: it opens nothing yet.
pub(super) async fn remove(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let (id, visitor) = (named(request)?, site.visitor(request));
    let removed = if site.desk.is_candidate(caller.user, id) {
        site.desk.drop_address(caller, id, &visitor).await
    } else {
        let mut body = request.json()?;
        let again = Again::read(site, caller, &mut body);
        body.finish()?;
        let (reproof, code) = (again.reproof(), again.code.as_ref());
        site.desk
            .remove_address(caller, reproof, id, code, &visitor)
            .await
    };
    removed.map_err(refused(request))?;
    Ok(request.voice.ok(&REMOVED))
}
