//! Calls that have an effect once, however often their client sends them.

use std::future::ready;
use std::sync::Arc;

use super::gate::Principal;
use crate::desk::{ApiCaller, Caller};
use crate::http::idempotency::{Begun, IDEMPOTENCY_KEY, Said, Ticket, is_kept, read_key};
use crate::http::site::Site;
use crate::http::{Answer, ApiError, Code, Head, Method, Request, Response};
use crate::types::Span;

/// What becomes of a call.
pub(super) enum Turn {
    /// It is carried out.
    Free,
    /// It is carried out, and its answer kept for those that repeat it.
    First(Ticket, Arc<Head>),
    /// It has been answered before, or cannot be carried out.
    Answered(Response),
}

impl Turn {
    /// Looks whether a call repeats an earlier one with the same `Idempotency-Key`.
    pub(super) fn of(site: &Site, request: &Request) -> Self {
        match begin(site, request) {
            Ok(None) => Self::Free,
            Ok(Some(Begun::First(ticket))) => Self::First(ticket, Arc::clone(&request.head)),
            Ok(Some(Begun::Answered(response))) => Self::Answered(response),
            Err(error) => Self::Answered(error.reply(&request.voice)),
        }
    }

    /// Carries it out, if it is to be.
    pub(super) fn take(self, work: Answer) -> Answer {
        match self {
            Self::Free => work,
            // By itself, so that it ends although its client is gone: that is when clients send it again.
            Self::First(ticket, head) => Box::pin(async move {
                let finished = tokio::spawn(finish(ticket, work)).await;
                // The panic hook has told.
                finished.unwrap_or_else(|_| ApiError::new(Code::Internal).reply(&head.voice))
            }),
            Self::Answered(response) => Box::pin(ready(response)),
        }
    }
}

async fn finish(ticket: Ticket, work: Answer) -> Response {
    let response = work.await;
    ticket.answered(&response);
    response
}

fn begin(site: &Site, request: &Request) -> Result<Option<Begun>, ApiError> {
    let mut keys = request.headers.get_all(&IDEMPOTENCY_KEY).iter();
    let may_repeat = request.method == Method::POST && is_kept(&request.path);
    let Some(key) = keys.next().filter(|_| may_repeat) else {
        return Ok(None);
    };
    if keys.next().is_some() {
        return Err(ApiError::invalid("Idempotency-Key", "not-exactly-one"));
    }
    let target = format!("{}?{}", request.path, request.query);
    let now = site.desk.engine().clock().monotonic();
    let now = Span(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let begin = |caller: &[&[u8]]| {
        let said = Said {
            caller,
            target: &target,
            key: read_key(key)?,
            body: request.body(),
        };
        site.idempotency.begin(&said, now).map(Some)
    };
    // Whoever proved who they are is told apart by that, and everybody else by their network, too.
    if let Some(caller) = request.found::<Caller>() {
        return begin(&[b"session", &caller.session.0]);
    }
    match request.found::<Principal>() {
        Some(Principal::Person(caller)) => return begin(&[b"user", &caller.user.0]),
        Some(Principal::Key(key)) => return begin(&[b"key", &key.0]),
        None => {}
    }
    let key = request
        .found::<ApiCaller>()
        .map_or([0; 16], |client| client.key.0);
    begin(&[b"network", &key, &request.client.net.to_bytes()])
}
