//! API keys: all of them, and a form for a new one.

use secrecy::ExposeSecret;
use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::people::trimmed;
use super::shown::At;
use crate::desk::Fault;
use crate::domain::{ApiKeyKind, State};
use crate::http::api::system::{KEY_DAYS_MAX, LABEL_CHARS_MAX, key_kind, key_state};
use crate::http::fields::Fields;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::{ApiKeyId, Span, WebOrigin, WebOrigins};

const KEYS: &str = "/admin/system/keys";

#[derive(Serialize)]
struct KeysPage {
    rows: Vec<KeyRow>,
    label: String,
    days: String,
    errors: KeyErrors,
}

#[derive(Serialize, Default)]
struct KeyErrors {
    label: Option<String>,
    days: Option<String>,
    origins: Option<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "what the page hides parts by")]
struct KeyRow {
    id: String,
    short: String,
    kind: String,
    label: String,
    state: String,
    is_good: bool,
    is_waiting: bool,
    is_live: bool,
    created: At,
    expires: Option<At>,
    used: Option<String>,
    /// The web pages that may call with it, a line each; none for a key that has none to name.
    origins: Option<String>,
    /// Whether what is wrong with origins is wrong with these.
    is_wrong: bool,
}

/// What was typed, and is shown again where it is wrong.
#[derive(Default)]
struct Typed {
    label: String,
    days: String,
    origins: Option<(ApiKeyId, String)>,
}

/// Lists API keys, and a form for a new one.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let (typed, errors) = (Typed::default(), KeyErrors::default());
    Ok(keys_page(site, &administrator, StatusCode::OK, typed, errors))
}

fn keys_page(
    site: &Site,
    administrator: &Administrator<'_>,
    status: StatusCode,
    typed: Typed,
    errors: KeyErrors,
) -> Response {
    let viewer = administrator.viewer();
    let (epoch, now) = (site.desk.engine().read(State::epoch), site.desk.now());
    let rows = site.desk.api_keys().into_iter().rev().map(|(id, key)| {
        let state = key_state(&key, epoch, now);
        let is_open = key.kind == ApiKeyKind::Publishable && key.revoked.is_none();
        let wrong = typed.origins.as_ref().filter(|(of, _)| *of == id);
        let lines = || {
            key.origins
                .iter()
                .map(WebOrigin::as_str)
                .collect::<Vec<_>>()
                .join("\n")
        };
        KeyRow {
            origins: is_open.then(|| wrong.map_or_else(lines, |(_, text)| text.clone())),
            is_wrong: wrong.is_some(),
            short: id.short().to_string(),
            id: id.to_string(),
            kind: administrator.say("house", kind_name(key.kind)),
            state: administrator.say("house", state_name(state)),
            is_good: state == "good",
            is_waiting: state == "waiting",
            is_live: key.revoked.is_none(),
            created: At::new(viewer, key.created),
            expires: key.expires.map(|at| At::new(viewer, at)),
            used: key.used.map(|at| at.rfc3339()[..10].to_owned()),
            label: key.label,
        }
    });
    let page = KeysPage {
        rows: rows.collect(),
        label: typed.label,
        days: typed.days,
        errors,
    };
    let title = administrator.say("house", "keys_title");
    administrator.page(status, "console/keys.html", &title, page)
}

fn kind_name(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "key_publishable",
        ApiKeyKind::Secret => "key_secret",
    }
}

fn state_name(state: &str) -> &'static str {
    match state {
        "revoked" => "key_revoked",
        "expired" => "key_expired",
        "waiting" => "key_waiting",
        _ => "key_good",
    }
}

#[derive(Serialize)]
struct NewKeyPage<'a> {
    kind: String,
    key: &'a str,
    back: String,
}

/// Makes a key: its text is on this answer and nowhere else.
pub(super) async fn make(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let kind = trimmed(&mut fields, "kind");
    let (label, days) = (trimmed(&mut fields, "label"), trimmed(&mut fields, "days"));
    let mut errors = KeyErrors::default();
    if label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
        errors.label = Some(administrator.say("house", "bad_label"));
    }
    let life = if days.is_empty() {
        None
    } else {
        let parsed: Option<i64> = days.parse().ok().filter(|days| (1..=KEY_DAYS_MAX).contains(days));
        if parsed.is_none() {
            errors.days = Some(administrator.say("house", "bad_days"));
        }
        parsed
    };
    if errors.label.is_some() || errors.days.is_some() {
        let typed = Typed {
            label,
            days,
            origins: None,
        };
        return Ok(keys_page(
            site,
            &administrator,
            StatusCode::BAD_REQUEST,
            typed,
            errors,
        ));
    }
    let kind = key_kind(&kind).unwrap_or(ApiKeyKind::Publishable);
    let expires = life.map(|days| site.desk.now() + Span::days(days));
    let made = site
        .desk
        .create_api_key(kind, label, expires, administrator.by())
        .await;
    let made = match made {
        Ok(made) => made,
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    let page = NewKeyPage {
        kind: administrator.say("house", kind_name(kind)),
        key: made.text.expose_secret(),
        back: administrator.viewer().href(KEYS),
    };
    let title = administrator.say("house", "new_key_title");
    Ok(administrator.page(StatusCode::OK, "console/key_new.html", &title, page))
}

/// Ends a key.
pub(super) async fn revoke(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let id = key_of(&administrator, &mut fields)?;
    let revoked = site.desk.revoke_api_key(id, administrator.by()).await;
    Ok(after(&administrator, revoked))
}

/// Lets a key be used again that waits since an epoch began in distrust.
pub(super) async fn confirm(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let id = key_of(&administrator, &mut fields)?;
    let confirmed = site.desk.confirm_api_key(id, administrator.by()).await;
    Ok(after(&administrator, confirmed))
}

/// Names the web pages that may call with a key, a line each; these take the place of those before.
pub(super) async fn name_origins(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let id = key_of(&administrator, &mut fields)?;
    let text = trimmed(&mut fields, "origins");
    let read: Result<Vec<_>, _> = text.split_whitespace().map(WebOrigin::parse).collect();
    let Ok(origins) = read.and_then(WebOrigins::new) else {
        let typed = Typed {
            origins: Some((id, text)),
            ..Typed::default()
        };
        let errors = KeyErrors {
            origins: Some(administrator.say("house", "bad_origins")),
            ..KeyErrors::default()
        };
        return Ok(keys_page(
            site,
            &administrator,
            StatusCode::BAD_REQUEST,
            typed,
            errors,
        ));
    };
    let named = site
        .desk
        .name_api_key_origins(id, origins, administrator.by())
        .await;
    Ok(after(&administrator, named))
}

/// The key that a form is about.
fn key_of(administrator: &Administrator<'_>, fields: &mut Fields) -> Result<ApiKeyId, Box<Response>> {
    let id = trimmed(fields, "key").parse();
    id.map_err(|_| administrator.unknown())
}

/// Back to the list after a change, or what is in its way.
fn after(administrator: &Administrator<'_>, changed: Result<(), Fault>) -> Response {
    match changed {
        Ok(()) => administrator.lead_to(KEYS, "updated"),
        Err(fault) => administrator.trouble(&fault),
    }
}
