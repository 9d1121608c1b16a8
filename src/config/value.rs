//! What a setting holds once it is read, and how it becomes the field of a typed struct.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use super::sender::Sender;
use super::url::WebUrl;
use crate::types::{Colour, WebOrigin, units};

/// What stands for a secret wherever configuration is shown.
pub(super) const MASK: &str = "••••••";
/// What stands for a setting without a value.
pub(super) const NONE: &str = "(none)";

/// A value as it was written, before its setting's kind has looked at it.
#[derive(Clone)]
pub(super) enum Raw {
    /// Text without a type: a flag, an environment variable, a line of `.env`.
    Plain(String),
    /// A TOML string.
    Text(String),
    /// A TOML integer that fits 64 bits.
    Integer(i64),
    /// A TOML boolean.
    Flag(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// Any other TOML value, by the name of its type.
    Other(&'static str),
}

impl Raw {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Plain(text) | Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The name of what was found, for a person.
    pub(super) fn found(&self) -> &'static str {
        match self {
            Self::Plain(_) => "text",
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list of strings",
            Self::Other(name) => name,
        }
    }
}

/// A value that its setting's kind has accepted. It has no `Debug`; its `Display` masks secrets.
#[derive(Clone)]
pub(super) enum Value {
    None,
    Text(String),
    Flag(bool),
    Count(u64),
    Size(u64),
    Time(Duration),
    Address(SocketAddr),
    Path(PathBuf),
    Url(WebUrl),
    Urls(Vec<WebUrl>),
    Origins(Vec<WebOrigin>),
    Networks(Vec<IpNet>),
    Sender(Sender),
    Colour(Colour),
    Secret(SecretString),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(NONE),
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Size(bytes) => f.write_str(&units::write_size(*bytes)),
            Self::Time(time) => f.write_str(&units::write_duration(*time)),
            Self::Address(address) => write!(f, "{address}"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{url}"),
            Self::Urls(urls) => list(f, urls),
            Self::Origins(origins) => list(f, origins),
            Self::Networks(networks) => list(f, networks),
            Self::Sender(sender) => write!(f, "{sender}"),
            Self::Colour(colour) => write!(f, "{colour}"),
            Self::Secret(_) => f.write_str(MASK),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    if items.is_empty() {
        return f.write_str(NONE);
    }
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    f.write_str(&items.join(", "))
}

/// A field's type, taken from the value that its setting's kind made; `None` if the table pairs the two wrongly.
pub(super) trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty: $($variant:ident)|+ => $take:expr;)*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Option<Self> {
                if let $(Value::$variant(inner))|+ = value { $take(inner) } else { None }
            }
        }
    )*};
}

from_value! {
    String: Text => Some;
    bool: Flag => Some;
    u16: Count => |n| u16::try_from(n).ok();
    u32: Count => |n| u32::try_from(n).ok();
    usize: Count => |n| usize::try_from(n).ok();
    u64: Size => Some;
    Duration: Time => Some;
    SocketAddr: Address => Some;
    PathBuf: Path => Some;
    WebUrl: Url => Some;
    Vec<WebUrl>: Urls => Some;
    Vec<WebOrigin>: Origins => Some;
    Vec<IpNet>: Networks => Some;
    Sender: Sender => Some;
    Colour: Colour => Some;
    SecretString: Secret => Some;
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        if matches!(value, Value::None) {
            Some(None)
        } else {
            T::from_value(value).map(Some)
        }
    }
}
