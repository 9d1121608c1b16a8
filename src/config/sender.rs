//! Who our mails are from.

use std::fmt;

/// The sender of mails: an address, and the name shown before it. Free of control characters and angle brackets, so
/// that it cannot become a second header (L-04).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    /// The name that mail programs show.
    pub name: Option<String>,
    /// The bare address, `local@domain`.
    pub address: String,
}

impl Sender {
    /// Reads `address`, `<address>`, `Name <address>` or `"Name" <address>` (RFC 5322 §3.4, without comments and groups).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 512 || text.chars().any(char::is_control) {
            return None;
        }
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            None => ("", text),
            Some(rest) => rest.rsplit_once('<')?,
        };
        let name = name.trim();
        let name = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .unwrap_or(name)
            .trim();
        if name.contains(['<', '>', '"']) || !is_address(address) {
            return None;
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Some(Self {
            name,
            address: address.to_owned(),
        })
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let clean = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|c: char| c.is_whitespace() || "@<>()[],;:\\\"".contains(c))
    };
    text.len() <= 254 && local.len() <= 64 && clean(local) && clean(domain)
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_an_address_and_perhaps_a_name() {
        for text in [
            "keyledger@localhost",
            "Keyledger <no-reply@example.com>",
            "키레저 <a@b.kr>",
        ] {
            assert_eq!(Sender::parse(text).unwrap().to_string(), text);
        }
        let quoted = Sender::parse("\"Example, Inc.\" <a@b.com>").unwrap();
        assert_eq!(quoted.name.as_deref(), Some("Example, Inc."));
        assert_eq!(Sender::parse("<a@b.com>").unwrap().name, None);
    }

    #[test]
    fn l_04_a_sender_cannot_smuggle_a_header_or_a_second_address() {
        for text in [
            "",
            "이메일주소",
            "a@b.com\r\nBcc: c@d.com",
            "a@b.com, c@d.com",
            "a@b@c",
            "x <a@b.com",
            "a b@c.com",
            "@b",
            "a@",
        ] {
            assert_eq!(Sender::parse(text), None, "{text:?}");
        }
    }
}
