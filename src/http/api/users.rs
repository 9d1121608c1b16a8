//! Users: for administrators all of them, for everybody else themself.
//!
//! Bodies are read as on the other routes of clients: what nobody asked for has no effect (A28). A password is nobody's
//! to set but its owner's, so a body with one is told so.

use serde::Serialize;

use super::account::{Me, WITHDRAWN};
use super::forms::address;
use super::gate::{Principal, administrator, principal_of};
use super::shapes::{Done, Page, Pagination, as_time_or_null, if_match};
use crate::desk::{
    Direction, Editor, Fault, NewPerson, PeopleFault, PeopleOrder, PeopleQuery, ProfileEdit,
    SOUGHT_CHARS_MAX, Sought, UserView,
};
use crate::domain::{Refusal, Role, Standing};
use crate::http::site::Site;
use crate::http::{
    ApiError, Code, Detail, Fields, HeaderValue, Request, Response, StatusCode, header, refusals,
};
use crate::types::{Locale, PersonName, Timestamp, UserId, Username};

/// Users of an answer, unless asked otherwise.
const LIMIT: usize = 20;

const ERASED: Done = Done {
    message: "The user has been erased: their keys are destroyed, and nobody can read their data any more.",
};

/// A user as administrators see them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserShown<'a> {
    #[serde(flatten)]
    me: Me<'a>,
    username: Option<&'a str>,
    standing: &'static str,
    #[serde(serialize_with = "as_time_or_null")]
    closes_at: Option<Timestamp>,
    has_password: bool,
    sessions: usize,
}

impl<'a> From<&'a UserView> for UserShown<'a> {
    fn from(view: &'a UserView) -> Self {
        let (standing, closes_at) = match view.standing {
            Standing::Active => ("active", None),
            Standing::Banned => ("banned", None),
            Standing::Closing(at) => ("closing", Some(at)),
        };
        Self {
            me: Me::from(&view.profile),
            username: view.username.as_deref(),
            standing,
            closes_at,
            has_password: view.has_password,
            sessions: view.sessions,
        }
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    items: Vec<UserShown<'a>>,
    pagination: Pagination,
}

/// Lists users.
pub(super) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    let mut query = request.query_fields()?;
    let search = query
        .optional_text("search")
        .filter(|text| !text.trim().is_empty());
    let kind = query.optional_text("searchType");
    let order = query.optional_text("sortBy");
    let direction = query.optional_text("sortDirection");
    if search
        .as_ref()
        .is_some_and(|text| text.chars().count() > SOUGHT_CHARS_MAX)
    {
        query.fault("search", "too-long");
    }
    let sought = match (kind.as_deref(), search) {
        (None | Some("any"), Some(text)) => Some(Sought::Anything(text)),
        (Some("email"), Some(text)) => Some(Sought::Email(text)),
        (Some("name"), Some(text)) => Some(Sought::Name(text)),
        (Some("username"), Some(text)) => Some(Sought::Username(text)),
        (Some("id"), Some(text)) => Some(Sought::Id(text)),
        (None | Some("any" | "email" | "name" | "username" | "id"), None) => None,
        (Some(_), _) => {
            query.fault("searchType", "unsupported");
            None
        }
    };
    let order = match order.as_deref() {
        None => None,
        Some("createdAt") => Some(PeopleOrder::Created),
        Some("email") => Some(PeopleOrder::Email),
        Some("name") => Some(PeopleOrder::Name),
        Some(_) => {
            query.fault("sortBy", "unsupported");
            None
        }
    };
    let direction = match direction.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => Direction::Ascending,
        Some("desc") => Direction::Descending,
        Some(_) => {
            query.fault("sortDirection", "unsupported");
            Direction::Ascending
        }
    };
    let page = Page::read(query, LIMIT)?;
    let (skip, take) = page.part();
    let query = PeopleQuery {
        sought,
        order,
        direction,
        skip,
        take,
    };
    let found = site.desk.people(query).await;
    let (total, views) = found.map_err(|fault| match fault {
        PeopleFault::TooMany => ApiError::invalid("search", "too-broad"),
        PeopleFault::Desk(fault) => refused(&fault, request),
    })?;
    let listed = Listed {
        items: views.iter().map(UserShown::from).collect(),
        pagination: page.pagination(total),
    };
    Ok(request.voice.ok(&listed))
}

