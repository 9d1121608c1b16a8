//! Receivers of chosen events: all of them, each with its form, and what it did not get.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::task::spawn_blocking;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::people::trimmed;
use super::shown::{At, link};
use crate::desk::{DeadLetter, Desk, Sent, WebhookFault, WebhookText, WebhookView, WebhookWrong};
use crate::domain::Refusal;
use crate::http::Code;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::{Position, WebhookEvents, WebhookId};

const LIST: &str = "/admin/system/webhooks";
const SECTION: &str = "webhooks";

#[derive(Serialize)]
struct ListPage {
    rows: Vec<Row>,
    typed: Typed,
    words: Vec<&'static str>,
}

#[derive(Serialize)]
struct Row {
    href: String,
    name: String,
    host: String,
    events: String,
    enabled: bool,
    fails: bool,
    dead: usize,
}

/// What stands in the form, and what is wrong with it.
#[derive(Serialize, Default)]
struct Typed {
    name: String,
    url: String,
    /// A word a line.
    events: String,
    enabled: bool,
    name_error: Option<String>,
    url_error: Option<String>,
    events_error: Option<String>,
}

impl Typed {
    fn of(text: &WebhookText) -> Self {
        Self {
            name: text.name.clone(),
            url: text.url.clone(),
            events: text.events.join("\n"),
            enabled: text.enabled,
            ..Self::default()
        }
    }

    fn with(mut self, administrator: &Administrator<'_>, wrong: &[WebhookWrong]) -> Self {
        for wrong in wrong {
            let (place, sentence) = match (wrong.field, wrong.reason) {
                ("name", _) => (&mut self.name_error, "bad_name"),
                ("url", "not-https") => (&mut self.url_error, "not_https"),
                ("url", _) => (&mut self.url_error, "bad_url"),
                (_, "required") => (&mut self.events_error, "no_events"),
                (_, "too-many") => (&mut self.events_error, "many_events"),
                (_, _) => (&mut self.events_error, "bad_event"),
            };
            *place = Some(administrator.say(SECTION, sentence));
        }
        self
    }
}

/// What a form says.
fn typed_in(
    administrator: &Administrator<'_>,
    request: &Request,
) -> Result<(WebhookText, String), Box<Response>> {
    let mut fields = administrator.fields(request)?;
    let text = WebhookText {
        name: trimmed(&mut fields, "name"),
        url: trimmed(&mut fields, "url"),
        events: trimmed(&mut fields, "events")
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        enabled: !trimmed(&mut fields, "enabled").is_empty(),
    };
    Ok((text, trimmed(&mut fields, "version")))
}

/// Lists all receivers, and a form for another.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let typed = Typed {
        enabled: true,
        ..Typed::default()
    };
    Ok(list_page(site, &administrator, StatusCode::OK, typed))
}

fn list_page(site: &Site, administrator: &Administrator<'_>, status: StatusCode, typed: Typed) -> Response {
    let viewer = administrator.viewer();
    let row = |view: WebhookView| {
        let words: Vec<&str> = view.form.events.iter().collect();
        Row {
            href: link(viewer, &path_of(view.id), &[]),
            host: view.form.url.origin().to_string(),
            events: if words == [WebhookEvents::ALL] {
                administrator.say(SECTION, "all")
            } else {
                words.join(", ")
            },
            enabled: view.form.enabled,
            fails: view.standing.attempts > 0,
            dead: view.dead.len(),
            name: view.form.name.to_string(),
        }
    };
    let page = ListPage {
        rows: site.desk.webhooks().into_iter().map(row).collect(),
        typed,
        words: Desk::webhook_words().collect(),
    };
    let title = administrator.say(SECTION, "title");
    administrator.page(status, "console/webhooks.html", &title, page)
}

#[derive(Serialize)]
struct SecretPage<'a> {
    secret: &'a str,
    back: String,
}

fn secret_page(administrator: &Administrator<'_>, id: WebhookId, secret: &secrecy::SecretString) -> Response {
    let page = SecretPage {
        secret: secret.expose_secret(),
        back: administrator.viewer().href(&path_of(id)),
    };
    let title = administrator.say(SECTION, "secret_title");
    administrator.page(StatusCode::OK, "console/webhook_secret.html", &title, page)
}

