//! Receivers of chosen events for administrators: made, shown, changed, tried, and what they did not get.

use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::forms::refused;
use super::gate::administrator;
use super::shapes::{Done, as_text, as_time, as_time_or_null, if_match};
use crate::desk::{DeadLetter, Sent, WebhookFault, WebhookText, WebhookView};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, HeaderValue, Request, Response, StatusCode, header};
use crate::types::{Position, Timestamp, WebhookId};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookShown {
    #[serde(serialize_with = "as_text")]
    id: WebhookId,
    name: String,
    url: String,
    events: Vec<String>,
    enabled: bool,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
    version: u64,
    /// Until when the secret before this one signs too.
    #[serde(serialize_with = "as_time_or_null")]
    old_secret_until: Option<Timestamp>,
    /// What signs; only in the answer to whoever made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WebhookShown {
    fn new(view: &WebhookView, secret: Option<String>) -> Self {
        let WebhookText {
            name,
            url,
            events,
            enabled,
        } = WebhookText::from(&view.form);
        Self {
            id: view.id,
            name,
            url,
            events,
            enabled,
            created_at: view.created,
            version: view.version.0,
            old_secret_until: view.old_secret_until,
            secret,
        }
    }
}

#[derive(Serialize)]
struct Webhooks {
    items: Vec<WebhookShown>,
}

/// Lists all of them, oldest first.
pub(super) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
    request.query_fields()?.finish_strict()?;
    let views = site.desk.webhooks();
    let items = views.iter().map(|view| WebhookShown::new(view, None)).collect();
    Ok(request.voice.ok(&Webhooks { items }))
}

/// Makes one. Its secret is in this answer and nowhere else.
pub(super) async fn make(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let mut body = request.json()?;
    let text = WebhookText {
        name: body.text("name"),
        url: body.text("url"),
        events: body.texts("events"),
        enabled: body.optional_flag("enabled").unwrap_or(true),
    };
    body.finish_strict()?;
    let made = site.desk.create_webhook(&text, by).await;
    let (id, secret) = made.map_err(wrong(request))?;
    let secret = Some(secret.expose_secret().to_owned());
    shown(site, request, StatusCode::CREATED, id, secret)
}

/// Shows one.
pub(super) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
    shown(site, request, StatusCode::OK, id(request)?, None)
}

/// Changes some fields of one.
pub(super) async fn change(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, version, id) = (administrator(request)?, version(request)?, id(request)?);
    let view = site.desk.webhook(id).ok_or(Code::NotFound)?;
    let now = WebhookText::from(&view.form);
    let mut body = request.json()?;
    let text = WebhookText {
        name: body.optional_text("name").unwrap_or(now.name),
        url: body.optional_text("url").unwrap_or(now.url),
        events: body.optional_texts("events").unwrap_or(now.events),
        enabled: body.optional_flag("enabled").unwrap_or(now.enabled),
    };
    body.finish_strict()?;
    // Fields that were not named are those that were looked at just now.
    let against = version.or(Some(view.version));
    let changed = site.desk.change_webhook(id, &text, against, by).await;
    changed.map_err(wrong(request))?;
    shown(site, request, StatusCode::OK, id, None)
}

/// Removes one.
pub(super) async fn remove(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, version, id) = (administrator(request)?, version(request)?, id(request)?);
    let removed = site.desk.remove_webhook(id, version, by).await;
    removed.map_err(refused(request))?;
    let message = "The webhook gets nothing any more.";
    Ok(request.voice.ok(&Done { message }))
}

/// Has another secret sign; the one before signs beside it for a day.
pub(super) async fn rotate_secret(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, id(request)?);
    let rotated = site.desk.rotate_webhook_secret(id, version(request)?, by).await;
    let secret = rotated.map_err(refused(request))?;
    let secret = Some(secret.expose_secret().to_owned());
    shown(site, request, StatusCode::OK, id, secret)
}

#[derive(Serialize)]
struct SentShown {
    delivered: bool,
    status: Option<u16>,
    trouble: Option<String>,
}

impl From<Sent> for SentShown {
    fn from(sent: Sent) -> Self {
        Self {
            delivered: matches!(sent, Sent::Taken(_)),
            status: sent.status(),
            trouble: sent.trouble(),
        }
    }
}

