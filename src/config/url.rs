//! Web addresses that mails and redirects may carry: strict, because a lenient reader and a browser can disagree
//! about the host of an address (R-12, R-13).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LENGTH_MAX: usize = 2_048;

/// An `https` address, or an `http` one on a loopback host; without user info, fragment, or any spelling that
/// readers take for different hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebUrl {
    text: String,
    origin: usize,
    https: bool,
}

/// What an address is for, which decides what it may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// The start of other addresses: origin and optional path, stored in one canonical form.
    Base,
    /// A page, query allowed, kept as it is written, because clients' addresses are compared with it byte by byte.
    Page,
}

/// Why a text is not such an address. The text itself is never repeated: it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlFault {
    /// No `https://` or `http://` at the start.
    #[error("it does not start with `https://` (in lower case)")]
    NotWeb,
    /// Longer than 2,048 bytes.
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// A space, a control, a backslash, a quote, or a character outside ASCII.
    #[error(
        "it holds a character that is not allowed in an address (write other scripts as `xn--…` or `%XX`)"
    )]
    Character,
    /// `user:password@`.
    #[error("it holds a user name or `@` before its host")]
    Userinfo,
    /// `#…`.
    #[error("it holds a fragment (`#…`)")]
    Fragment,
    /// `?…` where none is allowed.
    #[error("it holds a query (`?…`)")]
    Query,
    /// The host is missing, malformed, or not one that a browser can open.
    #[error("its host is not a domain name or an IP address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// `//`, `/./` or `/../` in the path.
    #[error("its path holds an empty or a dot segment")]
    Path,
    /// `http` where not every hop stays on this machine.
    #[error("it is plain http, which is allowed only for a loopback host such as `localhost`")]
    PlainHttp,
}

