//! An answer before it is bytes: status, headers and body, which tests can look at.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;
use warp::Reply;
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::reply::ApiError;

/// A body.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// As it comes, until the sender is dropped; the bounded channel holds the sender back when the client is slow.
    Stream(mpsc::Receiver<Bytes>),
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers; the router adds those that every answer has.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// What was refused, while it is still open in which form it is told.
    pub refusal: Option<Box<ApiError>>,
}

impl Response {
    /// An answer with this body.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: Body::Whole(body.into()),
            refusal: None,
        }
    }

    /// A page, which may run, load, embed and leak nothing but what `content_security_policy` allows (R-33,
    /// ASVS 3.4.3 to 3.4.8).
    pub fn html(status: StatusCode, content_security_policy: HeaderValue, page: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=utf-8", page)
            .with(header::CONTENT_SECURITY_POLICY, content_security_policy)
            .with(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
            .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
            .with(
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            )
    }

    /// Plain text.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    /// A body that comes bit by bit: exports, event streams.
    pub fn stream(status: StatusCode, content_type: &'static str, parts: mpsc::Receiver<Bytes>) -> Self {
        Self {
            body: Body::Stream(parts),
            ..Self::new(status, content_type, Bytes::new())
        }
    }

    /// Sends a browser to another address with GET (RFC 9110 §15.4.4).
    pub fn see_other(location: HeaderValue) -> Self {
        Self::text(StatusCode::SEE_OTHER, "")
            .with(header::LOCATION, location)
            .with(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
    }

    /// The same with a header set.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with one more field of a header that may occur several times: cookies.
    #[must_use]
    pub fn adding(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The body, if it is whole.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Whole(bytes) => Some(bytes),
            Body::Stream(_) => None,
        }
    }

    /// Leaves the body out and says how long it would have been (RFC 9110 §9.3.2).
    pub(super) fn strip_body(&mut self) {
        if let Body::Whole(bytes) = &self.body {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        }
        self.body = Body::Whole(Bytes::new());
    }

    pub(super) fn into_warp(self) -> warp::reply::Response {
        let mut response = match self.body {
            Body::Whole(bytes) => warp::http::Response::new(bytes).into_response(),
            Body::Stream(parts) => warp::reply::stream(Parts(parts)).into_response(),
        };
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

struct Parts(mpsc::Receiver<Bytes>);

impl warp::Stream for Parts {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|part| part.map(Ok))
    }
}