/// Sends one a message that says nothing. That it fails is an answer, not an error.
pub(super) async fn test(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    let sent = site.desk.try_webhook(id(request)?).await;
    let sent = sent.map_err(refused(request))?;
    Ok(request.voice.ok(&SentShown::from(sent)))
}

/// Sends one an event again that was given up.
pub(super) async fn redeliver(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, id(request)?);
    let mut body = request.json()?;
    let event = body.whole("position", &(0..=i64::MAX));
    body.finish_strict()?;
    let event = Position(u64::try_from(event).unwrap_or_default());
    let sent = site.desk.redeliver(id, event, by).await;
    let sent = sent.map_err(refused(request))?;
    Ok(request.voice.ok(&SentShown::from(sent)))
}

#[derive(Serialize)]
struct LetterShown {
    position: u64,
    #[serde(rename = "type")]
    name: &'static str,
    #[serde(serialize_with = "as_time")]
    time: Timestamp,
}

impl From<DeadLetter> for LetterShown {
    fn from(letter: DeadLetter) -> Self {
        Self {
            position: letter.event.0,
            name: letter.name,
            time: letter.time,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deliveries {
    /// Everything it chose before this position was delivered or given up, as far as the ledger knows.
    position: u64,
    /// Events since, chosen or not.
    behind: u64,
    #[serde(serialize_with = "as_time_or_null")]
    last_tried_at: Option<Timestamp>,
    last_status: Option<u16>,
    attempts: u16,
    #[serde(serialize_with = "as_time_or_null")]
    failing_since: Option<Timestamp>,
    #[serde(serialize_with = "as_time_or_null")]
    next_attempt_at: Option<Timestamp>,
    dead_letters: Vec<LetterShown>,
}

/// Shows how deliveries to one go, and what was given up.
pub(super) async fn deliveries(site: &Site, request: &Request) -> Result<Response, ApiError> {
    request.query_fields()?.finish_strict()?;
    let view = site.desk.webhook(id(request)?).ok_or(Code::NotFound)?;
    let desk = site.desk.clone();
    let read = spawn_blocking(move || desk.dead_letters(&view).map(|letters| (view, letters)));
    let (view, letters) = read.await.map_err(|_| Code::Internal)?.map_err(|error| {
        tracing::error!(%error, "the ledger could not be read");
        Code::Internal
    })?;
    let standing = view.standing;
    Ok(request.voice.ok(&Deliveries {
        position: view.cursor.0,
        behind: view.behind,
        last_tried_at: standing.tried,
        last_status: standing.status,
        attempts: standing.attempts,
        failing_since: standing.failing_since,
        next_attempt_at: standing.next,
        dead_letters: letters.into_iter().map(LetterShown::from).collect(),
    }))
}

fn id(request: &Request) -> Result<WebhookId, ApiError> {
    request.param("id").parse().map_err(|_| Code::NotFound.into())
}

/// The version that the caller has seen.
fn version(request: &Request) -> Result<Option<Position>, ApiError> {
    Ok(if_match(request)?.map(Position))
}

/// One as it is now, with its version as `ETag`.
fn shown(
    site: &Site,
    request: &Request,
    status: StatusCode,
    id: WebhookId,
    secret: Option<String>,
) -> Result<Response, ApiError> {
    let view = site.desk.webhook(id).ok_or(Code::NotFound)?;
    let response = request.voice.success(status, &WebhookShown::new(&view, secret));
    Ok(match HeaderValue::from_str(&format!("\"{}\"", view.version)) {
        Ok(tag) => response.with(header::ETAG, tag),
        Err(_) => response,
    })
}

/// Words what is wrong with fields.
fn wrong(request: &Request) -> impl Fn(WebhookFault) -> ApiError {
    let refused = refused(request);
    move |fault| match fault {
        WebhookFault::Desk(fault) => refused(fault),
        WebhookFault::Wrong(wrong) => {
            let detail = |wrong: crate::desk::WebhookWrong| {
                Detail::new(wrong.field, wrong.reason).with_message(wrong.remedy)
            };
            ApiError::new(Code::InvalidParameters).with_details(wrong.into_iter().map(detail).collect())
        }
    }
}
