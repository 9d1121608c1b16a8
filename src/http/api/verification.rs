//! Proving an address.

use serde::Serialize;

use super::forms::{address, check_callback, refused};
use super::shapes::DoneFor;
use crate::http::site::Site;
use crate::http::{ApiError, Request, Response};

const SENT: &str = "If this address waits for verification, an email has been sent.";

/// Asks for the mail (again). The answer is the same for unknown and already verified addresses.
pub(super) async fn send(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let email = body.text("email");
    let callback = body.optional_text("callbackUrl");
    body.finish()?;
    let address = address(&email)?;
    check_callback(site, callback.as_deref())?;
    let visitor = site.visitor(request);
    site.desk
        .request_verification(&address, callback.as_deref(), &visitor)
        .await
        .map_err(refused(request))?;
    let sent = DoneFor {
        message: SENT,
        email: address.as_typed(),
    };
    Ok(request.voice.ok(&sent))
}

#[derive(Serialize)]
struct Verified {
    message: &'static str,
    verified: bool,
}

const VERIFIED: Verified = Verified {
    message: "The e-mail address has been verified.",
    verified: true,
};

/// Proves an address by what was mailed to it.
pub(super) async fn confirm(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let email = body.text("email");
    let token = body.secret("token");
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    site.desk
        .confirm_verification(&address, &token, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&VERIFIED))
}
