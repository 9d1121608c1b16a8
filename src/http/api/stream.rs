//! Events as they happen, as server-sent events (WHATWG HTML §9.2): resumed behind `Last-Event-ID`, bounded in number, and
//! ended with the session or key that asked.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::audit::asked_for;
use super::gate::{Principal, principal_of};
use super::past::not_resumed;
use crate::desk::{Caller, Cursor, Desk, EventFilter, EventTold, Following};
use crate::domain::{Recorded, Role, live_session};
use crate::http::site::Site;
use crate::http::{ApiError, Code, HeaderName, HeaderValue, Request, Response, StatusCode};
use crate::ledger::StoreError;
use crate::types::{Locale, Span};

/// Those who may follow at one time.
pub(in crate::http) const FOLLOWERS_MAX: usize = 32;
/// What one more is told to wait.
const FULL_WAIT: Span = Span::seconds(30);
/// Batches that wait for a slow client.
const BATCHES_WAITING: usize = 4;
/// After so much silence something is said, so that proxies keep the connection, and so that whoever may not hear any more
/// is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Milliseconds after which a client that was cut off comes again.
const RETRY: &str = "retry: 3000\n\n";

/// Streams the events that the query asks for: behind `Last-Event-ID` or `after`, or from now on.
pub(super) async fn events(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let principal = principal_of(request)?;
    let mut query = request.query_fields()?;
    let (filter, after) = asked_for(&mut query);
    query.finish()?;
    let after = resumed(request)?.or(after);
    stream(site, principal, filter, after, request.voice.locale).await
}

/// The same for whoever sits at the console.
pub(in crate::http) async fn to_browser(
    site: &Site,
    request: &Request,
    caller: Caller,
    locale: Locale,
) -> Result<Response, ApiError> {
    let after = resumed(request)?;
    let principal = Principal::Person(caller);
    stream(site, principal, EventFilter::default(), after, locale).await
}

/// Behind which event a client that was cut off goes on.
fn resumed(request: &Request) -> Result<Option<Cursor>, ApiError> {
    let named = request.header(HeaderName::from_static("last-event-id"));
    let cursor = named.map(str::parse::<Cursor>).transpose();
    cursor.map_err(|_| ApiError::invalid("Last-Event-ID", "not-a-cursor"))
}

/// Whether somebody may hear of what happens at this moment.
fn may_hear(principal: Principal, desk: &Desk) -> bool {
    match principal {
        Principal::Key(key) => desk.is_api_key_good(key),
        Principal::Person(caller) => {
            let now = desk.now();
            desk.engine().read(|state| {
                live_session(state, caller.user, caller.session, now)
                    .is_ok_and(|(user, _)| user.role == Role::Admin)
            })
        }
    }
}

/// Streams events to somebody who may hear them.
async fn stream(
    site: &Site,
    principal: Principal,
    filter: EventFilter,
    after: Option<Cursor>,
    locale: Locale,
) -> Result<Response, ApiError> {
    let place = std::sync::Arc::clone(&site.followers).try_acquire_owned();
    let place = place.map_err(|_| ApiError::new(Code::Overloaded).with_retry(FULL_WAIT, None))?;
    let behind = match after {
        Some(cursor) => {
            let desk = site.desk.clone();
            let resumed = spawn_blocking(move || desk.resume(cursor)).await;
            let resumed = resumed.map_err(|_| Code::Internal)?;
            Some(resumed.map_err(|fault| not_resumed("after", &fault))?)
        }
        None => None,
    };
    let (batches, receiver) = mpsc::channel(BATCHES_WAITING);
    let telling = Telling {
        following: site.desk.follow(filter, behind),
        desk: site.desk.clone(),
        principal,
        locale,
        batches,
        _place: place,
    };
    let mut stopping = site.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = telling.tell() => {}
            // Nothing is ever sent on it: it is dropped when the server stops.
            _ = stopping.changed() => {}
        }
    });
    let response = Response::stream(StatusCode::OK, "text/event-stream", receiver);
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    Ok(response.with(unbuffered, HeaderValue::from_static("no")))
}

struct Telling {
    following: Following,
    desk: Desk,
    principal: Principal,
    locale: Locale,
    batches: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Telling {
    async fn tell(mut self) {
        let mut text = RETRY.to_owned();
        loop {
            let said = tokio::select! {
                said = self.batches.send(Bytes::from(std::mem::take(&mut text))) => said,
                // The client is gone.
                () = self.batches.closed() => return,
            };
            if said.is_err() {
                return;
            }
            text = match timeout(HEARTBEAT, self.following.next()).await {
                Ok(Ok(Some(found))) => match self.words(found).await {
                    Some(words) => words,
                    None => return,
                },
                Err(_) => ": still here\n\n".to_owned(),
                Ok(Ok(None)) => return,
                Ok(Err(error)) => {
                    tracing::error!(%error, "the events could not be read for who follows them");
                    return;
                }
            };
            if !may_hear(self.principal, &self.desk) {
                return;
            }
        }
    }

    async fn words(&self, found: Vec<Recorded>) -> Option<String> {
        let (desk, locale) = (self.desk.clone(), self.locale);
        let told = spawn_blocking(move || {
            let mut text = String::new();
            for recorded in &found {
                let cursor = desk.cursor(recorded.position)?;
                let shown = EventTold::new(cursor, desk.describe(recorded, locale));
                let json = serde_json::to_string(&shown).unwrap_or_default();
                // Without a name of their own, so that a browser's `onmessage` hears them all; the data has the type.
                let _ = write!(text, "id: {cursor}\ndata: {json}\n\n");
            }
            Ok::<_, StoreError>(text)
        });
        match told.await {
            Ok(Ok(text)) => Some(text),
            Ok(Err(error)) => {
                tracing::error!(%error, "the events could not be told to who follows them");
                None
            }
            Err(_) => None,
        }
    }
}