/// Makes a receiver: its secret is on this answer and nowhere else.
pub(super) async fn make(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, LIST).await?;
    let (text, _) = typed_in(&administrator, request)?;
    match site.desk.create_webhook(&text, administrator.by()).await {
        Ok((id, secret)) => Ok(secret_page(&administrator, id, &secret)),
        Err(WebhookFault::Wrong(wrong)) => {
            let typed = Typed::of(&text).with(&administrator, &wrong);
            Ok(list_page(site, &administrator, StatusCode::BAD_REQUEST, typed))
        }
        Err(WebhookFault::Desk(crate::desk::Fault::Refused(Refusal::TooManyWebhooks))) => {
            let sentence = administrator.say(SECTION, "too_many");
            Ok(administrator.cannot(StatusCode::CONFLICT, &sentence))
        }
        Err(WebhookFault::Desk(fault)) => Ok(administrator.trouble(&fault)),
    }
}

#[derive(Serialize)]
struct OnePage {
    path: String,
    back: String,
    version: u64,
    typed: Typed,
    changed: bool,
    /// How a try that was just made went.
    tried: Option<Tried>,
    created: At,
    behind: u64,
    last: Option<At>,
    status: Option<u16>,
    attempts: u16,
    next: Option<At>,
    old_secret_until: Option<At>,
    letters: Vec<Letter>,
    words: Vec<&'static str>,
}

#[derive(Serialize)]
struct Tried {
    delivered: bool,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Letter {
    position: u64,
    href: String,
    name: &'static str,
    time: At,
}

impl From<Sent> for Tried {
    fn from(sent: Sent) -> Self {
        Self {
            delivered: matches!(sent, Sent::Taken(_)),
            trouble: sent.trouble(),
        }
    }
}

/// What a page shows besides the receiver.
#[derive(Default)]
struct Besides {
    typed: Option<Typed>,
    changed: bool,
    tried: Option<Tried>,
}

/// Shows a receiver, how deliveries go, and its form.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let view = known(site, request, &administrator)?;
    one_page(site, &administrator, StatusCode::OK, view, Besides::default()).await
}

async fn one_page(
    site: &Site,
    administrator: &Administrator<'_>,
    status: StatusCode,
    view: WebhookView,
    besides: Besides,
) -> Outcome {
    let desk = site.desk.clone();
    let read = spawn_blocking(move || desk.dead_letters(&view).map(|letters| (view, letters))).await;
    let Ok(Ok((view, letters))) = read else {
        tracing::error!("the dead letters of a webhook could not be read");
        return Ok(administrator.viewer().trouble(&Code::Internal.into()));
    };
    let viewer = administrator.viewer();
    let at = |at| At::new(viewer, at);
    let letter = |letter: &DeadLetter| Letter {
        position: letter.event.0,
        href: link(viewer, &format!("/admin/events/{}", letter.event), &[]),
        name: letter.name,
        time: at(letter.time),
    };
    let standing = view.standing;
    let page = OnePage {
        path: path_of(view.id),
        back: viewer.href(LIST),
        version: view.version.0,
        typed: besides
            .typed
            .unwrap_or_else(|| Typed::of(&WebhookText::from(&view.form))),
        changed: besides.changed,
        tried: besides.tried,
        created: at(view.created),
        behind: view.behind,
        last: standing.tried.map(at),
        status: standing.status,
        attempts: standing.attempts,
        next: standing.next.map(at),
        old_secret_until: view.old_secret_until.map(at),
        letters: letters.iter().map(letter).collect(),
        words: Desk::webhook_words().collect(),
    };
    let title = view.form.name.to_string();
    Ok(administrator.page(status, "console/webhook.html", &title, page))
}

