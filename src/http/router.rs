//! From a warp request to a handler and back: one filter, one look-up, one place that words what goes wrong.
//!
//! The order of refusals: framing and `Host` → path (404) → method (405) → gate (keys, limits, sign-in) → body → handler.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::timeout;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::{Filter, Stream};

use super::client::{ClientAddr, NetList};
use super::codes::Code;
use super::reply::{ApiError, Envelope, add_common_headers};
use super::request::{Head, Request, voice_of};
use super::response::Response;
use super::routes::{Params, Place, Table};
use super::server::{Answering, Doubt, Peer};
use crate::types::Span;

/// What a handler returns.
pub type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Answers the requests of one route.
pub type Handler<S> = fn(Arc<S>, Request) -> Answer;

/// The contract's limit for a JSON body.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Bytes beyond a route's limit that are still read and thrown away, so that the client sees the refusal instead of a
/// connection reset while it is writing.
const DRAINED_BYTES_MAX: u64 = 256 * 1024;

/// One method of one path.
pub struct Route<S, A> {
    /// The method. GET answers HEAD too; OPTIONS is answered by the router.
    pub method: Method,
    /// The path, such as `/v1/auth/sessions/{id}`.
    pub pattern: &'static str,
    /// What the gate demands; the router does not look into it.
    pub access: A,
    /// Bytes of the body.
    pub body_bytes_max: usize,
    /// The handler.
    pub handler: Handler<S>,
}

impl<S, A> Route<S, A> {
    /// A route with the usual limit for its body.
    pub fn new(method: Method, pattern: &'static str, access: A, handler: Handler<S>) -> Self {
        Self {
            method,
            pattern,
            access,
            body_bytes_max: BODY_BYTES_MAX,
            handler,
        }
    }

    /// The same with another limit for its body (blueprints, templates).
    #[must_use]
    pub fn with_body_bytes_max(self, body_bytes_max: usize) -> Self {
        Self {
            body_bytes_max,
            ..self
        }
    }
}

/// Decides whether a request may go on, once its route is known and before its body is read.
pub type Gate<S, A> = fn(&Arc<S>, &A, &mut Request) -> Result<(), ApiError>;

/// Looks at every answer before it leaves, also at refusals: CORS, error pages for browsers. No access means no route.
pub type Finish<S, A> = fn(&Arc<S>, Option<&A>, &Head, &mut Response);

/// What happens around handlers.
pub struct Hooks<S, A> {
    /// Before the body is read.
    pub gate: Gate<S, A>,
    /// Before the answer leaves.
    pub finish: Finish<S, A>,
}

impl<S, A> Default for Hooks<S, A> {
    fn default() -> Self {
        Self {
            gate: |_, _, _| Ok(()),
            finish: |_, _, _, _| {},
        }
    }
}

/// What a router is told when it is made.
#[derive(Clone)]
pub struct RouterSettings {
    /// The wrapping of bodies (`/v1/admin` and `/v1/audit` are always bare).
    pub envelope: Envelope,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: NetList,
    /// From the first look at a body to its last byte.
    pub body_time_max: Span,
    /// How long a handler may take.
    pub handler_time_max: Span,
    /// Sixteen random bytes for a request id; they tell requests apart and protect nothing.
    pub entropy: Arc<dyn Fn() -> [u8; 16] + Send + Sync>,
}

impl RouterSettings {
    /// The defaults: hybrid envelope, no trusted proxy, 10 s for a body, 30 s for a handler.
    pub fn new(entropy: Arc<dyn Fn() -> [u8; 16] + Send + Sync>) -> Self {
        Self {
            envelope: Envelope::Hybrid,
            trusted_proxies: NetList::default(),
            body_time_max: Span::seconds(10),
            handler_time_max: Span::seconds(30),
            entropy,
        }
    }
}

impl fmt::Debug for RouterSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterSettings")
            .field("envelope", &self.envelope)
            .finish_non_exhaustive()
    }
}

/// A request without its body, as it arrived.
#[derive(Debug)]
pub struct Arrival {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded.
    pub path: String,
    /// The query without `?`.
    pub query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The other end.
    pub peer: Peer,
}

