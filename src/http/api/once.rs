//! Calls that have an effect once, however often their client sends them.

use std::future::Future;
use std::sync::Arc;

use super::gate::Principal;
use crate::desk::{ApiCaller, Caller};
use crate::http::idempotency::{Begun, IDEMPOTENCY_KEY, Said, Ticket, is_kept, read_key};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Method, Request, Response};
use crate::types::Span;

/// Carries a call out, unless it repeats an earlier one with the same `Idempotency-Key`.
pub(super) async fn once(
    site: &Arc<Site>,
    request: &Arc<Request>,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let ticket = match begin(site, request) {
        Ok(None) => return work.await,
        Ok(Some(Begun::First(ticket))) => ticket,
        Ok(Some(Begun::Answered(response))) => return response,
        Err(error) => return error.reply(&request.voice),
    };
    // By itself, so that it ends although its client is gone: that is when clients send it again.
    match tokio::spawn(finish(ticket, work)).await {
        Ok(response) => response,
        // The panic hook has told.
        Err(_) => ApiError::new(Code::Internal).reply(&request.voice),
    }
}

async fn finish(ticket: Ticket, work: impl Future<Output = Response>) -> Response {
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
