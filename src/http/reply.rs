//! The envelopes: how success and failure look in JSON, in the shape and language that the client asked for.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::Error as _;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::codes::Code;
use super::request::X_REQUEST_ID;
use super::response::Response;
use crate::types::{Locale, Span};

/// How a body is wrapped (setting `envelope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Envelope {
    /// `{...fields, "success": true, "data": {...fields}}`: for clients that read either.
    #[default]
    Hybrid,
    /// `{...fields}`; errors `{code, message, statusCode, details?, requestId}`.
    Bare,
    /// `{"success": true, "data": {...fields}}`; errors `{"success": false, "error": {...}}`.
    Wrapped,
}

/// How errors are shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    /// As the envelope says.
    Envelope,
    /// RFC 9457, asked for with `Accept: application/problem+json`.
    Problem,
}

/// In which shape, in which language and under which id a request is answered.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The id of the request, in `X-Request-Id`, error bodies and the log.
    pub request_id: String,
    /// The language, from `Accept-Language`; English if it names none of ours.
    pub locale: Locale,
    /// The wrapping.
    pub envelope: Envelope,
    /// The shape of errors.
    pub error_form: ErrorForm,
}

/// One faulty field. The reason is a stable word; a value is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The field's name, with a path: `profile.name`; `body` for the body itself.
    pub field: Cow<'static, str>,
    /// What is wrong: `required`, `wrong-type`, …
    pub reason: &'static str,
    /// The same for people, in the caller's language, where the word alone does not say what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Detail {
    /// A fault of a field.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        Self {
            field: field.into(),
            reason,
            message: None,
        }
    }

    /// The same with a sentence.
    #[must_use]
    pub fn with_message(self, message: String) -> Self {
        Self {
            message: Some(message),
            ..self
        }
    }
}

/// What `X-RateLimit-Limit`, `-Remaining` and `-Reset` say on a 429; `reset` counts from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateInfo {
    /// Calls that the limit allows.
    pub limit: u32,
    /// Calls that are left.
    pub remaining: u32,
    /// Until the whole allowance is back.
    pub reset: Span,
}

/// A refusal or a failure, ready to be worded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Which one.
    pub code: Code,
    /// The faulty fields.
    pub details: Vec<Detail>,
    /// When to try again; a 429 or 503 without it says one second.
    pub retry_after: Option<Span>,
    /// The limit that was reached; sent on 429 only.
    pub rate: Option<RateInfo>,
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<super::throttle::Retry> for ApiError {
    fn from(retry: super::throttle::Retry) -> Self {
        Self::new(Code::TooManyRequests).with_retry(retry.after, Some(retry.rate))
    }
}

impl ApiError {
    /// An error of this code.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            details: Vec::new(),
            retry_after: None,
            rate: None,
        }
    }

    /// `400 common/invalid-parameters` for one field.
    pub fn invalid(field: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        Self::new(Code::InvalidParameters).with_details(vec![Detail::new(field, reason)])
    }

    /// The same with the faulty fields.
    #[must_use]
    pub fn with_details(self, details: Vec<Detail>) -> Self {
        Self { details, ..self }
    }

    /// The same with when to try again, and the limit that was reached.
    #[must_use]
    pub fn with_retry(self, after: Span, rate: Option<RateInfo>) -> Self {
        Self {
            retry_after: Some(after),
            rate,
            ..self
        }
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its sentence in a language.
    pub fn message(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.code.english(),
            Locale::Ko => self.code.korean(),
        }
    }

    /// Words it.
    pub fn reply(&self, voice: &Voice) -> Response {
        let fault = Fault {
            code: self.code.text(),
            message: self.message(voice.locale),
            details: &self.details,
            request_id: &voice.request_id,
        };
        let (code, english, status) = (self.code.text(), self.code.english(), self.code.status());
        let (kind, body) = match (voice.error_form, voice.envelope) {
            (ErrorForm::Problem, _) => (
                "application/problem+json",
                bytes_of(&Problem {
                    kind: &format!("urn:keyledger:error:{}", code.replace('/', ":")),
                    title: english,
                    status,
                    detail: fault.message,
                    code,
                    details: fault.details,
                    request_id: fault.request_id,
                }),
            ),
            (ErrorForm::Envelope, Envelope::Hybrid) => (
                JSON,
                bytes_of(&Hybrid {
                    success: false,
                    error: fault,
                    code,
                    message: english,
                    status_code: status,
                }),
            ),
            (ErrorForm::Envelope, Envelope::Wrapped) => (
                JSON,
                bytes_of(&Wrapped {
                    success: false,
                    error: fault,
                }),
            ),
            (ErrorForm::Envelope, Envelope::Bare) => (
                JSON,
                bytes_of(&BareFault {
                    status_code: status,
                    fault,
                }),
            ),
        };
        let mut response = Response::new(self.status(), kind, body.unwrap_or_default());
        self.add_retry_headers(&mut response.headers);
        response.refusal = Some(Box::new(self.clone()));
        response
    }

    /// Adds when to come back, and on 429 which limit was reached.
    pub(super) fn add_retry_headers(&self, headers: &mut HeaderMap) {
        let status = self.code.status();
        if status == 429 || status == 503 {
            let seconds = self.retry_after.map_or(1, Span::seconds_up).max(1);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(rate) = self.rate.filter(|_| status == 429) {
            headers.insert("x-ratelimit-limit", rate.limit.into());
            headers.insert("x-ratelimit-remaining", rate.remaining.into());
            headers.insert("x-ratelimit-reset", rate.reset.seconds_up().into());
        }
    }
}

