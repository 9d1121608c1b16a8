//! The kinds of values that settings take: how each is read, what it expects, and an example of it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::sender::Sender;
use super::url::{Shape, WebUrl};
use super::value::{Raw, Value};
use super::words::{TEXT_CHARS_MAX, flag, host, line, network, quote, secret, whole, within};
use crate::types::{Colour, WebOrigin, units};

const LIST_ITEMS_MAX: usize = 256;

/// What a setting takes, with its bounds (both ends included).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A line of text, 1 to 256 characters, without controls.
    Text,
    /// Directives of the log filter.
    Filter,
    /// A host name or IP address.
    Host,
    /// A sender of mails.
    Sender,
    /// A colour.
    Colour,
    /// A file or folder; relative to the folder of the file that names it, else to the current directory.
    Path,
    /// An IP address and a port to listen on.
    Address,
    /// A web address.
    Url(Shape),
    /// Web addresses of pages.
    Urls,
    /// Origins of web pages.
    Origins,
    /// IP networks.
    Networks,
    /// On or off.
    Flag,
    /// A whole number.
    Count(u64, u64),
    /// A length of time, bounds in seconds.
    Time(u64, u64),
    /// A size, bounds in bytes.
    Size(u64, u64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A secret of at most 4096 bytes, never shown.
    Secret,
}

/// How a kind is written in TOML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Toml {
    String,
    Integer,
    StringOrInteger,
    Boolean,
    Strings,
}

impl Kind {
    /// Whether it takes several values, comma-separated outside TOML.
    pub(super) fn is_list(self) -> bool {
        self.toml() == Toml::Strings
    }

    /// Reads a value, `base` being the folder that relative paths start from. `Err` holds what is wrong with it in
    /// words; it repeats the value only for kinds that cannot hold a secret.
    pub(super) fn read(self, raw: &Raw, base: &Path) -> Result<Value, String> {
        match (self.toml(), raw) {
            (Toml::Strings, Raw::Plain(text)) => {
                self.list(text.split(',').map(str::trim).filter(|item| !item.is_empty()))
            }
            (Toml::Strings, Raw::List(items)) => self.list(items.iter().map(|item| item.trim())),
            (_, Raw::Plain(text)) | (Toml::String | Toml::StringOrInteger, Raw::Text(text)) => {
                self.word(text, base)
            }
            (Toml::Integer | Toml::StringOrInteger, Raw::Integer(number)) => {
                self.word(&number.to_string(), base)
            }
            (Toml::Boolean, Raw::Flag(flag)) => Ok(Value::Flag(*flag)),
            (_, wrong) => Err(format!("it is {}", wrong.found())),
        }
    }

    fn toml(self) -> Toml {
        match self {
            Self::Text | Self::Filter | Self::Host | Self::Sender | Self::Path | Self::Address => {
                Toml::String
            }
            Self::Colour | Self::Url(_) | Self::OneOf(_) | Self::Secret => Toml::String,
            Self::Urls | Self::Origins | Self::Networks => Toml::Strings,
            Self::Flag => Toml::Boolean,
            Self::Count(..) => Toml::Integer,
            Self::Time(..) | Self::Size(..) => Toml::StringOrInteger,
        }
    }

