//! Cookies: `__Host-` ones only, which no other host, port of plain HTTP or path can set or read (S-05).

use warp::http::{HeaderValue, header};

use crate::http::request::Head;
use crate::http::response::Response;
use crate::types::Span;

/// The session. Browsers take `Secure` cookies from `http://localhost` and `http://127.0.0.1` too, which is where plain
/// HTTP is allowed at all.
pub(super) const SESSION: &str = "__Host-keyledger";

/// How long a browser keeps a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keep {
    /// Until it is closed.
    WhileOpen,
    /// For so long, also when it is closed meanwhile.
    For(Span),
    /// No longer.
    Never,
}

/// The value of a cookie that came exactly once. One that came twice is none: somebody tries to put theirs before ours.
pub(in crate::http) fn read<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
    let mut found = head
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim_matches(' ').split_once('='))
        .filter(|(of, _)| *of == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        (_, _) => None,
    }
}

/// The answer with a cookie set, sent along to this server alone and unreadable for scripts. `Lax`: a link from elsewhere
/// opens a page as signed in, a form from elsewhere is sent without it.
pub(super) fn set(response: Response, name: &str, value: &str, keep: Keep) -> Response {
    set_for(response, None, name, value, keep)
}

/// The same for a whole domain.
pub(super) fn set_for(
    response: Response,
    domain: Option<&str>,
    name: &str,
    value: &str,
    keep: Keep,
) -> Response {
    let domain = domain.map_or(String::new(), |domain| format!("Domain={domain}; "));
    let age = match keep {
        Keep::WhileOpen => String::new(),
        Keep::For(span) => format!("; Max-Age={}", span.seconds_up()),
        Keep::Never => "; Max-Age=0".to_owned(),
    };
    let cookie = format!("{name}={value}; {domain}Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    let cookie = HeaderValue::try_from(cookie);
    response.adding(
        header::SET_COOKIE,
        cookie.expect("names, values and domains of our cookies are letters, digits, `-`, `_`, `.` and `%`"),
    )
}
