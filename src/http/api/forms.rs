//! What several routes read from a body, each with its refusal.

use crate::desk::Fault;
use crate::http::callback;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, Request, refusals};
use crate::types::EmailAddress;

/// The one name that a new password has in bodies, but for sign-up.
pub(super) const NEW_PASSWORD: &str = "newPassword";

/// Reads an address, or says what is wrong with it: the same code on every route that takes one.
pub(in crate::http) fn address(text: &str) -> Result<EmailAddress, ApiError> {
    EmailAddress::parse(text).map_err(|fault| {
        ApiError::new(Code::InvalidEmail).with_details(vec![Detail::new("email", fault.reason())])
    })
}

/// Refuses an address to return to that is not in the configured list, letter by letter. Asked before anything
/// that depends on an account.
pub(in crate::http) fn check_callback(site: &Site, url: Option<&str>) -> Result<(), ApiError> {
    if url.is_none_or(|url| callback::is_known(site, url)) {
        Ok(())
    } else {
        Err(Code::InvalidUrl.into())
    }
}

/// Words the faults of the desk for a caller.
pub(in crate::http) fn refused(request: &Request) -> impl Fn(Fault) -> ApiError {
    let locale = request.voice.locale;
    move |fault| refusals::of_fault(&fault, locale, NEW_PASSWORD)
}