    fn word(self, text: &str, base: &Path) -> Result<Value, String> {
        if self == Self::Secret {
            return secret(text);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        let quoted = quote(text);
        match self {
            Self::Text => line(text).map(|text| Value::Text(text.to_owned())),
            Self::Filter => {
                text.parse::<tracing_subscriber::filter::Targets>()
                    .map_err(|_| format!("{quoted} is not a log filter"))?;
                line(text).map(|text| Value::Text(text.to_owned()))
            }
            Self::Host => host(text).ok_or_else(|| format!("{quoted} is not a host")),
            Self::Sender => Sender::parse(text)
                .map(Value::Sender)
                .ok_or_else(|| format!("{quoted} is not an address")),
            Self::Colour => Colour::parse(text)
                .map(Value::Colour)
                .ok_or_else(|| format!("{quoted} is not a colour")),
            Self::Path => line(text).map(|text| Value::Path(base.join(text))),
            Self::Address => text
                .parse::<SocketAddr>()
                .map(Value::Address)
                .map_err(|_| format!("{quoted} is not an IP address with a port")),
            Self::Url(shape) => WebUrl::parse(text, shape)
                .map(Value::Url)
                .map_err(|fault| fault.to_string()),
            Self::Flag => flag(text)
                .map(Value::Flag)
                .ok_or_else(|| format!("{quoted} is neither true nor false")),
            Self::Count(min, max) => {
                let count = whole(text).ok_or_else(|| format!("{quoted} is not a whole number"))?;
                within(count, min, max, quoted).map(Value::Count)
            }
            Self::Time(min, max) => {
                let time =
                    units::read_duration(text).ok_or_else(|| format!("{quoted} is not a length of time"))?;
                within(time.as_secs(), min, max, quoted).map(|_| Value::Time(time))
            }
            Self::Size(min, max) => {
                let size = units::read_size(text).ok_or_else(|| format!("{quoted} is not a size"))?;
                within(size, min, max, quoted).map(Value::Size)
            }
            Self::OneOf(words) => {
                if words.contains(&text) {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(format!("{quoted} is none of its words"))
                }
            }
            Self::Secret => secret(text),
            Self::Urls | Self::Origins | Self::Networks => self.list(std::iter::once(text)),
        }
    }

    fn list<'a>(self, items: impl Iterator<Item = &'a str>) -> Result<Value, String> {
        let items: Vec<&str> = items.take(LIST_ITEMS_MAX + 1).collect();
        if items.len() > LIST_ITEMS_MAX {
            return Err(format!("it has more than {LIST_ITEMS_MAX} items"));
        }
        if self == Self::Networks {
            return items
                .into_iter()
                .map(network)
                .collect::<Result<_, _>>()
                .map(Value::Networks);
        }
        if self == Self::Origins {
            let origin = |(at, text): (usize, &str)| {
                WebOrigin::parse(text).map_err(|fault| format!("item {}: {fault}", at + 1))
            };
            let read = items.into_iter().enumerate().map(origin);
            return read.collect::<Result<_, _>>().map(Value::Origins);
        }
        let page = |(at, text): (usize, &str)| {
            WebUrl::parse(text, Shape::Page).map_err(|fault| format!("item {}: {fault}", at + 1))
        };
        items
            .into_iter()
            .enumerate()
            .map(page)
            .collect::<Result<_, _>>()
            .map(Value::Urls)
    }

    /// What it takes, in words, bounds included.
    pub fn expected(self) -> String {
        let time = |seconds| units::write_duration(Duration::from_secs(seconds));
        match self {
            Self::Text => format!("a line of text of at most {TEXT_CHARS_MAX} characters"),
            Self::Filter => "a log level or filter directives".to_owned(),
            Self::Host => "a host name or IP address, without scheme or port".to_owned(),
            Self::Sender => "an e-mail address, or `Name <address>`".to_owned(),
            Self::Colour => "a colour, `#rrggbb` or `#rgb`".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Address => "an IP address and a port".to_owned(),
            Self::Url(Shape::Base) => {
                "an https address (http for loopback hosts) without user, query and fragment".to_owned()
            }
            Self::Url(Shape::Page) => {
                "an https address (http for loopback hosts) without user and fragment".to_owned()
            }
            Self::Urls => {
                "a list of https addresses (http for loopback hosts) without user and fragment".to_owned()
            }
            Self::Origins => {
                "a list of origins: https:// or http://, host, and port if it is not the usual one".to_owned()
            }
            Self::Networks => {
                "a list of IP addresses or networks, none of them the whole Internet".to_owned()
            }
            Self::Flag => "true or false".to_owned(),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Time(min, max) => {
                format!(
                    "a length of time from {} to {} (units s, m, h, d; none: seconds)",
                    time(min),
                    time(max)
                )
            }
            Self::Size(min, max) => format!(
                "a size from {} to {} (units KiB, MiB, GiB; none: bytes)",
                units::write_size(min),
                units::write_size(max)
            ),
            Self::OneOf(words) => words
                .iter()
                .enumerate()
                .fold(String::new(), |mut text, (at, word)| {
                    let _ = write!(text, "{}`{word}`", if at == 0 { "" } else { " or " });
                    text
                }),
            Self::Secret => "text that stays secret".to_owned(),
        }
    }

    /// A value that it accepts, as it is written outside TOML.
    pub fn example(self) -> String {
        match self {
            Self::Text => "Example".to_owned(),
            Self::Filter => "info".to_owned(),
            Self::Host => "smtp.example.com".to_owned(),
            Self::Sender => "Example <no-reply@example.com>".to_owned(),
            Self::Colour => "#1d4ed8".to_owned(),
            Self::Path => "/var/lib/keyledger".to_owned(),
            Self::Address => "127.0.0.1:8080".to_owned(),
            Self::Url(Shape::Base) => "https://id.example.com".to_owned(),
            Self::Url(Shape::Page) | Self::Urls => "https://app.example.com/recover".to_owned(),
            Self::Origins => "https://wiki.example.com,https://git.example.com".to_owned(),
            Self::Networks => "10.0.0.0/8,2001:db8::/32".to_owned(),
            Self::Flag => "true".to_owned(),
            Self::Count(min, _) => min.to_string(),
            Self::Time(min, _) => units::write_duration(Duration::from_secs(min)),
            Self::Size(min, _) => units::write_size(min),
            Self::OneOf(words) => words.first().copied().unwrap_or_default().to_owned(),
            Self::Secret => "a-long-random-text".to_owned(),
        }
    }

