//! Who may go on: API key, then limits, then access token; all before the body is read.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

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
        Access::Health | Access::Forwarded => Ok(()),
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
        Access::Service => {
            let basic = basic_key(request);
            let client = known_client(
                site,
                request,
                basic.as_deref().map(String::as_str).or_else(|| api_key(request)),
            )?;
            request.keep(an_administrator(principal(site, request, client)?)?);
            Ok(())
        }
        Access::Person => {
            let client = api_client(site, request)?;
            let principal = principal(site, request, client).map_err(|error| {
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
            let client = api_client(site, request)?;
            let principal = an_administrator(principal(site, request, client)?)?;
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
    an_administrator(principal_of(request)?).map(Principal::actor)
}

fn an_administrator(principal: Principal) -> Result<Principal, ApiError> {
    if principal.is_administrator() {
        Ok(principal)
    } else {
        Err(Code::UserForbidden.into())
    }
}

/// As whom a client calls.
fn principal(site: &Site, head: &Head, client: ApiCaller) -> Result<Principal, ApiError> {
    match client.kind {
        ApiKeyKind::Secret => Ok(Principal::Key(client.key)),
        ApiKeyKind::Publishable => signed_in(site, head).map(Principal::Person),
    }
}

/// The password of HTTP Basic (RFC 7617), where no key was sent otherwise: that is how most programs send theirs when they
/// ask about tokens (RFC 7662 §2.1).
fn basic_key(head: &Head) -> Option<Zeroizing<String>> {
    if head.headers.contains_key(&API_KEY) {
        return None;
    }
    let (scheme, pair) = head.header(header::AUTHORIZATION)?.split_once(' ')?;
    let bytes = scheme
        .eq_ignore_ascii_case("basic")
        .then(|| STANDARD.decode(pair.trim_matches(' ')).ok())??;
    let pair = Zeroizing::new(String::from_utf8(bytes).ok()?);
    let (_, key) = pair.split_once(':')?;
    Some(Zeroizing::new(key.to_owned()))
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
    known_client(site, head, api_key(head))
}

fn known_client(site: &Site, head: &Head, key: Option<&str>) -> Result<ApiCaller, ApiError> {
    let known = key.and_then(|text| site.desk.api_caller(text));
    count(site, head, known.map(|client| client.key))?;
    if known.is_none() && (head.headers.contains_key(&API_KEY) || key.is_some()) {
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

/// Counts a call of a client; refuses it beyond the limit.
pub(super) fn count(site: &Site, head: &Head, key: Option<ApiKeyId>) -> Result<(), ApiError> {
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
