//! Evidence for administrators and auditors: events, the signed checkpoint, proofs, and the whole log as an export.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::past::not_resumed;
use super::shapes::as_text;
use crate::audit::{AuditFault, Notary, Range, Signed};
use crate::desk::{Cursor, EventFilter, EventTold};
use crate::domain::Recorded;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Fields, HeaderValue, Request, Response, StatusCode, header};
use crate::ledger::StoreError;
use crate::types::{Position, Timestamp, UserId};

/// Events of an answer, unless asked otherwise.
const LIMIT: i64 = 100;
/// Events of an answer, at most.
const LIMIT_MAX: i64 = 1_000;
/// Bytes of one part of a streamed export, about.
const PART: usize = 64 << 10;
/// Parts that wait for a slow client.
const PARTS_WAITING: usize = 8;

/// An id as its text.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown<T: std::fmt::Display>(#[serde(serialize_with = "as_text")] T);

#[derive(Serialize)]
struct Events {
    items: Vec<EventTold>,
    /// What `after` is next, while there may be more.
    next: Option<Shown<Cursor>>,
}

/// Lists events, oldest first.
pub(super) async fn events(site: &Site, request: &Request) -> Result<Response, ApiError> {
    list_events(site, request, None).await
}

/// Reads from a query which events are asked for, and behind which cursor.
pub(super) fn asked_for(query: &mut Fields) -> (EventFilter, Option<Cursor>) {
    let after = query.optional_text("after");
    let user = query.optional_text("user");
    let name = query.optional_text("type");
    let ip = query.optional_text("ip");
    let address: Option<IpAddr> = ip.as_deref().and_then(|text| text.parse().ok());
    if ip.is_some() && address.is_none() {
        query.fault("ip", "not-an-address");
    }
    let (from, to) = (query.optional_text("from"), query.optional_text("to"));
    let user_id: Option<UserId> = user.as_deref().and_then(|text| text.parse().ok());
    if user.is_some() && user_id.is_none() {
        query.fault("user", "not-an-id");
    }
    let cursor: Option<Cursor> = after.as_deref().and_then(|text| text.parse().ok());
    if after.is_some() && cursor.is_none() {
        query.fault("after", "not-a-cursor");
    }
    let mut time = |name: &'static str, text: Option<String>| {
        let at = text.as_deref().and_then(Timestamp::parse_rfc3339);
        if text.is_some() && at.is_none() {
            query.fault(name, "not-a-time");
        }
        at
    };
    let (since, until) = (time("from", from), time("to", to));
    let filter = EventFilter {
        user: user_id,
        name,
        ip: address,
        since,
        until,
        after: None,
        limit: None,
    };
    (filter, cursor)
}

/// The same, of one user where the path says which.
pub(super) async fn list_events(
    site: &Site,
    request: &Request,
    of: Option<UserId>,
) -> Result<Response, ApiError> {
    let mut query = request.query_fields()?;
    let limit = query.optional_whole("limit", &(1..=LIMIT_MAX)).unwrap_or(LIMIT);
    let (filter, cursor) = asked_for(&mut query);
    query.finish()?;
    let filter = EventFilter {
        user: of.or(filter.user),
        limit: usize::try_from(limit).ok(),
        ..filter
    };
    let (desk, locale) = (site.desk.clone(), request.voice.locale);
    let told = spawn_blocking(move || {
        let after = cursor.map(|cursor| desk.resume(cursor)).transpose()?;
        let (found, next) = desk.events_page(&EventFilter { after, ..filter })?;
        let shown = |recorded: &Recorded| {
            let cursor = desk.cursor(recorded.position)?;
            Ok(EventTold::new(cursor, desk.describe(recorded, locale)))
        };
        let items: Result<_, StoreError> = found.iter().map(shown).collect();
        let next = next.map(|next| desk.cursor(next)).transpose()?.map(Shown);
        Ok(Events { items: items?, next })
    });
    let events = told.await.map_err(|_| Code::Internal)?;
    Ok(request
        .voice
        .ok(&events.map_err(|fault| not_resumed("after", &fault))?))
}