/// Somebody to register, out of a body that has told everything else.
pub(super) fn person(mut body: Fields) -> Result<NewPerson, ApiError> {
    let email = body.text("email");
    let name = body.optional_text("name");
    let username = body.optional_text("username");
    let role = body.optional_text("role");
    let locale = read_locale(&mut body);
    let has_password = body.raw("password").is_some();
    let username = username.and_then(|text| {
        let parsed = Username::parse(&text);
        parsed
            .map_err(|fault| body.fault("username", fault.reason()))
            .ok()
    });
    body.finish()?;
    if has_password {
        let detail = Detail::new("password", "not-accepted").with_message(
            "Nobody sets another person's password: leave it out, and send `invite: true`, so that the person \
             chooses one."
                .to_owned(),
        );
        return Err(ApiError::new(Code::InvalidParameters).with_details(vec![detail]));
    }
    Ok(NewPerson {
        address: address(&email)?,
        name: name.as_deref().map(person_name).transpose()?,
        username,
        role: role.as_deref().map_or(Ok(Role::User), read_role)?,
        locale: locale.unwrap_or_default(),
    })
}

/// Registers somebody without a password; with `invite` the link by which they choose one is mailed at once.
pub(super) async fn make(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let mut body = request.json()?;
    let invite = body.optional_flag("invite").unwrap_or(false);
    let person = person(body)?;
    let made = if invite {
        site.desk.invite(&person, None, by).await
    } else {
        site.desk.create_user(person, by).await
    };
    let id = made.map_err(|fault| refused(&fault, request))?;
    show_user(site, request, StatusCode::CREATED, id)
}

/// Shows one.
pub(super) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (_, id) = subject(request)?;
    show_user(site, request, StatusCode::OK, id)
}

/// Changes name and language of one.
pub(super) async fn change(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let id = edit(site, request).await?;
    show_user(site, request, StatusCode::OK, id)
}

/// Erases one; who asks for it themself closes their account, which a mailed link takes back for a while.
pub(super) async fn remove(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (principal, id) = subject(request)?;
    match principal {
        Principal::Person(caller) if caller.user == id => {
            let withdrawn = site.desk.withdraw(caller, &site.visitor(request)).await;
            withdrawn.map_err(|fault| refused(&fault, request))?;
            Ok(request.voice.ok(&WITHDRAWN))
        }
        Principal::Person(_) | Principal::Key(_) => {
            let erased = site.desk.erase_user(id, principal.actor()).await;
            erased.map_err(|fault| refused(&fault, request))?;
            Ok(request.voice.ok(&ERASED))
        }
    }
}

/// Changes what somebody may do.
pub(super) async fn change_role(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let id = named(request)?;
    let against = version(request)?;
    let mut body = request.json()?;
    let role = body.text("role");
    body.finish()?;
    let role = read_role(&role)?;
    let changed = site.desk.change_role(id, role, against, by).await;
    changed.map_err(|fault| refused(&fault, request))?;
    show_user(site, request, StatusCode::OK, id)
}

/// Shows the profile of one.
pub(super) async fn show_profile(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (_, id) = subject(request)?;
    profile(site, request, id)
}

/// Changes the profile of one.
pub(super) async fn change_profile(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let id = edit(site, request).await?;
    profile(site, request, id)
}

