//! Who looks at a page: their language, and where this server is for them.

use serde::Serialize;
use warp::http::Method;

use super::member::page_of;
use super::nav::Nav;
use super::texts;
use crate::desk::Visitor;
use crate::http::reply::Voice;
use crate::http::request::Head;
use crate::http::site::Site;
use crate::types::Locale;

/// What stands above a page that is only looked at, and the way back from it.
#[derive(Clone, Serialize)]
pub(in crate::http) struct Preview {
    pub(in crate::http) words: String,
    pub(in crate::http) href: String,
    pub(in crate::http) back: String,
}

/// Somebody before a page.
pub(in crate::http) struct Viewer<'a> {
    site: &'a Site,
    head: &'a Head,
    locale: Option<Locale>,
    query: String,
    nav: Option<Nav>,
    preview: Option<Preview>,
    /// Whether the path alone shows this page again.
    reopens: bool,
}

impl<'a> Viewer<'a> {
    /// Reads the language: `?lang=` before `Accept-Language` before English. A query that cannot be read has none.
    pub(in crate::http) fn of(site: &'a Site, head: &'a Head) -> Self {
        let chosen = head
            .query_fields()
            .ok()
            .and_then(|mut fields| fields.optional_text("lang"))
            .and_then(|tag| Locale::parse(&tag));
        Self {
            site,
            head,
            locale: chosen.or_else(|| site.visitor(head).locale),
            query: chosen.map_or_else(String::new, |locale| format!("?lang={}", locale.tag())),
            nav: None,
            preview: None,
            reopens: true,
        }
    }

    /// The same in a language, unless another one was chosen for this page.
    pub(in crate::http) fn preferring(self, locale: Locale) -> Self {
        if self.query.is_empty() {
            Self {
                locale: Some(locale),
                ..self
            }
        } else {
            self
        }
    }

    /// The same with the way around the pages of an account.
    pub(in crate::http) fn with_nav(self, nav: Nav) -> Self {
        Self {
            nav: Some(nav),
            ..self
        }
    }

    /// The same for a page that is only looked at.
    pub(in crate::http) fn previewing(self, preview: Preview) -> Self {
        Self {
            preview: Some(preview),
            ..self
        }
    }

    /// What is said of this page if it is only looked at.
    pub(super) fn preview(&self) -> Option<&Preview> {
        self.preview.as_ref()
    }

    /// The way around, if this page is one of an account.
    pub(in crate::http) fn nav(&self) -> Option<&Nav> {
        self.nav.as_ref()
    }

    /// The same for a page that cannot be opened by its path alone, and so has no link to itself.
    pub(in crate::http) fn once(site: &'a Site, head: &'a Head) -> Self {
        Self {
            reopens: false,
            ..Self::of(site, head)
        }
    }

    /// What handlers share.
    pub(in crate::http) fn site(&self) -> &'a Site {
        self.site
    }

    /// Their language.
    pub(in crate::http) fn locale(&self) -> Locale {
        self.locale.unwrap_or_default()
    }

    /// One sentence in it.
    pub(in crate::http) fn say(&self, section: &str, name: &str) -> String {
        texts::say(self.locale(), section, name).replace("{brand}", self.brand())
    }

    /// The query that keeps a chosen language, with its `?`; empty if none was chosen.
    pub(in crate::http) fn query(&self) -> &str {
        &self.query
    }

    /// The address of a page of ours in their language.
    pub(in crate::http) fn href(&self, path: &str) -> String {
        format!("{}{path}{}", self.base(), self.query)
    }

    /// The same, of a page that leads back to another in the end.
    pub(super) fn href_back(&self, path: &str, back: &str) -> String {
        let joint = if self.query.is_empty() { '?' } else { '&' };
        format!("{}{joint}next={back}", self.href(path))
    }

    /// The service's name.
    pub(in crate::http) fn brand(&self) -> &'a str {
        &self.site.settings.brand
    }

    /// The path under which this server is reached: empty, or with a slash at its start and none at its end.
    pub(in crate::http) fn base(&self) -> &'a str {
        split_url(&self.site.url).1
    }

    /// Scheme, host and port under which this server is reached.
    pub(in crate::http) fn origin(&self) -> &'a str {
        split_url(&self.site.url).0
    }

    /// The path that shows this page again, or after a form was sent the nearest one above it that opens; none for a page
    /// that its path alone does not show.
    pub(in crate::http) fn path_to_reopen(&self) -> Option<&'a str> {
        self.reopens.then(|| page_of(self.head))
    }

    /// Whether something is gone for whoever leaves a page: what is shown once; and after a form was sent, the secret of a
    /// mailed link, which is not in the address any more.
    pub(super) fn loses(&self, file: &str) -> bool {
        let is_shown_once = [
            "account/codes.html",
            "console/recovery.html",
            "console/key_new.html",
            "console/webhook_secret.html",
        ]
        .contains(&file);
        let carries = ["recover.html", "verify.html", "link.html"].contains(&file);
        is_shown_once || carries && self.head.method == Method::POST
    }

    /// How an error without a page is answered.
    pub(in crate::http) fn voice(&self) -> &'a Voice {
        &self.head.voice
    }

    /// The id of the request.
    pub(in crate::http) fn request_id(&self) -> &'a str {
        &self.head.voice.request_id
    }

    /// The head of the request.
    pub(in crate::http) fn head(&self) -> &'a Head {
        self.head
    }

    /// What the desk is told of them.
    pub(in crate::http) fn visitor(&self) -> Visitor {
        Visitor {
            locale: self.locale,
            ..self.site.visitor(self.head)
        }
    }
}

/// Origin and path of a base address, as the configuration has checked it.
fn split_url(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    url.split_at(url[host..].find('/').map_or(url.len(), |at| host + at))
}

#[cfg(test)]
mod tests {
    use super::split_url;

    #[test]
    fn a_base_address_is_an_origin_and_a_path() {
        assert_eq!(
            split_url("https://id.example.com"),
            ("https://id.example.com", "")
        );
        assert_eq!(
            split_url("http://[::1]:8080/way/in"),
            ("http://[::1]:8080", "/way/in")
        );
    }
}
