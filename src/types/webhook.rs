//! Where events are sent, and which: addresses of receivers and short lists of words for events.

use std::fmt;

use super::web_origin::{WebOrigin, WebOriginFault};

/// The address of a receiver: `https://host[:port]/path[?query]`, at most [`WebhookUrl::BYTES_MAX`] bytes, ASCII.
///
/// `http://` can be written too; whether it may be used, and which addresses a name may lead to, is decided by whoever
/// connects (CWE-918).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WebhookUrl {
    origin: WebOrigin,
    target: Box<str>,
}

/// Why a text is not the address of a receiver.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum WebhookUrlFault {
    /// What stands before the path is wrong.
    #[error("{0}")]
    Origin(WebOriginFault),
    /// A fragment, a space, or something beyond ASCII.
    #[error("behind the host, write visible ASCII characters without # and \\; encode others with %")]
    Target,
    /// Longer than fits.
    #[error("an address has at most {} bytes", WebhookUrl::BYTES_MAX)]
    TooLong,
}

impl WebhookUrlFault {
    /// The stable code that answers carry as a field's `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Origin(fault) => fault.reason(),
            Self::Target => "path",
            Self::TooLong => "too-long",
        }
    }
}

impl WebhookUrl {
    /// Bytes of an address.
    pub const BYTES_MAX: usize = 500;

    /// Reads an address; without a path it is `/`.
    pub fn parse(text: &str) -> Result<Self, WebhookUrlFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(WebhookUrlFault::TooLong);
        }
        let authority = text.find("://").map_or(0, |at| at + 3);
        let end = text[authority..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| authority + at);
        let (origin, target) = text.split_at(end);
        let origin = WebOrigin::parse(origin).map_err(WebhookUrlFault::Origin)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
        if !target.bytes().all(is_plain) {
            return Err(WebhookUrlFault::Target);
        }
        let target = if target.starts_with('/') {
            target.into()
        } else {
            format!("/{target}").into()
        };
        Ok(Self { origin, target })
    }

    /// Scheme, host and port, as browsers write them.
    pub fn origin(&self) -> &WebOrigin {
        &self.origin
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

/// Which events a receiver gets: names of events, words of the OWASP logging vocabulary, or [`WebhookEvents::ALL`] alone.
/// Sorted, each once, from one to [`WebhookEvents::COUNT_MAX`]. Whether there is such a word is for who knows them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WebhookEvents(Vec<Box<str>>);

/// Why words are no such list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum WebhookEventsFault {
    /// None at all.
    #[error("name one event at least, or * for all")]
    Empty,
    /// More than fit in a record.
    #[error("name at most {} events, or * for all", WebhookEvents::COUNT_MAX)]
    TooMany,
    /// Not of the form of a word.
    #[error("events are named by letters, digits and _, such as PasswordSet or authn_login_fail")]
    Malformed,
}

impl WebhookEventsFault {
    /// The stable code that answers carry as a field's `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "required",
            Self::TooMany => "too-many",
            Self::Malformed => "not-an-event",
        }
    }
}

impl WebhookEvents {
    /// Words of a list, so that it fits in one record.
    pub const COUNT_MAX: usize = 40;
    /// Bytes of a word.
    pub const WORD_BYTES_MAX: usize = 48;
    /// The word for all events; others beside it say nothing and are left out.
    pub const ALL: &'static str = "*";

    /// A list of these words.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, WebhookEventsFault> {
        let mut kept: Vec<Box<str>> = vec![];
        for word in words {
            if word == Self::ALL {
                return Ok(Self(vec![Self::ALL.into()]));
            }
            let is_word = (1..=Self::WORD_BYTES_MAX).contains(&word.len())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_word {
                return Err(WebhookEventsFault::Malformed);
            }
            if kept.iter().any(|known| **known == *word) {
                continue;
            }
            if kept.len() == Self::COUNT_MAX {
                return Err(WebhookEventsFault::TooMany);
            }
            kept.push(word.into());
        }
        if kept.is_empty() {
            return Err(WebhookEventsFault::Empty);
        }
        kept.sort_unstable();
        Ok(Self(kept))
    }

    /// The words, in the order of their letters.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|word| &**word)
    }

    /// Whether an event of that name, and that word of the vocabulary, is one of them.
    pub fn choose(&self, name: &str, term: Option<&str>) -> bool {
        self.iter()
            .any(|word| word == Self::ALL || word == name || Some(word) == term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_in_one_form() {
        for (typed, kept) in [
            ("https://Hooks.example.org", "https://hooks.example.org/"),
            (
                "https://hooks.example.org:443/a/b?c=d",
                "https://hooks.example.org/a/b?c=d",
            ),
            (
                "https://hooks.example.org:8443?c",
                "https://hooks.example.org:8443/?c",
            ),
            ("http://127.0.0.1:9000/in", "http://127.0.0.1:9000/in"),
            ("https://[2606:4700::1]/in", "https://[2606:4700::1]/in"),
        ] {
            let url = WebhookUrl::parse(typed).unwrap();
            assert_eq!(url.to_string(), kept);
            assert_eq!(WebhookUrl::parse(kept), Ok(url));
        }
    }

    #[test]
    fn a32_an_address_that_could_be_read_in_two_ways_is_refused() {
        let long = format!("https://example.org/{}", "a".repeat(WebhookUrl::BYTES_MAX));
        for text in [
            "",
            "example.org",
            "ftp://example.org/",
            "https://",
            "https://user@example.org/",
            "https://example.org@evil.example/",
            "https://example.org\\@evil.example/",
            "https://example.org/#fragment",
            "https://example.org#fragment",
            "https://example.org/a b",
            "https://example.org/\r\nX: y",
            "https://example.org/\u{e9}",
            "https://example.org:0/",
            "https://example..org/",
            long.as_str(),
        ] {
            assert!(WebhookUrl::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn events_are_chosen_by_their_name_or_by_a_word_of_the_vocabulary() {
        let some = WebhookEvents::new(["user_created", "PasswordSet", "PasswordSet"]).unwrap();
        assert_eq!(some.iter().collect::<Vec<_>>(), ["PasswordSet", "user_created"]);
        assert!(some.choose("PasswordSet", Some("authn_password_change")));
        assert!(some.choose("UserRegistered", Some("user_created")));
        assert!(!some.choose("MailQueued", None));
        let all = WebhookEvents::new(["PasswordSet", "*"]).unwrap();
        assert_eq!(all.iter().collect::<Vec<_>>(), ["*"]);
        assert!(all.choose("MailQueued", None));
        assert_eq!(WebhookEvents::new([]), Err(WebhookEventsFault::Empty));
        assert_eq!(WebhookEvents::new(["a-b"]), Err(WebhookEventsFault::Malformed));
        let many: Vec<String> = (0..=WebhookEvents::COUNT_MAX).map(|n| format!("E{n}")).collect();
        let many = WebhookEvents::new(many.iter().map(String::as_str));
        assert_eq!(many, Err(WebhookEventsFault::TooMany));
    }
}
