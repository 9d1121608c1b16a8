//! The accept loop: hyper's HTTP/1.1 under our own limits, around warp's filter service.
//!
//! `warp::serve` sets no time limit at all, so a client that sends half a header holds a connection for ever. Here every
//! wait has an end: the head, the idle time between requests, a client that does not take its answer, and the stop. What
//! happens within a request (body, handler) is limited by [`super::router`], which can word an answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::Add;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower_service::Service;
use warp::http::{HeaderMap, HeaderValue, Uri, Version, header};
use warp::{Filter, Rejection};

use super::client::{ClientAddr, NetList};
use super::router::{Arrival, Arrived};
use super::wire::{Doubtful, Wire};
use crate::types::{ClientNet, Span};

/// Connections over the limit that are told so; beyond these they are only closed.
const TURNED_AWAY_MAX: usize = 64;

/// The bounds of one listener.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections at once.
    pub connections_max: u32,
    /// Connections at once of one client (IPv4 address, IPv6 /64).
    pub connections_per_client_max: u32,
    /// Networks that the limit per client is not for: trusted proxies, a gateway, a load test.
    pub uncapped: NetList,
    /// From the first byte of a request's head to its last; for the first head, from the connection's start.
    pub head_time_max: Span,
    /// From one request to the end of the next one's head.
    pub idle_time_max: Span,
    /// How long a client may take nothing of an answer.
    pub write_time_max: Span,
    /// Bytes of a request's head; more are answered 431 by hyper, and the connection is closed.
    pub head_bytes_max: usize,
    /// Header fields of a request, at most 100.
    pub headers_max: usize,
    /// Bytes of a body, whatever the route allows.
    pub body_bytes_max: usize,
    /// From the wish to stop until connections are cut.
    pub shutdown_time_max: Span,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_client_max: 128,
            uncapped: NetList::default(),
            head_time_max: Span::seconds(10),
            idle_time_max: Span::seconds(75),
            write_time_max: Span::seconds(30),
            head_bytes_max: 16 * 1024,
            headers_max: 64,
            body_bytes_max: 1024 * 1024,
            shutdown_time_max: Span::seconds(10),
        }
    }
}

/// What is known of a request before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the socket.
    pub address: SocketAddr,
    /// Why the request must not be obeyed.
    pub doubt: Option<Doubt>,
}

impl Peer {
    /// The other end, with nothing against its request.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, doubt: None }
    }
}

/// A request that another server could read as something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// `Content-Length` and `Transfer-Encoding`, or one of them twice (RFC 9112 §6.3).
    Length,
    /// No `Host` or several (RFC 9112 §3.2); its value is never used.
    Host,
    /// More header fields than the limit.
    HeaderCount,
}

/// A filter that a listener can serve. Not boxed, because hyper keeps one place for the future of a connection's request,
/// and a box would be as large and new for each.
pub trait Answering:
    Filter<Extract = (warp::reply::Response,), Error = Rejection> + Clone + Send + Sync + 'static
{
}

impl<F> Answering for F where
    F: Filter<Extract = (warp::reply::Response,), Error = Rejection> + Clone + Send + Sync + 'static
{
}

/// What a listener did, once it has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServeReport {
    /// Connections that were served.
    pub accepted: u64,
    /// Connections over one of the limits.
    pub turned_away: u64,
    /// Connections that had not finished when the time to stop was over.
    pub cut: u64,
}

impl Add for ServeReport {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            turned_away: self.turned_away + other.turned_away,
            cut: self.cut + other.cut,
        }
    }
}

