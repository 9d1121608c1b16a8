//! Where a range service is: read strictly, because the server itself goes there (CWE-918).

use std::fmt;

/// The address of a service that speaks the range protocol of Have I Been Pwned: `https://host[:port][/path]`.
///
/// A domain name or an IPv4 address; no user info, query, fragment, or percent sign. Which addresses the name may
/// resolve to is decided by whoever connects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeUrl {
    host: String,
    port: u16,
    path: String,
}

/// A text that is no such address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", Self::REMEDY)]
pub struct RangeUrlFault;

impl RangeUrlFault {
    /// What to write instead.
    pub const REMEDY: &'static str =
        "write https://, a domain name, and if need be a port and a path, at most 200 characters";
}

const LENGTH_MAX: usize = 200;
const HTTPS_PORT: u16 = 443;

impl RangeUrl {
    /// Reads an address; a slash at its end means nothing.
    pub fn parse(text: &str) -> Result<Self, RangeUrlFault> {
        let rest = text.strip_prefix("https://").ok_or(RangeUrlFault)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, parse_port(port).ok_or(RangeUrlFault)?),
            None => (authority, HTTPS_PORT),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let holds = text.len() <= LENGTH_MAX
            && host.split('.').all(is_label)
            && path.split('/').skip(1).all(is_segment);
        holds
            .then(|| Self {
                host: host.to_ascii_lowercase(),
                port,
                path: path.to_owned(),
            })
            .ok_or(RangeUrlFault)
    }

    /// The host's name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a request names as its host: without the port that https has anyway (RFC 9110 §7.2).
    pub fn authority(&self) -> String {
        if self.port == HTTPS_PORT {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The path of a range: `/range/21BD1`, below the address's own path.
    pub fn range_path(&self, prefix: &str) -> String {
        format!("{}/range/{prefix}", self.path)
    }
}

impl fmt::Display for RangeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority(), self.path)
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| plain && *port != 0)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_segment(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    !segment.is_empty() && segment.bytes().all(plain) && segment.bytes().any(|b| b != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_in_one_form() {
        let url = RangeUrl::parse("https://Ranges.example.org:8443/pwned/").unwrap();
        assert_eq!((url.host(), url.port()), ("ranges.example.org", 8443));
        assert_eq!(url.to_string(), "https://ranges.example.org:8443/pwned");
        assert_eq!(url.range_path("21BD1"), "/pwned/range/21BD1");
        let usual = RangeUrl::parse(super::super::HIBP_URL_DEFAULT).unwrap();
        assert_eq!(
            (usual.authority().as_str(), usual.port()),
            ("api.pwnedpasswords.com", 443)
        );
        assert_eq!(usual.range_path("00000"), "/range/00000");
    }

    #[test]
    fn p_07_an_address_that_is_not_plain_https_is_refused() {
        let long = format!("https://example.org/{}", "a".repeat(200));
        for text in [
            "",
            "http://example.org",
            "HTTPS://example.org",
            "https://",
            "https://user@example.org",
            "https://example.org@evil.example",
            "https://example.org:0",
            "https://example.org:+1",
            "https://example.org:65536",
            "https://[::1]",
            "https://example..org",
            "https://-example.org",
            "https://example.org?x",
            "https://example.org/a?x",
            "https://example.org/#x",
            "https://example.org/../a",
            "https://example.org//a",
            "https://example.org/%2e",
            "https://example.org/a b",
            "https://example.org\r\nX: y",
            "https://bücher.example",
            long.as_str(),
        ] {
            assert_eq!(RangeUrl::parse(text), Err(RangeUrlFault), "{text:?}");
        }
    }
}
