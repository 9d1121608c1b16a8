//! Who may go on: API key, then limits, then access token; all before the body is read.

use std::sync::Arc;

use crate::desk::{ApiCaller, Caller};
use crate::domain::{Actor, ApiKeyKind, Role};
use crate::http::header::HeaderName;
use crate::http::site::{Access, Site};
use crate::http::{ApiError, Code, Head, Request, header, json, refusals};
use crate::types::{ApiKeyId, Span};

/// The header that has a key.
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What the text of every secret key begins with.
const SECRET_KEY: &str = "sk_";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape of every gate")]
/// Lets a request through to its handler, which finds what is known of its sender kept in it: the [`ApiCaller`], the
/// [`Caller`] who is signed in, or the [`Principal`].
pub(super) fn admit(site: &Arc<Site>, access: &Access, request: &mut Request) -> Result<(), ApiError> {
    match access {
        Access::Health => Ok(()),
        Access::Open | Access::Console => count(site, request, None),
        Access::ApiKey => {
            let client = api_client(site, request)?;
            demand_json(request)?;
            request.keep(client);
            Ok(())
        }
        Access::SignedIn => {
            api_client(site, request)?;
            let caller = signed_in(site, request)?;
            demand_json(request)?;
            request.keep(caller);
            Ok(())
        }
        Access::Person => {
            let principal = principal(site, request).map_err(|error| {
                if error.code == Code::Unauthorized {
                    Code::UserUnauthorized.into()
                } else {
                    error
                }
            })?;
            demand_json(request)?;
            request.keep(principal);
            Ok(())
        }
        Access::Administrator => {
            let principal = principal(site, request)?;
            if !principal.is_administrator() {
                return Err(Code::UserForbidden.into());
            }
            demand_json(request)?;
            request.keep(principal);
            Ok(())
        }
    }
}

/// Who calls what administrators may call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Principal {
    /// A program with a secret key.
    Key(ApiKeyId),
    /// Somebody who is signed in.
    Person(Caller),
}

impl Principal {
    /// Who that is to the law.
    pub(super) fn actor(self) -> Actor {
        match self {
            Self::Key(key) => Actor::ApiKey(key),
            Self::Person(caller) => Actor::User(caller.user),
        }
    }

    /// Whether they may do what administrators do.
    pub(super) fn is_administrator(self) -> bool {
        match self {
            Self::Key(_) => true,
            Self::Person(caller) => caller.role == Role::Admin,
        }
    }
}

/// Who calls a route of [`Access::Person`] or [`Access::Administrator`]; the gate has made sure that there is somebody.
pub(super) fn principal_of(request: &Request) -> Result<Principal, ApiError> {
    request.found().copied().ok_or(Code::UserUnauthorized.into())
}

/// Who asks, where the gate has made sure that it is an administrator.
pub(super) fn administrator(request: &Request) -> Result<Actor, ApiError> {
    let principal = principal_of(request)?;
    if principal.is_administrator() {
        Ok(principal.actor())
    } else {
        Err(Code::UserForbidden.into())
    }
}

fn principal(site: &Site, head: &Head) -> Result<Principal, ApiError> {
    let client = api_client(site, head)?;
    match client.kind {
        ApiKeyKind::Secret => Ok(Principal::Key(client.key)),
        ApiKeyKind::Publishable => signed_in(site, head).map(Principal::Person),
    }
}

/// Whose access token a request came with. The gate has made sure of it before a handler of [`Access::SignedIn`] runs.
pub(super) fn caller(request: &Request) -> Result<Caller, ApiError> {
    request.found().copied().ok_or(Code::Unauthorized.into())
}

/// Whose access token a request came with, if it came with one; a bad one is refused.
pub(super) fn caller_if_any(site: &Site, head: &Head) -> Result<Option<Caller>, ApiError> {
    if is_anonymous(head) {
        return Ok(None);
    }
    signed_in(site, head).map(Some)
}

/// Whether a request came without an access token.
pub(super) fn is_anonymous(head: &Head) -> bool {
    let is_api_key = head.bearer().is_some_and(|bearer| bearer.starts_with(SECRET_KEY));
    !head.headers.contains_key(header::AUTHORIZATION) || is_api_key
}

/// The API key of a call, counted. Calls with no key or a bad one are counted together, so that keys cannot be guessed
/// faster than the limit.
fn api_client(site: &Site, head: &Head) -> Result<ApiCaller, ApiError> {
    let known = api_key(head).and_then(|text| site.desk.api_caller(text));
    count(site, head, known.map(|client| client.key))?;
    if known.is_none() && (head.headers.contains_key(&API_KEY) || api_key(head).is_some()) {
        site.desk.refused_api_key(&site.visitor(head));
    }
    known.ok_or(Code::InvalidApiKey.into())
}

/// The key's text: in `X-API-Key`, or, if it is a secret one, as the bearer.
pub(super) fn api_key(head: &Head) -> Option<&str> {
    if head.headers.contains_key(&API_KEY) {
        return head.header(&API_KEY);
    }
    head.bearer().filter(|bearer| bearer.starts_with(SECRET_KEY))
}

fn signed_in(site: &Site, head: &Head) -> Result<Caller, ApiError> {
    let bearer = match (head.headers.contains_key(header::AUTHORIZATION), head.bearer()) {
        (false, _) => return Err(Code::Unauthorized.into()),
        (true, Some(bearer)) => bearer,
        // Another scheme, or two fields: something was sent, and it is none of our tokens.
        (true, None) => return Err(none_of_ours(site, head).into()),
    };
    let is_api_key = bearer.starts_with(SECRET_KEY) && !head.headers.contains_key(&API_KEY);
    if bearer.is_empty() || is_api_key {
        return Err(Code::Unauthorized.into());
    }
    site.desk.authenticate(bearer).map_err(|refused| {
        let visitor = site.visitor(head);
        let repeated = site.desk.refused_bearer(bearer, refused, &visitor).err();
        repeated.map_or_else(
            || refusals::of_access(refused),
            |fault| refusals::of_fault(&fault, head.voice.locale, ""),
        )
    })
}

/// A client that has no token yet may send the scheme alone.
fn none_of_ours(site: &Site, head: &Head) -> Code {
    let sent = head.header(header::AUTHORIZATION);
    if sent.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return Code::Unauthorized;
    }
    site.desk.refused_scheme(&site.visitor(head));
    Code::InvalidToken
}

fn count(site: &Site, head: &Head, key: Option<ApiKeyId>) -> Result<(), ApiError> {
    let now = site.desk.engine().clock().monotonic();
    let now = Span(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let counted = site.calls.check(&head.client, key, now);
    Ok(counted.inspect_err(|_| site.desk.refused_call())?)
}

/// Refuses a body that is announced and not declared as JSON, also where no body is asked for: browsers send those
/// across sites without asking.
fn demand_json(head: &Head) -> Result<(), ApiError> {
    let length = head.headers.get(header::CONTENT_LENGTH);
    let is_announced =
        length.is_some_and(|length| length != "0") || head.headers.contains_key(header::TRANSFER_ENCODING);
    if is_announced && !json::is_declared(&head.headers) {
        return Err(Code::UnsupportedMediaType.into());
    }
    Ok(())
}
