//! One request as handlers see it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use warp::http::header::AsHeaderName;
use warp::http::{HeaderMap, HeaderName, Method, header};
use zeroize::Zeroizing;

use super::client::ClientAddr;
use super::codes::Code;
use super::fields::{Fields, Source};
use super::json::{self, JsonObject, JsonValue, shown_name};
use super::reply::{ApiError, Detail, Envelope, ErrorForm, Voice};
use super::routes::Params;
use crate::types::Locale;

/// The id of a request, which a client may choose. Names are made once: each use of a text would read it anew.
pub(super) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a query string.
const QUERY_BYTES_MAX: usize = 8 * 1024;
/// Fields of a query string.
const QUERY_FIELDS_MAX: usize = 32;
/// Bytes of the console's forms, and their fields: a prompt stage has up to twenty fields of eight parts each.
pub(super) const WIDE_FORM_BYTES_MAX: usize = 128 << 10;
const WIDE_FORM_FIELDS_MAX: usize = 256;
/// Characters of an incoming `X-Request-Id` that is kept.
const REQUEST_ID_MAX: usize = 64;

/// A request without its body: shared by the handler and the hooks around it.
pub struct Head {
    /// The method; HEAD reaches the handler of GET.
    pub method: Method,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// The query as it was sent, without `?`; empty if there was none.
    pub query: String,
    /// All header fields. `Host` and its kin are for nobody to use.
    pub headers: HeaderMap,
    /// The other end of the socket.
    pub peer: SocketAddr,
    /// Who is calling.
    pub client: ClientAddr,
    /// How to answer.
    pub voice: Voice,
}

/// Says which request it is, and nothing that a client sent in confidence.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} {})", self.method, self.voice.request_id)
    }
}

impl Head {
    /// A header field that was sent exactly once, in visible ASCII; two API keys are none.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok(),
            (_, _) => None,
        }
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim_matches(' '))
    }

    /// The fields of the query; a field that occurs twice is a fault.
    pub fn query_fields(&self) -> Result<Fields, ApiError> {
        parse_pairs(&self.query).map(|(object, faults)| Fields::new(Source::Query, object, faults))
    }
}

/// A request with its body.
pub struct Request {
    pub(super) head: Arc<Head>,
    pub(super) params: Params,
    pub(super) body: Bytes,
    pub(super) found: Option<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

impl Deref for Request {
    type Target = Head;
    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Request {
    /// The decoded path segment that the pattern calls `{name}`.
    pub fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// The bytes of the body; empty in the gate, which runs before the body is read.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the gate found out about the caller.
    pub fn found<T: 'static>(&self) -> Option<&T> {
        self.found.as_ref()?.downcast_ref()
    }

    /// Keeps what the gate found out; only the last of it.
    pub fn keep<T: Send + Sync + 'static>(&mut self, found: T) {
        self.found = Some(Box::new(found));
    }

    /// The fields of a JSON body: 415 unless declared as JSON, 400 unless it is one object.
    pub fn json(&self) -> Result<Fields, ApiError> {
        if !json::is_declared(&self.headers) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let (object, faults) = json::parse(&self.body)
            .map_err(|fault| ApiError::new(Code::InvalidParameters).with_details(vec![fault]))?;
        Ok(Fields::new(Source::Body, object, faults))
    }

    /// The fields of a form that a page sent (`application/x-www-form-urlencoded`); otherwise 415.
    pub fn form(&self) -> Result<Fields, ApiError> {
        self.form_within(QUERY_BYTES_MAX, QUERY_FIELDS_MAX)
    }

    /// The same for one of the console's forms, which have more fields.
    pub fn wide_form(&self) -> Result<Fields, ApiError> {
        self.form_within(WIDE_FORM_BYTES_MAX, WIDE_FORM_FIELDS_MAX)
    }

    fn form_within(&self, bytes_max: usize, fields_max: usize) -> Result<Fields, ApiError> {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Code::UnsupportedMediaType.into());
        }
        let text = std::str::from_utf8(&self.body).map_err(|_| ApiError::invalid("body", "not-utf-8"))?;
        let read = pairs_within(text, bytes_max, fields_max);
        read.map(|(object, faults)| Fields::new(Source::Query, object, faults))
    }
}

/// How this request wants to be answered. `entropy` makes an id when the client sent none that is sane.
pub(super) fn voice_of(
    headers: &HeaderMap,
    path: &str,
    envelope: Envelope,
    entropy: impl FnOnce() -> [u8; 16],
) -> Voice {
    let mut ids = headers.get_all(&X_REQUEST_ID).iter();
    let sent = match (ids.next().and_then(|id| id.to_str().ok()), ids.next()) {
        (Some(id), None) if is_sane_id(id) => Some(id.to_owned()),
        (_, _) => None,
    };
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let wants_problem =
        text(header::ACCEPT).is_some_and(|accept| accept.contains("application/problem+json"));
    Voice {
        request_id: sent.unwrap_or_else(|| {
            let mut text = [0; uuid::fmt::Simple::LENGTH];
            let id = uuid::Uuid::from_bytes(entropy());
            id.simple().encode_lower(&mut text).to_owned()
        }),
        locale: text(header::ACCEPT_LANGUAGE)
            .and_then(Locale::from_accept_language)
            .unwrap_or_default(),
        envelope: if is_always_bare(path) {
            Envelope::Bare
        } else {
            envelope
        },
        error_form: if wants_problem {
            ErrorForm::Problem
        } else {
            ErrorForm::Envelope
        },
    }
}

