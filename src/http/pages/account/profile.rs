//! Name and language.

use serde::Serialize;
use warp::http::StatusCode;

use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::texts::own_name;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::{Locale, PersonName};

#[derive(Serialize)]
struct ProfilePage<'a> {
    form: &'a str,
    name: &'a str,
    name_error: Option<String>,
    languages: Vec<Choice>,
}

#[derive(Serialize)]
struct Choice {
    tag: &'static str,
    name: &'static str,
    chosen: bool,
}

/// Shows the form.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let profile = &member.profile;
    let name = profile.name.as_deref().unwrap_or_default();
    Ok(form(&member, StatusCode::OK, name, profile.locale, None))
}

/// Takes both; an empty name is none.
pub(super) async fn change(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let mut fields = member.fields(request)?;
    let typed = fields.optional_text("name").unwrap_or_default();
    let language = fields.optional_text("language").unwrap_or_default();
    let viewer = &member.viewer;
    if let Err(error) = fields.finish() {
        return Ok(viewer.trouble(&error));
    }
    let locale = Locale::parse(&language).unwrap_or(member.profile.locale);
    let name = match PersonName::parse(&typed) {
        Ok(name) => Some(name),
        Err(_) if typed.trim().is_empty() => None,
        Err(_) => {
            let sentence = Some(viewer.say("profile", "name_invalid"));
            return Ok(form(&member, StatusCode::BAD_REQUEST, &typed, locale, sentence));
        }
    };
    let changed = site
        .desk
        .change_profile(member.caller, name.as_ref(), locale, &viewer.visitor())
        .await;
    Ok(match changed {
        Ok(()) => viewer.lead_to("/account", None),
        Err(fault) => member.trouble(&fault),
    })
}

fn form(
    member: &Member<'_>,
    status: StatusCode,
    name: &str,
    chosen: Locale,
    name_error: Option<String>,
) -> Response {
    let choice = |locale: Locale| Choice {
        tag: locale.tag(),
        name: own_name(locale),
        chosen: locale == chosen,
    };
    let page = ProfilePage {
        form: member.form_secret(),
        name,
        name_error,
        languages: Locale::ALL.map(choice).into(),
    };
    let title = member.viewer.say("profile", "title");
    member.viewer.page(status, Page::Profile, &title, page)
}
