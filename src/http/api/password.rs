//! Passwords: asking for a way back in, taking it, and changing what one knows.

use super::forms::{address, refused};
use super::gate::caller;
use super::mfa::mfa_code;
use super::shapes::Done;
use crate::http::site::Site;
use crate::http::{ApiError, Request, Response};

const REQUESTED: Done = Done {
    message: "If an account exists for this address, a password reset email has been sent.",
};
const RESET: Done = Done {
    message: "The password has been reset. Please sign in with the new password.",
};
const CHANGED: Done = Done {
    message: "The password has been changed. Please sign in again.",
};

/// The answer is the same for every address that is one.
pub(super) async fn request_reset(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let email = body.text("email");
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    site.desk
        .request_reset(&address, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&REQUESTED))
}

/// Signs nobody in.
pub(super) async fn confirm_reset(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let email = body.text("email");
    let token = body.secret("token");
    let password = body.secret("newPassword");
    let code = mfa_code(&mut body);
    body.finish()?;
    let address = address(&email)?;
    let visitor = site.visitor(request);
    site.desk
        .confirm_reset(&address, &token, password, code.as_ref(), &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&RESET))
}

/// Ends every session, the caller's too.
pub(super) async fn change(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let caller = caller(request)?;
    let mut body = request.json()?;
    let current = body.secret("currentPassword");
    let new = body.secret("newPassword");
    body.finish()?;
    let visitor = site.visitor(request);
    site.desk
        .change_password(caller, &current, &new, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&CHANGED))
}