    /// The same value as `text`, written as TOML.
    pub(super) fn as_toml(self, text: &str) -> String {
        match self.toml() {
            Toml::Integer | Toml::Boolean => text.to_owned(),
            Toml::String | Toml::StringOrInteger => format!("{text:?}"),
            Toml::Strings => {
                let items: Vec<String> = text.split(',').map(|item| format!("{:?}", item.trim())).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, text: &str) -> Result<String, String> {
        kind.read(&Raw::Plain(text.to_owned()), Path::new("/base"))
            .map(|value| value.to_string())
    }

    #[test]
    fn every_kind_accepts_its_own_example() {
        let kinds = [
            Kind::Text,
            Kind::Filter,
            Kind::Host,
            Kind::Sender,
            Kind::Colour,
            Kind::Path,
            Kind::Address,
            Kind::Url(Shape::Base),
            Kind::Url(Shape::Page),
            Kind::Urls,
            Kind::Origins,
            Kind::Networks,
            Kind::Flag,
            Kind::Count(1, 9),
            Kind::Time(1, 9),
            Kind::Size(1, 9),
            Kind::OneOf(&["a", "b"]),
            Kind::Secret,
        ];
        for kind in kinds {
            assert!(read(kind, &kind.example()).is_ok(), "{kind:?}");
            let toml = format!("x = {}", kind.as_toml(&kind.example()));
            assert!(toml.parse::<toml::Table>().is_ok(), "{toml}");
        }
    }

    #[test]
    fn a_bound_is_refused_not_clamped() {
        assert_eq!(
            read(Kind::Count(1, 100), "0"),
            Err("`0` is too little".to_owned())
        );
        assert_eq!(
            read(Kind::Count(1, 100), "101"),
            Err("`101` is too much".to_owned())
        );
        assert_eq!(
            read(Kind::Count(1, 100), "99999999999999999999999"),
            Err("`99999999999999999999999` is too much".to_owned())
        );
        assert_eq!(
            read(Kind::Time(60, 86_400), "25h"),
            Err("`25h` is too much".to_owned())
        );
        assert_eq!(
            read(Kind::Size(1, 1024), "2KiB"),
            Err("`2KiB` is too much".to_owned())
        );
    }

    #[test]
    fn booleans_are_written_in_the_usual_ways() {
        for text in ["true", "True", "yes", "on", "1"] {
            assert_eq!(read(Kind::Flag, text), Ok("true".to_owned()));
        }
        assert_eq!(read(Kind::Flag, "OFF"), Ok("false".to_owned()));
        assert!(read(Kind::Flag, "ja").is_err());
    }

    #[test]
    fn r_07_networks_have_one_form_and_are_never_everybody() {
        assert_eq!(
            read(
                Kind::Networks,
                "10.1.2.3/8, 192.0.2.1 ,::ffff:10.0.0.0/104,2001:db8::1"
            ),
            Ok("10.0.0.0/8, 192.0.2.1/32, 10.0.0.0/8, 2001:db8::1/128".to_owned())
        );
        for text in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.0/33", "gateway"] {
            assert!(read(Kind::Networks, text).is_err(), "{text}");
        }
    }

    #[test]
    fn toml_types_are_kept_apart() {
        let base = Path::new("/");
        let of = |kind: Kind, raw: Raw| kind.read(&raw, base).map(|value| value.to_string());
        assert_eq!(
            of(Kind::Count(1, 99), Raw::Text("5".into())),
            Err("it is a string".to_owned())
        );
        assert_eq!(
            of(Kind::Flag, Raw::Integer(1)),
            Err("it is a whole number".to_owned())
        );
        assert_eq!(
            of(Kind::Text, Raw::Flag(true)),
            Err("it is true or false".to_owned())
        );
        assert_eq!(
            of(Kind::Networks, Raw::Text("::1".into())),
            Err("it is a string".to_owned())
        );
        assert_eq!(of(Kind::Time(0, 99), Raw::Integer(5)), Ok("5s".to_owned()));
        assert_eq!(
            of(Kind::Time(0, 99), Raw::Integer(-5)),
            Err("`-5` is not a length of time".to_owned())
        );
        assert_eq!(
            of(Kind::Text, Raw::Other("a table")),
            Err("it is a table".to_owned())
        );
    }

    #[test]
    fn a_wrong_value_is_quoted_on_one_short_line() {
        let fault = read(Kind::Count(1, 9), &format!("1\n{}", "x".repeat(99))).unwrap_err();
        assert!(
            fault.contains("\\n") && fault.contains('…') && fault.len() < 120,
            "{fault}"
        );
    }
}