impl Voice {
    /// `200` with these fields, which must serialise to a JSON object without members `success` or `data`.
    pub fn ok(&self, fields: &impl Serialize) -> Response {
        self.success(StatusCode::OK, fields)
    }

    /// Success with these fields.
    pub fn success(&self, status: StatusCode, fields: &impl Serialize) -> Response {
        // Most answers fit, so that nothing is copied to make room.
        let mut object = Vec::with_capacity(512);
        let written = serde_json::to_writer(&mut object, fields);
        self.success_of(status, written.map(|()| object))
    }

    fn success_of(&self, status: StatusCode, object: serde_json::Result<Vec<u8>>) -> Response {
        let Ok(body) = object.and_then(|object| self.wrap(object)) else {
            tracing::error!(request_id = %self.request_id, "an answer is not a JSON object: this is a bug");
            return ApiError::new(Code::Internal).reply(self);
        };
        Response::new(status, JSON, body)
    }

    /// An answer either way, for handlers that use `?` within.
    pub fn settle(&self, outcome: Result<Response, ApiError>) -> Response {
        outcome.unwrap_or_else(|error| error.reply(self))
    }

    /// Serialised once, and the bytes copied, because the hybrid envelope says everything twice.
    fn wrap(&self, object: Vec<u8>) -> serde_json::Result<Vec<u8>> {
        let Some(inner) = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else {
            return Err(serde_json::Error::custom("not an object"));
        };
        Ok(match self.envelope {
            Envelope::Bare => object,
            Envelope::Wrapped => [b"{\"success\":true,\"data\":", &object[..], b"}"].concat(),
            Envelope::Hybrid => {
                let comma: &[u8] = if inner.is_empty() { b"" } else { b"," };
                [b"{", inner, comma, b"\"success\":true,\"data\":", &object, b"}"].concat()
            }
        })
    }
}

const JSON: &str = "application/json";

fn bytes_of(body: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(body).ok()
}

#[derive(Serialize)]
struct Fault<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
    #[serde(rename = "requestId")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct Hybrid<'a> {
    success: bool,
    error: Fault<'a>,
    code: &'a str,
    message: &'a str,
    #[serde(rename = "statusCode")]
    status_code: u16,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    success: bool,
    error: Fault<'a>,
}

#[derive(Serialize)]
struct BareFault<'a> {
    #[serde(flatten)]
    fault: Fault<'a>,
    #[serde(rename = "statusCode")]
    status_code: u16,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
    #[serde(rename = "requestId")]
    request_id: &'a str,
}