/// Serves a filter on a listener until `shutdown` is ready, and then stops: no new connection, running requests
/// finish, and after `shutdown_time_max` what is left is cut.
pub async fn serve(
    listener: TcpListener,
    filter: impl Answering,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> ServeReport {
    let mut report = ServeReport::default();
    let (phase, _) = watch::channel(Phase::Open);
    let door = Arc::new(Door::new(&limits));
    let connections_max = limits.connections_max;
    let grace = limits.shutdown_time_max.to_std();
    let hall = Arc::new(Hall {
        filter,
        http: http(&limits),
        limits,
    });
    let mut shutdown = pin!(shutdown);
    let mut pause = PAUSE_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, address)) => {
                pause = PAUSE_MIN;
                if let Some(pass) = door.admit(address, &hall.limits) {
                    report.accepted += 1;
                    let task = attend(hall.clone(), socket, address, pass, phase.subscribe());
                    tokio::spawn(task);
                } else {
                    report.turned_away += 1;
                    door.turn_away(socket, report.turned_away);
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(
                    error = %error, pause_ms = pause.as_millis(),
                    "cannot accept connections; if files have run out, raise the limit on open files"
                );
                tokio::select! {
                    () = shutdown.as_mut() => break,
                    () = sleep(pause) => {}
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    if timeout(grace, door.empty(connections_max)).await.is_err() {
        report.cut = u64::from(connections_max) - door.places.available_permits() as u64;
        phase.send_replace(Phase::Closed);
        door.empty(connections_max).await;
    }
    report
}

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Errors of `accept` that are about the connection, not about us (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Draining,
    Closed,
}

/// What every connection of a listener shares.
struct Hall<F> {
    filter: F,
    http: http1::Builder,
    limits: ServerLimits,
}

fn http(limits: &ServerLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // `max_headers` stays at hyper's 100: any other value costs an allocation a request. We count ourselves.
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time_max.to_std())
        .max_header_size(limits.head_bytes_max)
        .max_buf_size((2 * limits.head_bytes_max).max(64 * 1024))
        .half_close(false);
    http
}

/// Serves one connection to its end.
async fn attend<F: Answering>(
    hall: Arc<Hall<F>>,
    socket: TcpStream,
    address: SocketAddr,
    pass: Pass,
    mut phase: watch::Receiver<Phase>,
) {
    // Answers are small and whole; waiting to fill a packet only costs time. Failing to say so harms nothing.
    let _ = socket.set_nodelay(true);
    let doubtful = Doubtful::default();
    let wire = Wire::new(
        socket,
        doubtful.clone(),
        hall.limits.head_time_max.to_std(),
        hall.limits.write_time_max.to_std(),
    );
    let number = AtomicU64::new(0);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let is_length_doubtful =
            number.fetch_add(1, Ordering::Relaxed) + 1 == doubtful.load(Ordering::Acquire);
        let doubt = if is_length_doubtful || has_strange_coding(request.headers()) {
            Some(Doubt::Length)
        } else if has_strange_host(request.headers(), request.version()) {
            Some(Doubt::Host)
        } else if request.headers().len() > hall.limits.headers_max {
            Some(Doubt::HeaderCount)
        } else {
            None
        };
        if request.uri().path_and_query().is_none() {
            // The authority-form of CONNECT; warp panics on a path of no characters.
            *request.uri_mut() = Uri::from_static("/");
        }
        let uri = request.uri();
        let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
        // In chunks: the framing is watched no further, so nothing may follow on this connection.
        let is_last = doubt.is_some() || request.headers().contains_key(header::TRANSFER_ENCODING);
        // Moved and not looked up again field by field: warp's own filters copy each of them.
        let arrival = Arrival {
            method: request.method().clone(),
            path,
            query,
            headers: std::mem::take(request.headers_mut()),
            peer: Peer { address, doubt },
        };
        request.extensions_mut().insert(Arrived::new(arrival));
        let body_bytes_max = hall.limits.body_bytes_max;
        let request = request.map(|body| Limited::new(body, body_bytes_max));
        let filter = hall.filter.clone();
        async move {
            // Begun in here: begun before, its future would be kept twice, and moved twice with every request.
            let mut answer = warp::service(filter).call(request).await?;
            if is_last {
                answer
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(hall.http.serve_connection(TokioIo::new(wire), service));
    let is_open = {
        let mut draining = pin!(phase.wait_for(|phase| *phase != Phase::Open));
        tokio::select! {
            biased;
            _ = connection.as_mut() => false,
            _ = draining.as_mut() => true,
        }
    };
    if is_open {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => {}
        }
    }
    drop(pass);
}

/// Anything but one `Transfer-Encoding: chunked` (RFC 9112 §6.1); we know no other coding.
fn has_strange_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    codings
        .next()
        .is_some_and(|one| !one.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
}

fn has_strange_host(headers: &HeaderMap, version: Version) -> bool {
    let count = headers.get_all(header::HOST).iter().take(2).count();
    count > 1 || (count == 0 && version >= Version::HTTP_11)
}

/// Connections of each client that has any.
type Counts = Arc<Mutex<HashMap<ClientNet, u32>>>;

/// Counts connections.
struct Door {
    places: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    clients: Counts,
}

/// One connection's place; dropping it gives the place back.
struct Pass {
    _place: OwnedSemaphorePermit,
    counted: Option<(ClientNet, Counts)>,
}

impl Door {
    fn new(limits: &ServerLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections_max as usize)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
            clients: Arc::default(),
        }
    }

    fn admit(&self, address: SocketAddr, limits: &ServerLimits) -> Option<Pass> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let client = ClientAddr::of(address.ip());
        if limits.uncapped.contains(client.ip) {
            return Some(Pass {
                _place: place,
                counted: None,
            });
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let count = clients.entry(client.net).or_insert(0);
        if *count >= limits.connections_per_client_max {
            return None;
        }
        *count += 1;
        Some(Pass {
            _place: place,
            counted: Some((client.net, self.clients.clone())),
        })
    }

    /// Says 503 on a connection over a limit, then waits a moment for the client to read it.
    fn turn_away(&self, mut socket: TcpStream, number: u64) {
        let Ok(permit) = self.turned_away.clone().try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let _permit = permit;
            let talk = async {
                socket.write_all(turned_away(number).as_bytes()).await?;
                socket.shutdown().await?;
                // Closing with unread bytes resets the connection, and the client would never see the answer.
                let mut ignored = [0; 1024];
                for _ in 0..64 {
                    if socket.read(&mut ignored).await? == 0 {
                        break;
                    }
                }
                Ok::<_, io::Error>(())
            };
            // The client is being refused: whether it listens is its own affair.
            let _ = timeout(Duration::from_millis(500), talk).await;
        });
    }

    /// Waits until every place is free.
    async fn empty(&self, connections_max: u32) {
        // Never closed, so the only outcome is that all permits are here.
        let _ = self.places.acquire_many(connections_max).await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some((net, clients)) = self.counted.take() else {
            return;
        };
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&net) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&net);
            }
        }
    }
}

/// The whole answer to a connection that there is no place for; the request was not read, so it is in English.
fn turned_away(number: u64) -> String {
    let code = super::codes::Code::Overloaded;
    let (text, english, status) = (code.text(), code.english(), code.status());
    let id = format!("no-place-{number}");
    let body = format!(
        r#"{{"success":false,"error":{{"code":"{text}","message":"{english}","requestId":"{id}"}},"code":"{text}","message":"{english}","statusCode":{status}}}"#
    );
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {id}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
