//! Values as a snapshot keeps them: bincode, written and read by hand, because state knows no serde (law 16).

use std::collections::BTreeMap;

use bincode::de::read::{BorrowReader, Reader, SliceReader};
use bincode::de::{BorrowDecoder, DecoderImpl};
use bincode::enc::write::Writer;
use bincode::enc::{Encoder, EncoderImpl};
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use super::CHUNK_MAX;
use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Few, MailId, Position, PublicKey, Sealed, SessionId, Tag,
    Timestamp, TokenId, UserId, WebhookId,
};

const CONFIG: bincode::config::Configuration = bincode::config::standard();
/// What reading a chunk may ask for: a number counts with its width in memory, which is at most sixteen times what it takes
/// in the chunk. Without a limit a damaged length asks for memory that nobody has, and that ends the process.
const READ_MAX: usize = 16 * CHUNK_MAX;
/// Room that a list asks for before its elements are there; a longer one grows as they come.
const ROOM_MAX: usize = 1_024;

/// A value with a form in a snapshot.
pub(super) trait Kept: Sized {
    /// Writes it.
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError>;
    /// Reads it.
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError>;
}

/// Appends one value.
pub(super) fn put(value: &impl Kept, to: &mut Vec<u8>) {
    value
        .put(&mut EncoderImpl::new(Out(to), CONFIG))
        .expect("memory takes what is written to it");
}

/// Reads so many values that fill the bytes exactly.
pub(super) fn take_all<T: Kept>(bytes: &[u8], count: usize) -> Result<Vec<T>, DecodeError> {
    let mut from = DecoderImpl::new(SliceReader::new(bytes), CONFIG.with_limit::<READ_MAX>(), ());
    // No value takes less than a byte.
    let mut all = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        all.push(T::take(&mut from)?);
    }
    match from.borrow_reader().take_bytes(1) {
        Ok(_) => Err(DecodeError::Other("bytes are left over")),
        Err(_) => Ok(all),
    }
}

struct Out<'a>(&'a mut Vec<u8>);

impl Writer for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn put_length<E: Encoder>(length: usize, to: &mut E) -> Result<(), EncodeError> {
    (length as u64).encode(to)
}

fn take_length<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<usize, DecodeError> {
    usize::try_from(u64::decode(from)?).map_err(|_| DecodeError::Other("a length that no memory holds"))
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Kept for $type {
            fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                self.encode(to)
            }
            fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
                <$type as Decode<D::Context>>::decode(from)
            }
        }
    )*};
}
plain!(u8, u16, u32, u64, i64, bool);

impl<const N: usize> Kept for [u8; N] {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.writer().write(self)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let mut bytes = [0; N];
        from.reader().read(&mut bytes)?;
        Ok(bytes)
    }
}

macro_rules! newtypes {
    ($($type:ident),*) => {$(
        impl Kept for $type {
            fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                self.0.put(to)
            }
            fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
                Kept::take(from).map(Self)
            }
        }
    )*};
}
newtypes!(
    UserId,
    AddressId,
    CredentialId,
    SessionId,
    TokenId,
    FactorId,
    MailId,
    ApiKeyId,
    WebhookId,
    Tag,
    Position,
    Timestamp,
    PublicKey
);

impl Kept for Sealed {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_length(self.0.len(), to)?;
        to.writer().write(&self.0)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let length = take_length(from)?;
        from.borrow_reader()
            .take_bytes(length)
            .map(|bytes| Self(bytes.into()))
    }
}

impl Kept for String {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_length(self.len(), to)?;
        to.writer().write(self.as_bytes())
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let length = take_length(from)?;
        let bytes = from.borrow_reader().take_bytes(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Other("a text that is none"))?;
        Ok(text.to_owned())
    }
}

impl<T: Kept> Kept for Box<T> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        (**self).put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        T::take(from).map(Self::new)
    }
}

impl<T: Kept> Kept for Option<T> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        match self {
            None => 0_u8.put(to),
            Some(value) => {
                1_u8.put(to)?;
                value.put(to)
            }
        }
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        match u8::take(from)? {
            0 => Ok(None),
            1 => T::take(from).map(Some),
            _ => Err(DecodeError::Other("a choice that there is not")),
        }
    }
}

/// Writes what an iterator has, as a list.
pub(super) fn put_all<'a, T: Kept + 'a, E: Encoder>(
    all: impl Iterator<Item = &'a T> + Clone,
    to: &mut E,
) -> Result<(), EncodeError> {
    put_length(all.clone().count(), to)?;
    for value in all {
        value.put(to)?;
    }
    Ok(())
}

fn put_list<T: Kept, E: Encoder>(list: &[T], to: &mut E) -> Result<(), EncodeError> {
    put_length(list.len(), to)?;
    list.iter().try_for_each(|value| value.put(to))
}

impl<T: Kept> Kept for Vec<T> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_list(self, to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let length = take_length(from)?;
        let mut list = Self::with_capacity(length.min(ROOM_MAX));
        for _ in 0..length {
            list.push(T::take(from)?);
        }
        Ok(list)
    }
}

impl<K: Kept + Ord, V: Kept> Kept for BTreeMap<K, V> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_length(self.len(), to)?;
        for (key, value) in self {
            key.put(to)?;
            value.put(to)?;
        }
        Ok(())
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let entries: Vec<(K, V)> = Kept::take(from)?;
        Ok(entries.into_iter().collect())
    }
}

impl<T: Kept> Kept for Few<T> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_list(self, to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        // One at most is the rule, and takes no list.
        let length = take_length(from)?;
        let mut few = Self::new();
        if length <= 1 {
            for _ in 0..length {
                few.push(T::take(from)?);
            }
            return Ok(few);
        }
        let mut list = Vec::with_capacity(length.min(ROOM_MAX));
        for _ in 0..length {
            list.push(T::take(from)?);
        }
        Ok(Self::from(list))
    }
}

impl<A: Kept, B: Kept> Kept for (A, B) {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.put(to)?;
        self.1.put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl<A: Kept, B: Kept, C: Kept> Kept for (A, B, C) {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.0.put(to)?;
        self.1.put(to)?;
        self.2.put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        Ok((A::take(from)?, B::take(from)?, C::take(from)?))
    }
}