async fn edit(site: &Site, request: &Request) -> Result<UserId, ApiError> {
    let (principal, id) = subject(request)?;
    let against = version(request)?;
    let mut body = request.json()?;
    let name = body.optional_text("name");
    let locale = read_locale(&mut body);
    body.finish()?;
    let edit = ProfileEdit {
        name: name.as_deref().map(person_name).transpose()?,
        locale,
    };
    let visitor = site.visitor(request);
    let editor = match principal {
        Principal::Person(caller) if caller.user == id => Editor::Oneself(caller, &visitor),
        Principal::Person(_) | Principal::Key(_) => Editor::Administrator(principal.actor()),
    };
    let edited = site.desk.edit_profile(id, &edit, against, editor).await;
    edited.map_err(|fault| refused(&fault, request))?;
    Ok(id)
}

/// Whom a path names, and who asks. Whoever is no administrator sees themself only, and hears the same about everybody
/// else, whether they exist or not.
fn subject(request: &Request) -> Result<(Principal, UserId), ApiError> {
    let principal = principal_of(request)?;
    let id = named(request);
    match principal {
        Principal::Person(caller) if !principal.is_administrator() => match id {
            Ok(id) if id == caller.user => Ok((principal, id)),
            Ok(_) | Err(_) => Err(Code::UserForbidden.into()),
        },
        Principal::Person(_) | Principal::Key(_) => Ok((principal, id?)),
    }
}

/// The user that a path names.
pub(super) fn named(request: &Request) -> Result<UserId, ApiError> {
    request.param("id").parse().map_err(|_| Code::UserNotFound.into())
}

/// The version that the caller has seen.
fn version(request: &Request) -> Result<Option<Timestamp>, ApiError> {
    let version = if_match(request)?.map(i64::try_from).transpose();
    let version = version.map_err(|_| ApiError::invalid("If-Match", "not-a-version"))?;
    Ok(version.map(Timestamp))
}

fn read_locale(body: &mut Fields) -> Option<Locale> {
    let text = body.optional_text("locale")?;
    let locale = Locale::parse(&text);
    if locale.is_none() {
        body.fault("locale", "unsupported");
    }
    locale
}

fn read_role(text: &str) -> Result<Role, ApiError> {
    let all = [Role::Admin, Role::User, Role::Guest];
    let role = all.into_iter().find(|role| role.word() == text);
    role.ok_or_else(|| {
        ApiError::new(Code::UserInvalidRole).with_details(vec![Detail::new("role", "unsupported")])
    })
}

pub(super) fn person_name(text: &str) -> Result<PersonName, ApiError> {
    PersonName::parse(text).map_err(|fault| {
        ApiError::new(Code::UserInvalidName).with_details(vec![Detail::new("name", fault.reason())])
    })
}

/// A user as they are now, with the version that an edit may name.
pub(super) fn show_user(
    site: &Site,
    request: &Request,
    status: StatusCode,
    id: UserId,
) -> Result<Response, ApiError> {
    let view = site.desk.view_user(id).ok_or(Code::UserNotFound)?;
    let response = request.voice.success(status, &UserShown::from(&view));
    Ok(with_version(response, view.profile.updated))
}

fn profile(site: &Site, request: &Request, id: UserId) -> Result<Response, ApiError> {
    let profile = site.desk.profile(id).ok_or(Code::UserNotFound)?;
    let response = request.voice.ok(&Me::from(&profile));
    Ok(with_version(response, profile.updated))
}

fn with_version(response: Response, Timestamp(updated): Timestamp) -> Response {
    match HeaderValue::from_str(&format!("\"{updated}\"")) {
        Ok(tag) => response.with(header::ETAG, tag),
        Err(_) => response,
    }
}

/// Words what the desk says about somebody's account to whoever looks after it.
pub(super) fn refused(fault: &Fault, request: &Request) -> ApiError {
    match fault {
        Fault::Refused(Refusal::UserNotFound) => Code::UserNotFound.into(),
        Fault::Refused(Refusal::UserNotActive) => Code::UserNotActive.into(),
        Fault::Refused(_)
        | Fault::PasswordFormat(_)
        | Fault::SameAsPrevious
        | Fault::WeakPassword
        | Fault::Repeated
        | Fault::Overloaded
        | Fault::Stopped => refusals::of_fault(fault, request.voice.locale, ""),
    }
}
