//! For services behind Keyledger: whose a token is (RFC 7662), and whether a proxy may let a browser through.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::gate::count;
use super::shapes::as_text;
use crate::desk::{AccessFault, Caller, TokenFacts, TokenKind};
use crate::domain::Role;
use crate::http::services::{self, COOKIE};
use crate::http::site::Site;
use crate::http::{
    ApiError, Code, Detail, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, pages,
    refusals,
};
use crate::types::{SessionId, UserId};

static REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
static REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");
static REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");

/// What is told of a good token; of any other only that it is not.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "named by RFC 7662")]
struct Active<'a> {
    active: bool,
    #[serde(serialize_with = "as_text")]
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    iat: i64,
    exp: i64,
    iss: &'a str,
    #[serde(serialize_with = "as_text")]
    jti: SessionId,
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

/// Tells a service whose a token is.
pub(super) async fn introspect(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut form = request.form().map_err(as_form)?;
    let token = form.secret("token");
    // A hint, which a server may ignore (RFC 7662 §2.1): a token says itself what it is.
    let _ = form.optional_text("token_type_hint");
    form.finish()?;
    let Some(facts) = site.desk.introspect(token.expose_secret()) else {
        return Ok(request.voice.ok(&Inactive { active: false }));
    };
    let TokenFacts {
        kind,
        caller,
        email,
        issued,
        expires,
    } = &facts;
    Ok(request.voice.ok(&Active {
        active: true,
        sub: caller.user,
        username: email.as_deref(),
        role: caller.role.word(),
        token_type: (*kind == TokenKind::Access).then_some("Bearer"),
        iat: issued.unix_seconds(),
        exp: expires.unix_seconds(),
        iss: &site.settings.public_url,
        jti: caller.session,
    }))
}

/// The same refusal, which elsewhere asks for JSON.
fn as_form(error: ApiError) -> ApiError {
    if error.code != Code::UnsupportedMediaType {
        return error;
    }
    let wanted = "Send the token as Content-Type: application/x-www-form-urlencoded (RFC 7662).";
    let detail = Detail::new("Content-Type", "not-a-form").with_message(wanted.to_owned());
    error.with_details(vec![detail])
}

/// What the proxy's configuration says.
struct Asked {
    /// Whether browsers are led to the sign-in; otherwise the proxy is told where it is.
    redirect: bool,
    /// Whom the service is for; administrators may go everywhere.
    role: Option<Role>,
}

impl Asked {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let mut query = request.query_fields()?;
        let redirect = query.optional_flag("redirect").unwrap_or(false);
        let word = query.optional_text("role");
        let role = word.as_deref().and_then(|word| {
            [Role::Admin, Role::User, Role::Guest]
                .into_iter()
                .find(|role| role.word() == word)
        });
        if word.is_some() && role.is_none() {
            query.fault("role", "unsupported");
        }
        query.finish_strict()?;
        Ok(Self { redirect, role })
    }
}

/// Tells a proxy whether to let a request through, and as whom. All three fields are always there, so that they replace
/// what a client made up.
pub(super) async fn forward_auth(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let asked = Asked::read(request)?;
    let known = caller(site, request).and_then(|caller| {
        let person = site.desk.known_person(caller);
        Ok((caller, person.ok_or(Code::SessionExpired)?))
    });
    let (caller, person) = match known {
        Ok(known) => known,
        Err(refusal) if refusal.status() == StatusCode::UNAUTHORIZED => {
            return Ok(unknown(site, request, &asked, &refusal));
        }
        Err(refusal) => return Err(refusal),
    };
    // An address that nobody proved is nobody's name: services would take it for its owner's.
    if !person.is_verified {
        return Err(Code::EmailNotVerified.into());
    }
    if asked
        .role
        .is_some_and(|role| caller.role != role && caller.role != Role::Admin)
    {
        return Err(Code::UserForbidden.into());
    }
    site.desk.prolong(caller, &site.visitor(request)).await;
    let field = |value: &str| HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Code::Internal);
    Ok(Response::text(StatusCode::OK, "")
        .with(REMOTE_USER.clone(), field(&caller.user.to_string())?)
        .with(REMOTE_EMAIL.clone(), field(&person.email)?)
        .with(REMOTE_GROUPS.clone(), field(caller.role.word())?))
}

/// Who sent the request that the proxy holds: by an access token, by the cookie for services, or, for a service on this
/// server's own host, by the cookie of its pages.
fn caller(site: &Site, request: &Request) -> Result<Caller, ApiError> {
    let mut refused = None;
    if let Some(bearer) = request.bearer().filter(|bearer| !bearer.is_empty()) {
        match site.desk.authenticate(bearer) {
            Ok(caller) => return Ok(caller),
            Err(fault) => refused = Some((bearer, fault)),
        }
    }
    let by_cookie = pages::read_cookie(request, COOKIE)
        .and_then(|cookie| site.desk.service_caller(cookie))
        .or_else(|| pages::browser_caller(site, request));
    if let Some(caller) = by_cookie {
        return Ok(caller);
    }
    // Only those who are nobody are counted: a page of a service is many requests.
    count(site, request, None)?;
    let Some((bearer, fault)) = refused else {
        return Err(Code::Unauthorized.into());
    };
    let visitor = site.visitor(request);
    let repeated = site.desk.refused_bearer(bearer, fault, &visitor);
    repeated.map_err(|fault| refusals::of_fault(&fault, request.voice.locale, ""))?;
    Err(match fault {
        // A proxy understands 401 and 403.
        AccessFault::AccountGone => Code::SessionExpired.into(),
        AccessFault::Invalid | AccessFault::Expired | AccessFault::SessionOver => refusals::of_access(fault),
    })
}

/// Leads a browser to the sign-in and back; programs and proxies that cannot are told 401, and where it is.
fn unknown(site: &Site, request: &Request, asked: &Asked, refusal: &ApiError) -> Response {
    let sign_in = services::sign_in_for(site, request);
    let location = HeaderValue::from_str(&sign_in);
    let refusal = refusal.reply(&request.voice);
    let Ok(location) = location else { return refusal };
    let reads = services::forwarded_method(request)
        .is_none_or(|method| [Method::GET, Method::HEAD].contains(&method));
    let accepted = request.header(header::ACCEPT).unwrap_or_default();
    let response = if asked.redirect && reads && accepted.contains("text/html") {
        Response::text(StatusCode::FOUND, "")
    } else {
        refusal
    };
    response.with(header::LOCATION, location)
}