/// Carries an arrival from the accept loop through warp to the router, in the request's extensions; whatever is cloned on
/// the way, it is taken out once.
#[derive(Clone, Debug)]
pub(super) struct Arrived(Arc<Mutex<Option<Arrival>>>);

impl Arrived {
    pub(super) fn new(arrival: Arrival) -> Self {
        Self(Arc::new(Mutex::new(Some(arrival))))
    }

    fn take(&self) -> Option<Arrival> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The routes of one listener.
pub struct Router<S, A> {
    table: Table<S, A>,
    state: Arc<S>,
    settings: RouterSettings,
    hooks: Hooks<S, A>,
}

impl<S: Send + Sync + 'static, A: Send + Sync + 'static> Router<S, A> {
    /// A router over these routes. Panics when two of them answer the same, because that is a bug in the table.
    pub fn new(
        routes: Vec<Route<S, A>>,
        state: Arc<S>,
        settings: RouterSettings,
        hooks: Hooks<S, A>,
    ) -> Self {
        Self {
            table: Table::new(routes),
            state,
            settings,
            hooks,
        }
    }

    /// The warp filter: it answers every request of our accept loop, and rejects none.
    pub fn into_filter(self) -> impl Answering {
        let router = Arc::new(self);
        warp::ext::get::<Arrived>()
            .and(warp::body::stream())
            .then(move |arrived: Arrived, body| {
                let router = router.clone();
                async move {
                    match arrived.take() {
                        Some(arrival) => router.answer(arrival, body).await.into_warp(),
                        None => Response::text(StatusCode::INTERNAL_SERVER_ERROR, "").into_warp(),
                    }
                }
            })
    }

    /// The routes, for documents and tests that compare.
    pub fn routes(&self) -> impl Iterator<Item = &Route<S, A>> {
        self.table.routes()
    }

    /// Answers a request whose body is at hand: for callers without a socket.
    pub async fn answer_whole(&self, arrival: Arrival, body: Bytes) -> Response {
        self.answer(arrival, Whole(Some(body))).await
    }

    async fn answer<B, E>(&self, arrival: Arrival, body: impl Stream<Item = Result<B, E>>) -> Response
    where
        B: Buf,
    {
        let Arrival {
            method,
            path,
            query,
            headers,
            peer,
        } = arrival;
        let voice = voice_of(&headers, &path, self.settings.envelope, || {
            (self.settings.entropy)()
        });
        let client = ClientAddr::find(peer.address, &headers, &self.settings.trusted_proxies);
        let head = Arc::new(Head {
            method,
            path,
            query,
            headers,
            peer: peer.address,
            client,
            voice,
        });
        let found = self.table.find(&head.path);
        let place = found.as_ref().map(|(place, _)| *place);
        let route = place.and_then(|place| place.route(&head.method));
        let mut response = match Self::refuse(&head, peer, place, route) {
            Some(refusal) => refusal,
            None => match (route, found) {
                (Some(route), Some((_, params))) => self.run(&head, route, params, body).await,
                (_, _) => ApiError::new(Code::Internal).reply(&head.voice),
            },
        };
        let finish = || (self.hooks.finish)(&self.state, route.map(|r| &r.access), &head, &mut response);
        if catch_unwind(AssertUnwindSafe(finish)).is_err() {
            response = panicked(&head, "(finish)");
        }
        add_common_headers(&mut response, &head.voice.request_id);
        // The pattern, never the path: paths and queries hold ids and, in links that clients build, tokens.
        tracing::debug!(
            request_id = %head.voice.request_id, method = %head.method,
            route = route.map_or("(none)", |route| route.pattern), status = response.status.as_u16(),
            "answered"
        );
        if head.method == Method::HEAD {
            response.strip_body();
        }
        response
    }

