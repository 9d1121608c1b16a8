//! The link that clients build themselves: `GET …/signup/email/confirm?token&email&callbackUrl`.
//!
//! Mail scanners open links, so opening it proves nothing: it shows a page whose button posts the same three fields
//! to the same path. The setting `verify_on_get` makes opening enough.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::{Method, StatusCode};

use super::forms::is_foreign;
use super::look::Page;
use super::viewer::Viewer;
use crate::http::api::forms::{address, check_callback, refused};
use crate::http::callback;
use crate::http::fields::Fields;
use crate::http::json;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::EmailAddress;

/// What the link carries.
struct Asked {
    address: EmailAddress,
    token: SecretString,
    callback: Option<String>,
}

#[derive(Serialize)]
struct ConfirmPage<'a> {
    email: &'a str,
    token: &'a str,
    callback: &'a str,
}

impl Asked {
    /// Reads the fields; everything that is wrong with them is told before an account is looked at.
    fn read(site: &Site, mut fields: Fields) -> Result<Self, ApiError> {
        let email = fields.text("email");
        let token = fields.secret("token");
        let callback = fields.optional_text("callbackUrl");
        fields.finish()?;
        let address = address(&email)?;
        let callback = callback.filter(|url| !url.is_empty());
        check_callback(site, callback.as_deref())?;
        Ok(Self {
            address,
            token,
            callback,
        })
    }
}

/// Shows the page; with `verify_on_get` it verifies, unless nobody is there to see the answer.
pub(super) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let asked = Asked::read(site, request.query_fields()?)?;
    let is_only_looking = request.method == Method::HEAD
        || ["sec-purpose", "purpose"]
            .iter()
            .any(|name| request.headers.contains_key(*name));
    if site.settings.verify_on_get && !is_only_looking {
        return verify(site, request, &asked).await;
    }
    let viewer = Viewer::once(site, request);
    let page = ConfirmPage {
        email: asked.address.as_typed(),
        token: asked.token.expose_secret(),
        callback: asked.callback.as_deref().unwrap_or_default(),
    };
    Ok(viewer.leading_back(viewer.page(
        StatusCode::OK,
        Page::Confirm,
        &viewer.say("verify", "title"),
        page,
    )))
}

/// The button of the page; or a client that posts JSON, which no other site's page can do unasked.
pub(super) async fn confirm(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let fields = if json::is_declared(&request.headers) {
        request.json()?
    } else {
        let viewer = Viewer::once(site, request);
        if is_foreign(request, viewer.origin()) {
            return Ok(viewer.foreign());
        }
        request.form()?
    };
    let asked = Asked::read(site, fields)?;
    verify(site, request, &asked).await
}

#[derive(Serialize)]
struct Verified<'a> {
    verified: bool,
    email: &'a str,
}

async fn verify(site: &Site, request: &Request, asked: &Asked) -> Result<Response, ApiError> {
    let visitor = site.visitor(request);
    let wanted = site
        .desk
        .confirm_verification(&asked.address, &asked.token, &visitor)
        .await
        .map_err(refused(request))?;
    let email = asked.address.as_typed();
    let url = asked.callback.clone().or(wanted);
    let back = url.and_then(|url| callback::lead_back(site, &url, email));
    Ok(back.unwrap_or_else(|| {
        request.voice.ok(&Verified {
            verified: true,
            email,
        })
    }))
}
