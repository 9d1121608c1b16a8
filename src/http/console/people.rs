//! Users: the list of them, and a form for a new one.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::shown::{At, Pager, link, locale_choices, standing};
use crate::desk::{
    Direction, Fault, NewPerson, PeopleFault, PeopleQuery, SOUGHT_CHARS_MAX, Sought, UserView,
};
use crate::domain::{Refusal, Role};
use crate::http::fields::Fields;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::site::Site;
use crate::types::{EmailAddress, Locale, PersonName, UserId, Username};

/// Users on a page.
const ROWS: usize = 20;
const PATH: &str = "/admin/users";

#[derive(Serialize)]
struct PeoplePage {
    /// What is looked for.
    q: String,
    problem: Option<String>,
    total: usize,
    rows: Vec<Row>,
    pager: Pager,
}

#[derive(Serialize)]
struct Row {
    href: String,
    email: String,
    name: Option<String>,
    role: String,
    standing: String,
    is_active: bool,
    created: At,
    last_sign_in: Option<At>,
}

/// Lists them; `q` looks for an address, a name, a user name or an id.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let (q, number) = asked(request);
    let query = PeopleQuery {
        sought: (!q.is_empty()).then(|| Sought::Anything(q.clone())),
        order: None,
        direction: if q.is_empty() {
            Direction::Descending
        } else {
            Direction::Ascending
        },
        skip: (number - 1).saturating_mul(ROWS),
        take: ROWS,
    };
    let (problem, total, views) = match site.desk.people(query).await {
        Ok((total, views)) => (None, total, views),
        Err(PeopleFault::Desk(Fault::Overloaded)) => {
            (Some(administrator.say("people", "indexing")), 0, vec![])
        }
        Err(PeopleFault::Desk(fault)) => return Ok(administrator.trouble(&fault)),
        Err(PeopleFault::TooMany) => (Some(administrator.say("people", "too_many")), 0, vec![]),
    };
    let row = |view: UserView| Row {
        href: link(viewer, &format!("{PATH}/{}", view.profile.id), &[]),
        email: view.profile.email,
        name: view.profile.name,
        role: role_words(&administrator, view.profile.role),
        standing: standing(&administrator, view.standing),
        is_active: view.standing == crate::domain::Standing::Active,
        created: At::new(viewer, view.profile.created),
        last_sign_in: view.profile.last_login.map(|at| At::new(viewer, at)),
    };
    let status = if problem.is_some() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let page = PeoplePage {
        pager: Pager::new(viewer, PATH, &[("q", &q)], number, total.div_ceil(ROWS)),
        rows: views.into_iter().map(row).collect(),
        q,
        problem,
        total,
    };
    let title = administrator.say("console", "nav_users");
    Ok(administrator.page(status, "console/people.html", &title, page))
}

fn asked(request: &Request) -> (String, usize) {
    let Ok(mut query) = request.query_fields() else {
        return (String::new(), 1);
    };
    let q = query.optional_text("q").unwrap_or_default();
    let number = query.optional_whole("page", &(1..=1_000_000)).unwrap_or(1);
    let q: String = q.trim().chars().take(SOUGHT_CHARS_MAX).collect();
    (q, usize::try_from(number).unwrap_or(1).clamp(1, 1_000_000))
}

/// What a role is called.
pub(super) fn role_words(administrator: &Administrator<'_>, role: Role) -> String {
    administrator.say("people", role_name(role))
}

/// The name of a role's words.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "role_admin",
        Role::User => "role_user",
        Role::Guest => "role_guest",
    }
}

/// A choice of a list.
#[derive(Serialize)]
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) words: String,
    pub(super) chosen: bool,
}

/// The roles to choose from.
pub(super) fn roles(administrator: &Administrator<'_>, chosen: Role) -> Vec<Choice> {
    let choice = |role: Role| Choice {
        value: role.word(),
        words: role_words(administrator, role),
        chosen: role == chosen,
    };
    [Role::Admin, Role::User, Role::Guest].map(choice).into()
}

/// The role of a word.
pub(super) fn role_of(word: &str) -> Option<Role> {
    let all = [Role::Admin, Role::User, Role::Guest];
    all.into_iter().find(|role| role.word() == word)
}

#[derive(Serialize, Default)]
struct NewPage {
    email: String,
    name: String,
    username: String,
    roles: Vec<Choice>,
    languages: Vec<Choice>,
    invite: bool,
    errors: Errors,
}

#[derive(Serialize, Default)]
struct Errors {
    email: Option<String>,
    name: Option<String>,
    username: Option<String>,
}

/// Shows the form for a new user.
pub(super) async fn ask_new(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let page = NewPage {
        roles: roles(&administrator, Role::User),
        languages: locale_choices(Locale::default()),
        invite: true,
        ..NewPage::default()
    };
    Ok(form(&administrator, StatusCode::OK, page))
}

fn form(administrator: &Administrator<'_>, status: StatusCode, page: NewPage) -> crate::http::Response {
    let title = administrator.say("people", "new_title");
    administrator.page(status, "console/person_new.html", &title, page)
}

/// Registers somebody, who sets a password by recovery: nobody chooses one for them.
pub(super) async fn make(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, "/admin/users/new").await?;
    let mut fields = administrator.fields(request)?;
    let mut text = |name| fields.optional_text(name).unwrap_or_default().trim().to_owned();
    let (email, name, username) = (text("email"), text("name"), text("username"));
    let (role, language) = (text("role"), text("language"));
    let invite = text("invite") == "on";
    let role = role_of(&role).unwrap_or(Role::User);
    let locale = Locale::parse(&language).unwrap_or_default();
    let mut page = NewPage {
        roles: roles(&administrator, role),
        languages: locale_choices(locale),
        invite,
        ..NewPage::default()
    };
    let say = |name: &str| Some(administrator.say("people", name));
    let address = EmailAddress::parse(&email);
    if address.is_err() {
        page.errors.email = say("bad_email");
    }
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let parsed_name = given(&name).map(|text| PersonName::parse(&text)).transpose();
    if parsed_name.is_err() {
        page.errors.name = say("bad_name");
    }
    let parsed_username = given(&username).map(|text| Username::parse(&text)).transpose();
    if parsed_username.is_err() {
        page.errors.username = say("bad_username");
    }
    (page.email, page.name, page.username) = (email, name, username);
    let (Ok(address), Ok(name), Ok(username)) = (address, parsed_name, parsed_username) else {
        return Ok(form(&administrator, StatusCode::BAD_REQUEST, page));
    };
    let person = NewPerson {
        address,
        name,
        username,
        role,
        locale,
    };
    let made = if invite {
        site.desk.invite(&person, None, administrator.by()).await
    } else {
        site.desk.create_user(person, administrator.by()).await
    };
    let id = match made {
        Ok(id) => id,
        Err(Fault::Refused(Refusal::AddressTaken)) => {
            page.errors.email = say("taken_email");
            return Ok(form(&administrator, StatusCode::CONFLICT, page));
        }
        Err(Fault::Refused(Refusal::UsernameTaken)) => {
            page.errors.username = say("taken_username");
            return Ok(form(&administrator, StatusCode::CONFLICT, page));
        }
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    Ok(administrator.lead_to(&of(id), "created"))
}

/// The path of a user's page.
pub(super) fn of(id: UserId) -> String {
    format!("{PATH}/{id}")
}

/// A form's text, without what is around it.
pub(super) fn trimmed(fields: &mut Fields, name: &'static str) -> String {
    fields.optional_text(name).unwrap_or_default().trim().to_owned()
}
