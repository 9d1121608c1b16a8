//! Addresses as SMTP and MIME headers write them.

use std::fmt;

use lettre::Address;

/// An address, and perhaps the name shown with it, that cannot break out of a header or an SMTP command (CWE-93).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mailbox {
    name: Option<String>,
    pub(super) address: Address,
}

impl Mailbox {
    /// Bytes that the shown name may have.
    pub const NAME_BYTES_MAX: usize = 128;

    /// Reads `Name <local@domain>`, `"Name" <local@domain>` or `local@domain`, as the setting `FROM` is written.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Ok(Self {
                name: None,
                address: parse_address(text)?,
            });
        };
        let (name, address) = inner.rsplit_once('<').ok_or(AddressFault::Form)?;
        let name = unquoted(name.trim());
        if name.chars().any(char::is_control) {
            return Err(AddressFault::Control);
        }
        if name.len() > Self::NAME_BYTES_MAX {
            return Err(AddressFault::TooLong);
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: parse_address(address)?,
        })
    }

    /// The name shown with the address, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address alone, its domain in A-labels.
    pub fn address(&self) -> &str {
        self.address.as_ref()
    }

    pub(super) fn to_lettre(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.clone(), self.address.clone())
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// Why a text is no address that a mail can carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressFault {
    /// A line break or another control character: an attempt to write headers or commands of one's own.
    #[error("the address or its name contains a line break or another control character")]
    Control,
    /// Longer than RFC 5321 §4.5.3.1 allows (64 before the `@`, 254 in all), or a name over 128 bytes.
    #[error("the address or its name is too long")]
    TooLong,
    /// Not of the form `local@domain`.
    #[error("not an address: expected the form local@domain or Name <local@domain>")]
    Form,
}

/// Reads a bare address and writes its domain as A-labels (RFC 5890), which every mail server reads.
///
/// Quoted local parts and address literals (`[127.0.0.1]`) are refused: no reset goes there.
pub(super) fn parse_address(text: &str) -> Result<Address, AddressFault> {
    if text.chars().any(char::is_control) {
        return Err(AddressFault::Control);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(AddressFault::Form)?;
    if local.starts_with('"') || domain.starts_with('[') || text.chars().any(char::is_whitespace) {
        return Err(AddressFault::Form);
    }
    let domain = idna::domain_to_ascii(domain).map_err(|_| AddressFault::Form)?;
    if local.len() > 64 || local.len() + 1 + domain.len() > 254 {
        return Err(AddressFault::TooLong);
    }
    Address::new(local, domain).map_err(|_| AddressFault::Form)
}

fn unquoted(name: &str) -> &str {
    name.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_read_with_and_without_a_name() {
        let read =
            |text: &str| Mailbox::parse(text).map(|m| (m.name().map(str::to_owned), m.address().to_owned()));
        assert_eq!(read("a@example.org"), Ok((None, "a@example.org".into())));
        assert_eq!(
            read("Ann Lee <a@example.org>"),
            Ok((Some("Ann Lee".into()), "a@example.org".into()))
        );
        assert_eq!(
            read("\"Lee, Ann\" <a@example.org>"),
            Ok((Some("Lee, Ann".into()), "a@example.org".into()))
        );
        assert_eq!(
            read("<keyledger@localhost>"),
            Ok((None, "keyledger@localhost".into()))
        );
    }

    #[test]
    fn a_domain_is_written_in_a_labels() {
        assert_eq!(
            parse_address("a@bücher.example").unwrap().domain(),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn l_04_a29_addresses_that_break_out_are_refused() {
        for text in [
            "a@example.org\r\nBcc: x@example.org",
            "a\n@example.org",
            "Eve\r\nBcc: x@example.org <a@example.org>",
            "Eve\u{0} <a@example.org>",
        ] {
            assert_eq!(Mailbox::parse(text), Err(AddressFault::Control), "{text:?}");
        }
        for text in [
            "a@example.org> SIZE=1",
            "a b@example.org",
            "\"a b\"@example.org",
            "a@[127.0.0.1]",
            "a@example.org,b@example.org",
            "a@b@example.org",
            "a<b@example.org",
            "x <a@example.org> y>",
            "@example.org",
            "a@",
            "",
        ] {
            assert_eq!(Mailbox::parse(text), Err(AddressFault::Form), "{text:?}");
        }
        assert_eq!(
            parse_address(&format!("{}@example.org", "a".repeat(65))),
            Err(AddressFault::TooLong)
        );
    }
}