    /// What is answered without a handler.
    fn refuse(
        head: &Head,
        peer: Peer,
        place: Option<&Place<S, A>>,
        route: Option<&Route<S, A>>,
    ) -> Option<Response> {
        let none = HeaderValue::from_static("");
        let allow = || place.map_or(none, |place| place.allow.clone());
        if let Some(doubt) = peer.doubt {
            return Some(closing(doubted(doubt).reply(&head.voice)));
        }
        if head.method == Method::TRACE || head.method == Method::CONNECT {
            let refusal = ApiError::new(Code::MethodNotAllowed)
                .reply(&head.voice)
                .with(header::ALLOW, allow());
            return Some(closing(refusal));
        }
        if head.method == Method::OPTIONS && (place.is_some() || head.path == "*") {
            return Some(head.voice.ok(&serde_json::json!({})).with(header::ALLOW, allow()));
        }
        match (place, route) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(
                ApiError::new(Code::MethodNotAllowed)
                    .reply(&head.voice)
                    .with(header::ALLOW, allow()),
            ),
            (None, _) => Some(ApiError::new(Code::NotFound).reply(&head.voice)),
        }
    }

    async fn run<B: Buf, E>(
        &self,
        head: &Arc<Head>,
        route: &Route<S, A>,
        params: Params,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Response {
        let mut request = Request {
            head: head.clone(),
            params,
            body: Bytes::new(),
            found: None,
        };
        let work = async {
            if let Err(error) = (self.hooks.gate)(&self.state, &route.access, &mut request) {
                return error.reply(&head.voice);
            }
            let reading = read(&head.headers, body, route.body_bytes_max);
            request.body = match within(self.settings.body_time_max, pin!(reading)).await {
                Some(Ok(body)) => body,
                Some(Err(fault)) => return closing(ApiError::invalid("body", fault).reply(&head.voice)),
                None => return closing(ApiError::new(Code::RequestTimeout).reply(&head.voice)),
            };
            let answer = (route.handler)(self.state.clone(), request);
            let Some(response) = within(self.settings.handler_time_max, answer).await else {
                tracing::warn!(
                    request_id = %head.voice.request_id, route = route.pattern,
                    "a handler ran out of time"
                );
                return ApiError::new(Code::Overloaded).reply(&head.voice);
            };
            response
        };
        match unless_panicked(pin!(work)).await {
            Some(response) => response,
            None => panicked(head, route.pattern),
        }
    }
}

fn doubted(doubt: Doubt) -> ApiError {
    match doubt {
        Doubt::Length => ApiError::invalid("Content-Length", "ambiguous"),
        Doubt::Host => ApiError::invalid("Host", "not-exactly-one"),
        Doubt::HeaderCount => ApiError::invalid("headers", "too-many"),
    }
}

/// Ends the connection with this answer, because what follows on it cannot be trusted or will not be read.
fn closing(response: Response) -> Response {
    response.with(header::CONNECTION, HeaderValue::from_static("close"))
}

/// Logs a panic without its message, which may hold what a client sent, and fails closed (ASVS 16.5).
fn panicked(head: &Head, pattern: &'static str) -> Response {
    tracing::error!(request_id = %head.voice.request_id, route = pattern, "a handler panicked: this is a bug");
    ApiError::new(Code::Internal).reply(&head.voice)
}

/// Runs a future to its end; `None` if it takes longer. What is ready at once, as most is, costs no timer.
async fn within<F: Future + Unpin>(limit: Span, mut future: F) -> Option<F::Output> {
    match poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => timeout(limit.to_std(), future).await.ok(),
    }
}

/// Runs a future to its end where it is; `None` if it panics.
async fn unless_panicked<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

/// Reads a body up to a limit; the error is the reason for the client.
async fn read<B: Buf, E>(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, E>>,
    bytes_max: usize,
) -> Result<Bytes, &'static str> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .unwrap_or(0);
    if declared > bytes_max as u64 + DRAINED_BYTES_MAX {
        return Err("too-large");
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut total: u64 = 0;
    while let Some(part) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let Ok(mut part) = part else {
            return Err(if total > bytes_max as u64 {
                "too-large"
            } else {
                "incomplete"
            });
        };
        let len = part.remaining();
        total += len as u64;
        if total > bytes_max as u64 + DRAINED_BYTES_MAX {
            break;
        }
        if total > bytes_max as u64 {
            rest.clear();
        } else if first.is_empty() {
            first = part.copy_to_bytes(len);
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&part.copy_to_bytes(len));
        }
    }
    if total > bytes_max as u64 {
        return Err("too-large");
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// A body of one part.
struct Whole(Option<Bytes>);

impl Stream for Whole {
    type Item = Result<Bytes, Infallible>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
