//! Where verification leads in the end: to addresses of the operator's list, and to no other.

use std::fmt::Write as _;

use super::HeaderValue;
use super::response::Response;
use super::site::Site;

/// Whether an address is in the list, letter by letter.
pub(super) fn is_known(site: &Site, url: &str) -> bool {
    site.settings.callback_urls.iter().any(|known| known == url)
}

/// Leads a browser back to the client, told who was verified; `None` if the list does not have the address (any more).
pub(super) fn lead_back(site: &Site, url: &str, email: &str) -> Option<Response> {
    let location = is_known(site, url).then(|| returning(url, email))?;
    HeaderValue::from_str(&location).ok().map(Response::see_other)
}

/// Scheme, host and port of every address in the list, each once.
pub(super) fn origins(site: &Site) -> Vec<&str> {
    let mut all: Vec<&str> = site
        .settings
        .callback_urls
        .iter()
        .map(|url| origin_of(url))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn origin_of(url: &str) -> &str {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let authority = url[scheme..].find(['/', '?', '#']);
    &url[..authority.map_or(url.len(), |at| scheme + at)]
}

/// The address to return to, told who was verified.
fn returning(url: &str, email: &str) -> String {
    let (page, fragment) = match url.split_once('#') {
        Some((page, fragment)) => (page, Some(fragment)),
        None => (url, None),
    };
    let joint = if page.contains('?') { '&' } else { '?' };
    let mut location = format!("{page}{joint}verified=true&email=");
    for byte in email.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            write!(location, "%{byte:02X}").expect("text takes every write");
        }
    }
    if let Some(fragment) = fragment {
        location.push('#');
        location.push_str(fragment);
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_keeps_query_and_fragment_and_escapes_the_address() {
        let back = |url| returning(url, "a+b@x.org");
        let told = "verified=true&email=a%2Bb%40x.org";
        assert_eq!(back("https://app.x/done"), format!("https://app.x/done?{told}"));
        assert_eq!(
            back("https://app.x/?a=1#top"),
            format!("https://app.x/?a=1&{told}#top")
        );
    }

    #[test]
    fn r_33_a_form_may_lead_to_an_origin_and_nothing_narrower_is_a_source() {
        for (url, origin) in [
            ("https://app.x:8443/done?x=1", "https://app.x:8443"),
            ("https://app.x?x=1", "https://app.x"),
            ("https://app.x", "https://app.x"),
        ] {
            assert_eq!(origin_of(url), origin);
        }
    }
}
