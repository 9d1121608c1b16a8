//! Every key of the database, on one screen.

use crate::types::{DataKeyId, Position};

/// The longest wrapped data key.
pub const MAX_DATA_KEY: usize = 256;
/// What [`MetaName::Format`] holds: a name, then the version, big-endian.
pub const FORMAT: [u8; 12] = *b"keyledger\0\0\x01";

/// A key of the database; the first byte tells the kind.
///
/// | kind | key | value |
/// |---|---|---|
/// | frame | `f` ‖ first position u64 big-endian | `frame.rs` |
/// | data key | `k` ‖ [`DataKeyId::to_bytes`] 17 B | the wrapped key, opaque, at most 256 B |
/// | meta | `m` ‖ a name byte | see [`MetaName`] |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The frame whose first record has this position.
    Frame(Position),
    /// The wrapped data key of this name.
    DataKey(DataKeyId),
    /// A fact about the database itself.
    Meta(MetaName),
}

/// The facts that a database keeps about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetaName {
    /// `F`: [`FORMAT`]. Written last at creation: without it nothing else counts.
    Format,
    /// `I`: the ledger's id, 16 random bytes.
    LedgerId,
    /// `C`: when it was created, microseconds i64 big-endian.
    Created,
    /// `O`: when it was last opened, the same, then how often u64; this write also probes durability at each start.
    Opened,
    /// `R`: as many bytes as a frame of one short record, written over by [`super::store::Store::rehearse`].
    Rehearsed,
}

impl Key {
    /// First byte of all frame keys.
    pub const FRAME: u8 = b'f';
    /// First byte of all data key names.
    pub const DATA_KEY: u8 = b'k';
    /// First byte of all meta keys.
    pub const META: u8 = b'm';

    /// The stored form.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Frame(position) => Self::frame(position).to_vec(),
            Self::DataKey(id) => {
                let mut out = Vec::with_capacity(1 + DataKeyId::LEN);
                out.push(Self::DATA_KEY);
                out.extend_from_slice(&id.to_bytes());
                out
            }
            Self::Meta(name) => vec![Self::META, name.to_byte()],
        }
    }

    /// The stored form of a frame's key, without an allocation.
    pub fn frame(position: Position) -> [u8; 9] {
        let mut out = [Self::FRAME; 9];
        out[1..].copy_from_slice(&position.0.to_be_bytes());
        out
    }

    /// The inverse of [`Key::to_bytes`]; `None` for anything it never writes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        match kind {
            Self::FRAME => Some(Self::Frame(Position(u64::from_be_bytes(rest.try_into().ok()?)))),
            Self::DATA_KEY => DataKeyId::from_bytes(rest).map(Self::DataKey),
            Self::META => match rest {
                [name] => MetaName::from_byte(*name).map(Self::Meta),
                _ => None,
            },
            _ => None,
        }
    }
}

impl MetaName {
    fn to_byte(self) -> u8 {
        match self {
            Self::Format => b'F',
            Self::LedgerId => b'I',
            Self::Created => b'C',
            Self::Opened => b'O',
            Self::Rehearsed => b'R',
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let names = [
            Self::Format,
            Self::LedgerId,
            Self::Created,
            Self::Opened,
            Self::Rehearsed,
        ];
        names.into_iter().find(|name| name.to_byte() == byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{CredentialId, UserId};

    fn any_key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<u64>().prop_map(|position| Key::Frame(Position(position))),
            any::<[u8; 16]>().prop_map(|id| Key::DataKey(DataKeyId::User(UserId(id)))),
            any::<[u8; 16]>().prop_map(|id| Key::DataKey(DataKeyId::Credential(CredentialId(id)))),
            any::<u32>().prop_map(|day| Key::DataKey(DataKeyId::Day(day))),
            prop::sample::select(vec![
                MetaName::Format,
                MetaName::LedgerId,
                MetaName::Created,
                MetaName::Opened,
                MetaName::Rehearsed
            ])
            .prop_map(Key::Meta),
        ]
    }

    proptest! {
        #[test]
        fn every_key_survives_its_stored_form(key in any_key(), extra: u8) {
            let mut bytes = key.to_bytes();
            prop_assert_eq!(Key::from_bytes(&bytes), Some(key));
            bytes.push(extra);
            prop_assert_eq!(Key::from_bytes(&bytes), None);
        }

        #[test]
        fn frame_keys_sort_like_positions(a: u64, b: u64) {
            prop_assert_eq!(a.cmp(&b), Key::frame(Position(a)).cmp(&Key::frame(Position(b))));
        }
    }
}
