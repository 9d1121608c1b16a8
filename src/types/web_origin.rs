//! Origins of web pages, as browsers name them, and the short lists of them that API keys have.

use std::fmt;

/// The origin of a web page (RFC 6454 §6.2), written as browsers write it in `Origin`: `https://app.example.org`, with a
/// port only where it is not the scheme's own.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WebOrigin(Box<str>);

/// Origins without order, each once, at most [`WebOrigins::COUNT_MAX`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct WebOrigins(Vec<WebOrigin>);

/// Why a text is not an origin, or origins are no list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum WebOriginFault {
    /// Neither `https://` nor `http://`; `*` and `null` neither.
    #[error(
        "an origin begins with https:// or http://, such as https://app.example.org; there is no wildcard"
    )]
    Scheme,
    /// A path, a query, a user, or a slash at the end.
    #[error("an origin ends with the host or its port: leave out the path and the slash at the end")]
    BeyondHost,
    /// No host, or one with other characters than a browser sends.
    #[error(
        "write the host as browsers send it: letters a-z, digits, dots and hyphens, or an address in [ ]"
    )]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// More than fit.
    #[error("a key has at most 10 origins")]
    TooMany,
}

impl WebOriginFault {
    /// The stable code that answers carry as a field's `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::BeyondHost => "beyond-the-host",
            Self::Host => "host",
            Self::Port => "port",
            Self::TooMany => "too-many",
        }
    }
}

impl WebOrigin {
    /// Characters of a host: the longest domain name.
    const HOST_MAX: usize = 253;

    /// Reads an origin as an operator types it: capital letters and the scheme's own port are put right.
    pub fn parse(text: &str) -> Result<Self, WebOriginFault> {
        let lower = text.trim().to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or(WebOriginFault::Scheme)?;
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(WebOriginFault::Scheme),
        };
        if rest.contains(['/', '?', '#', '@', '\\']) {
            return Err(WebOriginFault::BeyondHost);
        }
        let (host, port) = split_port(rest)?;
        if !is_host(host) || host.len() > Self::HOST_MAX {
            return Err(WebOriginFault::Host);
        }
        let port = port.filter(|port| *port != own_port);
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        Ok(Self(format!("{scheme}://{host}{port}").into()))
    }

    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Host and port as they stand in it: what a request names as its host (RFC 9110 §7.2).
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest)
    }

    /// The port, the scheme's own if it names none.
    pub fn port(&self) -> u16 {
        let named = split_port(self.authority()).ok().and_then(|(_, port)| port);
        named.unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// The host, without the port.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        split_port(authority).map_or(authority, |(host, _)| host)
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl WebOrigins {
    /// Origins that a list has at most, so that it fits in one record.
    pub const COUNT_MAX: usize = 10;

    /// A list of these; the same twice is once.
    pub fn new(mut origins: Vec<WebOrigin>) -> Result<Self, WebOriginFault> {
        origins.sort_unstable();
        origins.dedup();
        if origins.len() > Self::COUNT_MAX {
            return Err(WebOriginFault::TooMany);
        }
        Ok(Self(origins))
    }

    /// Whether a browser's `Origin` is one of them, letter by letter.
    pub fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|known| &*known.0 == origin)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other, in the order of their letters.
    pub fn iter(&self) -> impl Iterator<Item = &WebOrigin> {
        self.0.iter()
    }
}

/// The host and the port behind it; colons within `[ ]` belong to the address.
fn split_port(text: &str) -> Result<(&str, Option<u16>), WebOriginFault> {
    let behind_address = text.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = text[behind_address..].find(':') else {
        return Ok((text, None));
    };
    let (host, port) = text.split_at(behind_address + colon);
    let digits = &port[1..];
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| is_number && *port > 0);
    Ok((host, Some(port.ok_or(WebOriginFault::Port)?)))
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (typed, sent) in [
            ("https://app.example.org", "https://app.example.org"),
            ("HTTPS://App.Example.org:443", "https://app.example.org"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://localhost:80", "http://localhost"),
            (
                "https://xn--bcher-kva.example:8443",
                "https://xn--bcher-kva.example:8443",
            ),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://127.0.0.1", "http://127.0.0.1"),
        ] {
            assert_eq!(WebOrigin::parse(typed).unwrap().as_str(), sent);
        }
        let host = |text| WebOrigin::parse(text).unwrap().host().to_owned();
        assert_eq!(host("https://app.example.org:8443"), "app.example.org");
        assert_eq!(host("http://[::1]:3000"), "[::1]");
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_what_to_do() {
        for (text, fault) in [
            ("*", WebOriginFault::Scheme),
            ("null", WebOriginFault::Scheme),
            ("app.example.org", WebOriginFault::Scheme),
            ("ftp://app.example.org", WebOriginFault::Scheme),
            ("https://app.example.org/", WebOriginFault::BeyondHost),
            ("https://app.example.org/a?b#c", WebOriginFault::BeyondHost),
            ("https://me@app.example.org", WebOriginFault::BeyondHost),
            ("https://", WebOriginFault::Host),
            ("https://*.example.org", WebOriginFault::Host),
            ("https://bücher.example", WebOriginFault::Host),
            ("https://a..b", WebOriginFault::Host),
            ("https://[::g]", WebOriginFault::Host),
            ("https://a:0", WebOriginFault::Port),
            ("https://a:+1", WebOriginFault::Port),
            ("https://a:65536", WebOriginFault::Port),
            ("https://a:", WebOriginFault::Port),
        ] {
            assert_eq!(WebOrigin::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_list_has_each_once_and_ten_at_most() {
        let origin = |n: usize| WebOrigin::parse(&format!("https://app{n}.example.org")).unwrap();
        let twice = WebOrigins::new(vec![origin(2), origin(1), origin(2)]).unwrap();
        assert_eq!(twice, WebOrigins::new(vec![origin(1), origin(2)]).unwrap());
        assert!(
            twice.contains("https://app1.example.org") && !twice.contains("https://app1.example.org:443")
        );
        assert!(WebOrigins::new((0..10).map(origin).collect()).is_ok());
        let many = WebOrigins::new((0..11).map(origin).collect());
        assert_eq!(many, Err(WebOriginFault::TooMany));
    }
}
