//! Names of things: random 16-byte ids, positions in the ledger, keyed tags.

use std::fmt;
use std::str::FromStr;

use super::id_table::RandomId;

/// The text is not an id: 32 hexadecimal digits, with or without the hyphens of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
pub struct NotAnId;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Its first eight characters: enough to tell lines apart.
            pub fn short(self) -> impl fmt::Display {
                let [a, b, c, d, ..] = self.0;
                ShortId(u32::from_be_bytes([a, b, c, d]))
            }
        }

        impl RandomId for $name {
            fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                f.write_str(uuid::Uuid::from_bytes(self.0).hyphenated().encode_lower(&mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                uuid::Uuid::try_parse(text).map(|id| Self(id.into_bytes())).map_err(|_| NotAnId)
            }
        }
    };
}

random_id!(/// A person's account.
    UserId);
random_id!(/// One e-mail address of one user; the ledger holds this instead of the address.
    AddressId);
random_id!(/// One password of one user: the generation that tokens and verdicts are bound to.
    CredentialId);
random_id!(/// One sign-in on one device.
    SessionId);
random_id!(/// One mailed proof: a recovery, a verification. The secret is derived from it, never stored.
    TokenId);
random_id!(/// One second factor, or one set of recovery codes, of one user.
    FactorId);
random_id!(/// One mail in the outbox.
    MailId);
random_id!(/// One API key.
    ApiKeyId);
random_id!(/// One receiver of events.
    WebhookId);
random_id!(/// One command; all of its events carry it.
    CommandId);
random_id!(/// A keyed hash, cut to 16 bytes: equal inputs are equal, and without the key it says nothing else.
    Tag);

/// The beginning of an id.
struct ShortId(u32);

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 8];
        for (digit, shift) in text.iter_mut().zip([28, 24, 20, 16, 12, 8, 4, 0]) {
            *digit = DIGITS[(self.0 >> shift) as usize & 15];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// A gap-free place in the ledger, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Position(pub u64);

impl Position {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a data key: whose personal data it opens, and so with whose end it is destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DataKeyId {
    /// Personal data of one user; destroyed by erasure.
    User(UserId),
    /// One password's verifier; destroyed when the next password is set.
    Credential(CredentialId),
    /// What strangers leave behind on one day (days since 1970-01-01, UTC); destroyed after 90 days.
    Day(u32),
}

impl DataKeyId {
    /// Length of [`DataKeyId::to_bytes`].
    pub const LEN: usize = 17;

    /// The stored form: a kind byte, then 16 bytes (a day: big-endian in the last four).
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        match self {
            Self::User(id) => {
                out[0] = 1;
                out[1..].copy_from_slice(&id.0);
            }
            Self::Credential(id) => {
                out[0] = 2;
                out[1..].copy_from_slice(&id.0);
            }
            Self::Day(day) => {
                out[0] = 3;
                out[13..].copy_from_slice(&day.to_be_bytes());
            }
        }
        out
    }

    /// The inverse of [`DataKeyId::to_bytes`]; `None` for anything it never writes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let rest: [u8; 16] = rest.try_into().ok()?;
        match kind {
            1 => Some(Self::User(UserId(rest))),
            2 => Some(Self::Credential(CredentialId(rest))),
            3 if rest[..12] == [0; 12] => Some(Self::Day(u32::from_be_bytes([
                rest[12], rest[13], rest[14], rest[15],
            ]))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_how_the_long_one_begins() {
        let id = UserId([0x01, 0xab, 0xf0, 0x9c, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(id.to_string(), "01abf09c-0506-0708-090a-0b0c0d0e0f10");
        assert_eq!(id.short().to_string(), "01abf09c");
    }

    #[test]
    fn a_data_key_id_survives_its_stored_form() {
        for id in [
            DataKeyId::User(UserId([7; 16])),
            DataKeyId::Credential(CredentialId([8; 16])),
            DataKeyId::Day(20_000),
        ] {
            assert_eq!(DataKeyId::from_bytes(&id.to_bytes()), Some(id));
        }
        assert_eq!(DataKeyId::from_bytes(&[9; 17]), None);
    }
}
