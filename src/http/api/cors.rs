//! Which web pages may read answers (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>): those that the operator
//! named for the publishable key they call with, and no others. Cookies are never part of it.

use crate::http::header::{self, HeaderName};
use crate::http::site::Site;
use crate::http::{Head, HeaderValue, Method, Response};

use super::gate::api_key;

/// Header fields of an answer that scripts may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, ETag, \
     Idempotency-Replayed",
);
/// Header fields of a call that scripts may send.
const SENT: HeaderValue = HeaderValue::from_static(
    "Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, X-API-Key, X-Request-Id",
);
/// Seconds for which a browser need not ask again.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Lets the scripts of a page read an answer, if the page belongs to the key that the call came with. A browser that asks
/// before it calls sends no key: it is told what the page may do with one, if it belongs to any.
pub(super) fn share(site: &Site, head: &Head, response: &mut Response) {
    let Some(sent) = head
        .headers
        .get(header::ORIGIN)
        .filter(|_| head.path.starts_with("/v1/"))
    else {
        return;
    };
    let headers = &mut response.headers;
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    // A field that was sent twice is none.
    let Some(origin) = head.header(header::ORIGIN) else {
        return;
    };
    let asked = head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if head.method == Method::OPTIONS && asked {
        let Some(methods) = headers.get(header::ALLOW).cloned() else {
            return;
        };
        if !site.desk.is_known_origin(origin) {
            return;
        }
        set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        set(headers, header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    } else {
        let client = api_key(head).and_then(|key| site.desk.api_caller(key));
        if !client.is_some_and(|client| site.desk.is_key_for_origin(client.key, origin)) {
            return;
        }
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, sent.clone());
}

fn set(headers: &mut crate::http::HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}