impl WebUrl {
    /// Reads an address, or says what is wrong with it.
    pub fn parse(text: &str, shape: Shape) -> Result<Self, UrlFault> {
        if text.len() > LENGTH_MAX {
            return Err(UrlFault::TooLong);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&b))
        {
            return Err(UrlFault::Character);
        }
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(UrlFault::NotWeb),
        };
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlFault::Userinfo);
        }
        if tail.contains('#') {
            return Err(UrlFault::Fragment);
        }
        let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
        if shape == Shape::Base && !query.is_empty() {
            return Err(UrlFault::Query);
        }
        let (host, port) = split_authority(authority)?;
        let loopback = read_host(&host)?;
        if !https && !loopback {
            return Err(UrlFault::PlainHttp);
        }
        check_path(path)?;

        let scheme = if https { "https://" } else { "http://" };
        let (origin, text) = match shape {
            Shape::Page => (scheme.len() + authority.len(), text.to_owned()),
            Shape::Base => {
                let port = port.filter(|port| *port != if https { 443 } else { 80 });
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let origin = format!("{scheme}{host}{port}");
                (origin.len(), origin + path.trim_end_matches('/'))
            }
        };
        Ok(Self { text, origin, https })
    }

    /// The whole address; a base has no slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, as in an `Origin` header (RFC 6454 §6.2) if this is a base.
    pub fn origin(&self) -> &str {
        &self.text[..self.origin]
    }

    /// The path after the origin, empty or starting with a slash: where cookies and routes begin.
    pub fn path(&self) -> &str {
        self.text[self.origin..].split('?').next().unwrap_or("")
    }

    /// Whether it is `https`, so that cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The address of a path below this base; `path` starts with a slash and is ours, not a client's.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        Self {
            text: format!("{}{path}", self.text),
            origin: self.origin,
            https: self.https,
        }
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn split_authority(authority: &str) -> Result<(String, Option<u16>), UrlFault> {
    let end = if authority.starts_with('[') {
        authority.find(']').map(|at| at + 1).ok_or(UrlFault::Host)?
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(UrlFault::Host),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(
            digits
                .parse::<u16>()
                .ok()
                .filter(|port| *port != 0)
                .ok_or(UrlFault::Port)?,
        ),
        Some(_) => return Err(UrlFault::Port),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Checks a lower-case host and says whether it is this machine.
fn read_host(host: &str) -> Result<bool, UrlFault> {
    if let Some(inner) = host.strip_prefix('[') {
        let ip: Ipv6Addr = inner
            .strip_suffix(']')
            .and_then(|ip| ip.parse().ok())
            .ok_or(UrlFault::Host)?;
        return read_ip(IpAddr::V6(ip));
    }
    if host.is_empty() || host.len() > 253 {
        return Err(UrlFault::Host);
    }
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !host.split('.').all(fits) {
        return Err(UrlFault::Host);
    }
    // Browsers take a host whose last label is a number for an IPv4 address in any of its old spellings (WHATWG URL).
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return read_ip(IpAddr::V4(host.parse::<Ipv4Addr>().map_err(|_| UrlFault::Host)?));
    }
    Ok(is_local_name(host))
}

fn read_ip(ip: IpAddr) -> Result<bool, UrlFault> {
    let ip = ip.to_canonical();
    if ip.is_unspecified() || ip.is_multicast() {
        Err(UrlFault::Host)
    } else {
        Ok(ip.is_loopback())
    }
}

/// Whether a host name means this machine by definition (RFC 6761 §6.3); names are not looked up.
pub(super) fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn check_path(path: &str) -> Result<(), UrlFault> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        if plain == "." || plain == ".." || (plain.is_empty() && segments.peek().is_some()) {
            return Err(UrlFault::Path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Result<String, UrlFault> {
        WebUrl::parse(text, Shape::Base).map(|url| url.as_str().to_owned())
    }

    #[test]
    fn r_12_a_base_has_one_canonical_form() {
        assert_eq!(
            base("https://ID.Example.com:443/"),
            Ok("https://id.example.com".to_owned())
        );
        assert_eq!(
            base("https://id.example.com:8443/auth/"),
            Ok("https://id.example.com:8443/auth".to_owned())
        );
        assert_eq!(
            base("http://localhost:8080"),
            Ok("http://localhost:8080".to_owned())
        );
        let url = WebUrl::parse("https://id.example.com/auth", Shape::Base).unwrap();
        assert_eq!(url.origin(), "https://id.example.com");
        assert_eq!(url.path(), "/auth");
        assert_eq!(
            url.join("/recover").as_str(),
            "https://id.example.com/auth/recover"
        );
    }

    #[test]
    fn r_12_plain_http_is_only_for_this_machine() {
        for text in [
            "http://localhost",
            "http://app.localhost:1",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ] {
            assert!(base(text).is_ok(), "{text}");
        }
        for text in [
            "http://id.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://[2001:db8::1]",
        ] {
            assert_eq!(base(text), Err(UrlFault::PlainHttp), "{text}");
        }
    }

    #[test]
    fn r_12_tricks_are_named() {
        for (text, fault) in [
            ("id.example.com", UrlFault::NotWeb),
            ("javascript:alert(1)", UrlFault::NotWeb),
            ("HTTPS://id.example.com", UrlFault::NotWeb),
            ("https://user:pw@id.example.com", UrlFault::Userinfo),
            ("https://id.example.com@evil.example", UrlFault::Userinfo),
            ("https://id.example.com?x=1", UrlFault::Query),
            ("https://id.example.com/#x", UrlFault::Fragment),
            ("https://id.example.com\\@evil.example", UrlFault::Character),
            ("https://id.example.com/ x", UrlFault::Character),
            ("https://아이디.example", UrlFault::Character),
            ("https://", UrlFault::Host),
            ("https:///path", UrlFault::Host),
            ("https://2130706433", UrlFault::Host),
            ("https://0x7f.1", UrlFault::Host),
            ("https://0.0.0.0", UrlFault::Host),
            ("https://[::1", UrlFault::Host),
            ("https://[::1]x", UrlFault::Host),
            ("https://a..b", UrlFault::Host),
            ("https://id.example.com:0", UrlFault::Port),
            ("https://id.example.com:", UrlFault::Port),
            ("https://id.example.com:99999", UrlFault::Port),
            ("https://id.example.com/a/../b", UrlFault::Path),
            ("https://id.example.com/a/%2E%2e/b", UrlFault::Path),
            ("https://id.example.com//b", UrlFault::Path),
        ] {
            assert_eq!(base(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn r_13_a_page_is_kept_as_it_is_written() {
        let text = "https://App.example.com/done/?from=mail";
        assert_eq!(WebUrl::parse(text, Shape::Page).unwrap().as_str(), text);
        assert_eq!(
            WebUrl::parse("https://app.example.com/#x", Shape::Page),
            Err(UrlFault::Fragment)
        );
    }
}