/// Adds what every answer has: `X-Request-Id`, `Cache-Control: no-store` (unless the answer says otherwise: assets) and
/// `X-Content-Type-Options: nosniff`.
pub(super) fn add_common_headers(response: &mut Response, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers.insert(&X_REQUEST_ID, id);
    }
    response
        .headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response.headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn voice(envelope: Envelope, locale: Locale) -> Voice {
        Voice {
            request_id: "r1".into(),
            locale,
            envelope,
            error_form: ErrorForm::Envelope,
        }
    }

    fn body(response: &Response) -> &str {
        std::str::from_utf8(response.bytes().unwrap()).unwrap()
    }

    #[derive(Serialize)]
    struct Sent {
        message: &'static str,
        email: &'static str,
    }

    #[test]
    fn success_has_three_envelopes() {
        let sent = Sent {
            message: "Sent.",
            email: "a@b.c",
        };
        let shown = |envelope| {
            let response = voice(envelope, Locale::En).ok(&sent);
            body(&response).to_owned()
        };
        assert_snapshot!(shown(Envelope::Hybrid), @r#"{"message":"Sent.","email":"a@b.c","success":true,"data":{"message":"Sent.","email":"a@b.c"}}"#);
        assert_snapshot!(shown(Envelope::Bare), @r#"{"message":"Sent.","email":"a@b.c"}"#);
        assert_snapshot!(shown(Envelope::Wrapped), @r#"{"success":true,"data":{"message":"Sent.","email":"a@b.c"}}"#);
        let nothing = voice(Envelope::Hybrid, Locale::En).ok(&serde_json::json!({}));
        assert_eq!(body(&nothing), r#"{"success":true,"data":{}}"#);
        assert_eq!(voice(Envelope::Hybrid, Locale::En).ok(&"text").status, 500);
    }

    #[test]
    fn an_error_speaks_the_clients_language_inside_and_fixed_english_outside() {
        let error = ApiError::new(Code::EmailAlreadyExists);
        assert_snapshot!(body(&error.reply(&voice(Envelope::Hybrid, Locale::Ko))), @r#"{"success":false,"error":{"code":"auth/email-already-exists","message":"이미 사용 중인 이메일입니다.","requestId":"r1"},"code":"auth/email-already-exists","message":"Email already exists.","statusCode":409}"#);
        assert_snapshot!(body(&error.reply(&voice(Envelope::Wrapped, Locale::En))), @r#"{"success":false,"error":{"code":"auth/email-already-exists","message":"Email already exists.","requestId":"r1"}}"#);
        assert_snapshot!(body(&error.reply(&voice(Envelope::Bare, Locale::En))), @r#"{"code":"auth/email-already-exists","message":"Email already exists.","requestId":"r1","statusCode":409}"#);
    }

    #[test]
    fn an_error_can_be_a_problem_document() {
        let voice = Voice {
            error_form: ErrorForm::Problem,
            ..voice(Envelope::Hybrid, Locale::En)
        };
        let response = ApiError::invalid("email", "required").reply(&voice);
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert_snapshot!(body(&response), @r#"{"type":"urn:keyledger:error:common:invalid-parameters","title":"The request has missing or invalid parameters; see details.","status":400,"detail":"The request has missing or invalid parameters; see details.","code":"common/invalid-parameters","details":[{"field":"email","reason":"required"}],"requestId":"r1"}"#);
    }

    #[test]
    fn limits_say_when_to_come_back() {
        let voice = voice(Envelope::Hybrid, Locale::En);
        let rate = RateInfo {
            limit: 600,
            remaining: 0,
            reset: Span::millis(59_001),
        };
        let response = ApiError::new(Code::TooManyRequests)
            .with_retry(Span::millis(1_001), Some(rate))
            .reply(&voice);
        let headers = &response.headers;
        assert_eq!(headers["retry-after"], "2");
        assert_eq!(headers["x-ratelimit-limit"], "600");
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert_eq!(headers["x-ratelimit-reset"], "60");
        let busy = ApiError::new(Code::Overloaded)
            .with_retry(Span(1), Some(rate))
            .reply(&voice);
        assert_eq!(busy.headers["retry-after"], "1");
        assert!(!busy.headers.contains_key("x-ratelimit-limit"));
        assert!(
            !ApiError::new(Code::Internal)
                .reply(&voice)
                .headers
                .contains_key("retry-after")
        );
    }

    #[test]
    fn r_33_pages_are_shut_off() {
        let page = Response::html(
            StatusCode::OK,
            HeaderValue::from_static("default-src 'none'"),
            "<p>",
        );
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", "default-src 'none'"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.headers[name], value);
        }
    }
}