/// Changes a receiver, unless somebody else did meanwhile.
pub(super) async fn update(site: &Site, request: &Request) -> Outcome {
    let administrator = freshly(site, request).await?;
    let view = known(site, request, &administrator)?;
    let (text, version) = typed_in(&administrator, request)?;
    let against = version.parse().ok().map(Position);
    let changed = site
        .desk
        .change_webhook(view.id, &text, against, administrator.by())
        .await;
    match changed {
        Ok(()) => Ok(administrator.lead_to(&path_of(view.id), "updated")),
        Err(WebhookFault::Wrong(wrong)) => {
            let besides = Besides {
                typed: Some(Typed::of(&text).with(&administrator, &wrong)),
                ..Besides::default()
            };
            one_page(site, &administrator, StatusCode::BAD_REQUEST, view, besides).await
        }
        Err(WebhookFault::Desk(crate::desk::Fault::Refused(Refusal::Changed))) => {
            let besides = Besides {
                changed: true,
                ..Besides::default()
            };
            let now = known(site, request, &administrator)?;
            one_page(
                site,
                &administrator,
                StatusCode::PRECONDITION_FAILED,
                now,
                besides,
            )
            .await
        }
        Err(WebhookFault::Desk(fault)) => Ok(administrator.trouble(&fault)),
    }
}

/// Sends a receiver a message that says nothing, and tells how that went.
pub(super) async fn test(site: &Site, request: &Request) -> Outcome {
    let administrator = freshly(site, request).await?;
    // What it carries is looked at, although it names nothing: a form from elsewhere does nothing (S-09).
    let _ = administrator.fields(request)?;
    let id = known(site, request, &administrator)?.id;
    let sent = site.desk.try_webhook(id).await;
    tried(site, request, &administrator, sent).await
}

/// Sends a receiver an event again that was given up, and tells how that went.
pub(super) async fn redeliver(site: &Site, request: &Request) -> Outcome {
    let administrator = freshly(site, request).await?;
    let mut fields = administrator.fields(request)?;
    let id = known(site, request, &administrator)?.id;
    let Ok(event) = trimmed(&mut fields, "position").parse().map(Position) else {
        return Err(administrator.unknown());
    };
    let sent = site.desk.redeliver(id, event, administrator.by()).await;
    tried(site, request, &administrator, sent).await
}

async fn tried(
    site: &Site,
    request: &Request,
    administrator: &Administrator<'_>,
    sent: Result<Sent, crate::desk::Fault>,
) -> Outcome {
    let sent = match sent {
        Ok(sent) => sent,
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    let besides = Besides {
        tried: Some(sent.into()),
        ..Besides::default()
    };
    let view = known(site, request, administrator)?;
    one_page(site, administrator, StatusCode::OK, view, besides).await
}

/// Has another secret sign, which is on this answer and nowhere else.
pub(super) async fn rotate_secret(site: &Site, request: &Request) -> Outcome {
    let administrator = freshly(site, request).await?;
    // What it carries is looked at, although it names nothing: a form from elsewhere does nothing (S-09).
    let _ = administrator.fields(request)?;
    let id = known(site, request, &administrator)?.id;
    let rotated = site
        .desk
        .rotate_webhook_secret(id, None, administrator.by())
        .await;
    Ok(match rotated {
        Ok(secret) => secret_page(&administrator, id, &secret),
        Err(fault) => administrator.trouble(&fault),
    })
}

/// Removes a receiver.
pub(super) async fn remove(site: &Site, request: &Request) -> Outcome {
    let administrator = freshly(site, request).await?;
    // What it carries is looked at, although it names nothing: a form from elsewhere does nothing (S-09).
    let _ = administrator.fields(request)?;
    let id = known(site, request, &administrator)?.id;
    let removed = site.desk.remove_webhook(id, None, administrator.by()).await;
    Ok(match removed {
        Ok(()) => administrator.lead_to(LIST, "deleted"),
        Err(fault) => administrator.trouble(&fault),
    })
}

/// Who came to do something about a receiver, and signed in just now; they come back to its page.
async fn freshly<'a>(site: &'a Site, request: &'a Request) -> Result<Administrator<'a>, Box<Response>> {
    let id: Option<WebhookId> = request.param("id").parse().ok();
    let path = id.map_or_else(|| LIST.to_owned(), path_of);
    Administrator::fresh(site, request, &path).await
}

fn path_of(id: WebhookId) -> String {
    format!("{LIST}/{id}")
}

/// The receiver that a path names.
fn known(
    site: &Site,
    request: &Request,
    administrator: &Administrator<'_>,
) -> Result<WebhookView, Box<Response>> {
    let id: Option<WebhookId> = request.param("id").parse().ok();
    let view = id.and_then(|id| site.desk.webhook(id));
    view.ok_or_else(|| administrator.unknown())
}