/// The signed checkpoint: text, for other programs too.
pub(in crate::http) async fn checkpoint(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut query = request.query_fields()?;
    let is_cosigned = query.optional_flag("cosigned").unwrap_or(false);
    query.finish()?;
    let signed = if is_cosigned {
        site.notary.cosigned().await.map_err(|fault| failed(&fault))?
    } else {
        signed(site).await?
    };
    Ok(Response::text(StatusCode::OK, signed.note.clone()))
}

/// The proof that one record stands at its place.
pub(in crate::http) async fn proof(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let position = request.param("position").parse().map(Position);
    let position = position.map_err(|_| ApiError::invalid("position", "not-a-position"))?;
    let (signed, notary) = (signed(site).await?, Arc::clone(&site.notary));
    let made = spawn_blocking(move || notary.proof(&signed, position)).await;
    let proof = made
        .map_err(|_| Code::Internal)?
        .map_err(|fault| failed(&fault))?;
    Ok(Response::text(StatusCode::OK, proof.text()))
}

/// The log as one tar file, streamed; one client at a time.
pub(in crate::http) async fn export(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut query = request.query_fields()?;
    let mut position = |name| {
        let whole = query.optional_whole(name, &(0..=i64::MAX));
        whole.and_then(|n| u64::try_from(n).ok()).map(Position)
    };
    let (from, to) = (position("from"), position("to"));
    query.finish()?;
    let signed = site.notary.witnessed().await.map_err(|fault| failed(&fault))?;
    let range = Range::covering(from, to, signed.checkpoint.size)
        .ok_or_else(|| ApiError::invalid("from", "beyond-the-end"))?;
    let pass = site.notary.try_export_pass().ok_or(Code::Overloaded)?;
    let (parts, receiver) = mpsc::channel(PARTS_WAITING);
    let notary = Arc::clone(&site.notary);
    // Ends by itself: when it is done, or when the client is gone and nobody takes the parts.
    drop(spawn_blocking(move || {
        let _pass = pass;
        stream(&notary, &signed, range, parts);
    }));
    let response = Response::stream(StatusCode::OK, "application/x-tar", receiver);
    let disposition = HeaderValue::from_static("attachment; filename=\"keyledger-audit.tar\"");
    Ok(response.with(header::CONTENT_DISPOSITION, disposition))
}

fn stream(notary: &Notary, signed: &Signed, range: Range, parts: mpsc::Sender<Bytes>) {
    let out = io::BufWriter::with_capacity(PART, Parts(parts));
    if let Err(fault) = notary.export(signed, range, out, &mut |_| {}) {
        // The client sees a file that is cut short, which no check believes.
        tracing::warn!(%fault, "an export was not finished");
    }
}

struct Parts(mpsc::Sender<Bytes>);

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Bytes::copy_from_slice(bytes))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn signed(site: &Site) -> Result<Arc<Signed>, ApiError> {
    site.notary.checkpoint().await.map_err(|fault| failed(&fault))
}

fn failed(fault: &AuditFault) -> ApiError {
    match fault {
        AuditFault::NoSuchPosition { .. } => Code::NotFound.into(),
        AuditFault::Ledger(_) => Code::Overloaded.into(),
        AuditFault::Witness(fault) => {
            tracing::warn!(%fault, "a checkpoint could not be cosigned");
            Code::Overloaded.into()
        }
        AuditFault::KeyLost
        | AuditFault::Keys(_)
        | AuditFault::Tiles(_)
        | AuditFault::Store(_)
        | AuditFault::Export(_)
        | AuditFault::NotTheSame => {
            tracing::error!(%fault, "there is no evidence");
            Code::Internal.into()
        }
    }
}
