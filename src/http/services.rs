//! Services behind a proxy that asks us who is there: where people sign in, and which of the services they may be led back
//! to. Only origins of the operator's list are (R-13), and only a trusted proxy is believed about where somebody was (R-07).

use warp::http::header::AsHeaderName;

use super::client::NetList;
use super::request::Head;
use super::site::Site;
use super::{HeaderName, Method};
use crate::types::{WebOrigin, percent_encode};

/// The cookie that browsers carry to services. It is derived from a session like every secret of a browser, and opens
/// nothing but the way to services.
pub(super) const COOKIE: &str = "__Secure-keyledger-services";
/// The page of ours that leads back to a service, over the sign-in if need be.
pub(super) const RETURN: &str = "/account/return";
/// Where people sign in.
const SIGN_IN: &str = "/flow/default-authentication-flow";
/// Characters of an address to come back to.
pub(super) const ADDRESS_MAX: usize = 1_024;

/// Services behind this server.
#[derive(Clone, Debug, Default)]
pub struct ServiceSettings {
    /// Where somebody may be led back to.
    pub origins: Vec<WebOrigin>,
    /// The domain that this server and the services have in common; none where services are on its own host.
    pub cookie_domain: Option<String>,
    /// Who is believed about where a browser wanted to go.
    pub proxies: NetList,
}

/// Whether somebody may be led to this address: one of a service of the list, in characters that no reader takes for
/// anything else.
pub(super) fn is_known(settings: &ServiceSettings, url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&byte);
    if url.len() > ADDRESS_MAX || !url.bytes().all(is_plain) {
        return false;
    }
    settings.origins.iter().any(|origin| {
        url.strip_prefix(origin.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    })
}

/// Where to sign in, and to come back from to where the browser wanted to go, if that may be.
pub(super) fn sign_in_for(site: &Site, head: &Head) -> String {
    let base = &site.settings.public_url;
    let wanted = wanted(&site.settings.services, head);
    let Some(url) = wanted.filter(|url| is_known(&site.settings.services, url)) else {
        return format!("{base}{SIGN_IN}");
    };
    let mut location = format!("{base}{RETURN}?to=");
    percent_encode(&url, &mut location);
    location
}

/// The method of the request that a proxy holds, if it tells.
pub(super) fn forwarded_method(head: &Head) -> Option<Method> {
    let told = head
        .header("x-forwarded-method")
        .or_else(|| head.header("x-original-method"))?;
    Method::from_bytes(told.as_bytes()).ok()
}

/// The address that a browser wanted, as its proxy tells it: whole (nginx), or in parts (Traefik, Caddy).
fn wanted(settings: &ServiceSettings, head: &Head) -> Option<String> {
    if !settings.proxies.contains(head.peer.ip()) {
        return None;
    }
    let told = |name: &'static str| told(head, HeaderName::from_static(name));
    if let Some(whole) = told("x-original-url") {
        return Some(whole.to_owned());
    }
    let (scheme, host) = (told("x-forwarded-proto")?, told("x-forwarded-host")?);
    let path = told("x-forwarded-uri").unwrap_or("/");
    let origin = WebOrigin::parse(&format!("{scheme}://{host}")).ok()?;
    path.starts_with('/').then(|| format!("{origin}{path}"))
}

fn told(head: &Head, name: impl AsHeaderName) -> Option<&str> {
    head.header(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_13_only_addresses_of_services_in_the_list_are_come_back_to() {
        let settings = ServiceSettings {
            origins: vec![
                WebOrigin::parse("https://wiki.example.org").unwrap(),
                WebOrigin::parse("https://app.example.org:8443").unwrap(),
            ],
            ..ServiceSettings::default()
        };
        for good in [
            "https://wiki.example.org",
            "https://wiki.example.org/",
            "https://wiki.example.org/a?b=c&d=https://x",
            "https://app.example.org:8443/#top",
        ] {
            assert!(is_known(&settings, good), "{good}");
        }
        let long = format!("https://wiki.example.org/{}", "x".repeat(ADDRESS_MAX));
        for bad in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/",
            "https://wiki.example.org.evil.example/",
            "https://wiki.example.org@evil.example/",
            "https://wiki.example.org:444/",
            "https://wiki.example.org\\@evil.example/",
            "http://wiki.example.org/",
            "HTTPS://wiki.example.org/",
            "https://app.example.org/",
            "javascript:alert(1)//https://wiki.example.org/",
            "https://wiki.example.org/\r\nset-cookie: x",
            "https://wiki.example.org/ x",
            &long,
        ] {
            assert!(!is_known(&settings, bad), "{bad}");
        }
    }
}
