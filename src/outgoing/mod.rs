//! The requests that this server makes itself: to leaked-password services, to receivers of events, to witnesses.
//!
//! Whoever names an address may be anybody (CWE-918), so all go one way: the name is resolved here, what it leads to is
//! judged, and the connection is made to the very address that was judged. No redirect is followed, every step together has
//! a bounded time, and so much of an answer is read and no more.

mod judge;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub use judge::is_public;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Whether a request may go to this machine or into a private network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Neighbours {
    /// It may not.
    #[default]
    Refused,
    /// It may: the operator runs the other side there. Only then, and only within this machine, without TLS.
    Allowed,
}

/// Whether a request goes over TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// `https`.
    Tls,
    /// `http`: to loopback addresses, where neighbours are allowed.
    Plain,
}

/// Where a request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination<'a> {
    /// Over TLS or not.
    pub channel: Channel,
    /// A domain name, or an address; one of IPv6 in brackets or without.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Host and port as the request names them (RFC 9110 §7.2).
    pub authority: &'a str,
    /// Path and query.
    pub target: &'a str,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// `GET` without a body, `POST` with one.
    pub body: Option<Bytes>,
    /// Fields beside those that every request has.
    pub fields: &'a [(&'static str, &'a str)],
    /// Bytes of the answer that are read at most; more is a fault.
    pub answer_bytes_max: usize,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingFault {
    /// The name leads where requests may not go.
    #[error("its name leads to this machine or into a private network")]
    Private,
    /// Not over TLS, and not to this machine.
    #[error("requests leave this machine over https only")]
    NotTls,
    /// The name is none that a certificate can have, or a field cannot be sent.
    #[error("its address cannot be asked")]
    Malformed,
    /// Nobody is there, or not with a certificate that is trusted.
    #[error("it cannot be reached: {0}")]
    Unreached(io::Error),
    /// What answers is not HTTP.
    #[error("it does not speak HTTP: {0}")]
    Http(hyper::Error),
    /// The answer breaks off or is too long.
    #[error("its answer breaks off or is too long")]
    Body,
    /// It takes too long.
    #[error("it did not answer in time")]
    TooLate,
}

/// Makes requests; cheap to copy.
#[derive(Clone, Debug)]
pub struct Outgoing {
    tls: Arc<ClientConfig>,
    neighbours: Neighbours,
}

impl Outgoing {
    /// Trusts whom `tls` trusts.
    pub fn new(tls: Arc<ClientConfig>, neighbours: Neighbours) -> Self {
        Self { tls, neighbours }
    }

    /// Whether it may go to this machine or into a private network.
    pub fn neighbours(&self) -> Neighbours {
        self.neighbours
    }

    /// Sends a message and waits for its answer: so long for everything, the name, the connection, TLS and the answer.
    pub async fn send(
        &self,
        to: Destination<'_>,
        message: Message<'_>,
        time_max: Duration,
    ) -> Result<Answer, OutgoingFault> {
        let sent = timeout(time_max, self.exchange(to, message, time_max)).await;
        sent.unwrap_or(Err(OutgoingFault::TooLate))
    }

    async fn exchange(
        &self,
        to: Destination<'_>,
        message: Message<'_>,
        time_max: Duration,
    ) -> Result<Answer, OutgoingFault> {
        let host = to.host.trim_start_matches('[').trim_end_matches(']');
        let stream = self.connect(host, to, time_max).await?;
        match to.channel {
            Channel::Plain => ask(stream, to, message).await,
            Channel::Tls => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| OutgoingFault::Malformed)?;
                let connector = TlsConnector::from(Arc::clone(&self.tls));
                let stream = connector.connect(name, stream).await;
                ask(stream.map_err(OutgoingFault::Unreached)?, to, message).await
            }
        }
    }

    /// Connects to an address that was judged, so that the name cannot lead elsewhere a moment later.
    async fn connect(
        &self,
        host: &str,
        to: Destination<'_>,
        time_max: Duration,
    ) -> Result<TcpStream, OutgoingFault> {
        let found = lookup_host((host, to.port)).await;
        let found: Vec<SocketAddr> = found.map_err(OutgoingFault::Unreached)?.collect();
        let permitted = found
            .into_iter()
            .filter(|address| self.neighbours == Neighbours::Allowed || is_public(address.ip()))
            .take(ADDRESSES_MAX);
        let mut last = OutgoingFault::Private;
        // An address that swallows packets leaves time for the next one.
        let share = time_max / 4;
        for address in permitted {
            let is_here = address.ip().to_canonical().is_loopback();
            if to.channel == Channel::Plain && !(is_here && self.neighbours == Neighbours::Allowed) {
                last = OutgoingFault::NotTls;
                continue;
            }
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = OutgoingFault::Unreached(error),
                Err(_) => last = OutgoingFault::TooLate,
            }
        }
        Err(last)
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    to: Destination<'_>,
    message: Message<'_>,
) -> Result<Answer, OutgoingFault> {
    let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(OutgoingFault::Http)?;
    // A set of one, because it ends its task when this question is given up.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let method = if message.body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let mut request = Request::builder()
        .method(method)
        .uri(to.target)
        .header(HOST, to.authority)
        .header(USER_AGENT, "keyledger")
        .header(CONNECTION, "close");
    for (name, value) in message.fields {
        request = request.header(*name, *value);
    }
    let body = Full::new(message.body.unwrap_or_default());
    let request = request.body(body).map_err(|_| OutgoingFault::Malformed)?;
    let response = sender.send_request(request).await.map_err(OutgoingFault::Http)?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), message.answer_bytes_max)
        .collect()
        .await;
    let body = body.map_err(|_| OutgoingFault::Body)?.to_bytes();
    Ok(Answer { status, body })
}