/// Whether answers of a path are never wrapped: what administrators ask, and what a standard gives its shape.
pub(super) fn is_always_bare(path: &str) -> bool {
    ["/v1/admin", "/v1/audit", "/v1/introspect"].iter().any(|room| {
        path.strip_prefix(room)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn is_sane_id(id: &str) -> bool {
    (1..=REQUEST_ID_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Reads `a=1&b=2` (WHATWG URL §5.1), strictly: broken escapes and bytes that are not UTF-8 are faults.
fn parse_pairs(text: &str) -> Result<(JsonObject, Vec<Detail>), ApiError> {
    pairs_within(text, QUERY_BYTES_MAX, QUERY_FIELDS_MAX)
}

fn pairs_within(
    text: &str,
    bytes_max: usize,
    fields_max: usize,
) -> Result<(JsonObject, Vec<Detail>), ApiError> {
    let pairs = || text.split('&').filter(|pair| !pair.is_empty());
    if text.len() > bytes_max || pairs().nth(fields_max).is_some() {
        return Err(ApiError::invalid("query", "too-large"));
    }
    let mut object = JsonObject::default();
    let mut faults = Vec::new();
    for pair in pairs() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = decode(name, Plus::IsSpace) else {
            faults.push(Detail::new("?", "bad-encoding"));
            continue;
        };
        let shown = shown_name("", &name);
        let Some(value) = decode(value, Plus::IsSpace) else {
            faults.push(Detail::new(shown, "bad-encoding"));
            continue;
        };
        let value = JsonValue::Text(Zeroizing::new(value.into_owned()));
        if !object.add(name.into_owned(), value) {
            faults.push(Detail::new(shown, "duplicate"));
        }
    }
    Ok((object, faults))
}

/// What `+` means: a space in queries and forms, itself in paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    IsSpace,
    IsPlus,
}

/// Undoes percent-encoding (RFC 3986 §2.1); `None` for a broken escape or bytes that are not UTF-8.
pub(super) fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus == Plus::IsSpace => b' ',
            plain => plain,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(fields: &[(&'static str, &str)], path: &str) -> Voice {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        voice_of(&headers, path, Envelope::Hybrid, || [0xab; 16])
    }

    #[test]
    fn l_02_only_a_sane_request_id_is_kept() {
        let id = |value: &str| voice(&[("x-request-id", value)], "/").request_id;
        assert_eq!(id("abc-1_2.Z"), "abc-1_2.Z");
        for strange in ["", "a b", "a\tb", "<b>", &"a".repeat(65)] {
            assert_eq!(id(strange), "ab".repeat(16), "{strange}");
        }
        assert_eq!(
            voice(&[("x-request-id", "a"), ("x-request-id", "b")], "/").request_id,
            "ab".repeat(16)
        );
    }

    #[test]
    fn the_voice_follows_headers_and_path() {
        let asked = voice(
            &[
                ("accept-language", "ko-KR,en;q=0.5"),
                ("accept", "application/problem+json"),
            ],
            "/v1/auth/me",
        );
        assert_eq!(
            (asked.locale, asked.error_form, asked.envelope),
            (Locale::Ko, ErrorForm::Problem, Envelope::Hybrid)
        );
        assert_eq!(voice(&[], "/v1/admin/users").envelope, Envelope::Bare);
        assert_eq!(voice(&[], "/v1/audit").envelope, Envelope::Bare);
        assert_eq!(voice(&[], "/v1/administration").envelope, Envelope::Hybrid);
    }

    #[test]
    fn a_query_is_decoded_and_read_as_fields() {
        let (object, faults) = parse_pairs("page=2&search=a%20b+c%2B&flag=true&&empty").unwrap();
        let mut fields = Fields::new(Source::Query, object, faults);
        assert_eq!(fields.optional_whole("page", &(1..=9)), Some(2));
        assert_eq!(fields.text("search"), "a b c+");
        assert!(fields.flag("flag"));
        assert_eq!(fields.text("empty"), "");
        fields.finish().unwrap();
    }

    #[test]
    fn r_09_a_query_field_that_occurs_twice_is_refused() {
        let (object, faults) = parse_pairs("email=a&em%61il=b&x=%zz&y=%ff").unwrap();
        let error = Fields::new(Source::Query, object, faults).finish().unwrap_err();
        let shown: Vec<_> = error
            .details
            .iter()
            .map(|d| (d.field.as_ref(), d.reason))
            .collect();
        assert_eq!(
            shown,
            [
                ("email", "duplicate"),
                ("x", "bad-encoding"),
                ("y", "bad-encoding")
            ]
        );
        assert!(parse_pairs(&"a&".repeat(33)).is_err());
    }
}
