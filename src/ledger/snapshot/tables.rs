//! Which tables a snapshot holds: all of state, the tree, and the look-up tables.

use std::collections::BTreeMap;
use std::ops::Bound;

use bincode::error::DecodeError;

use super::super::tree::Frontier;
use super::kept::take_all;
use super::source::{Halt, Source};
use super::write::Chunks;
use super::{Contents, SnapshotFault};
use crate::domain::{
    ApiKey, Due, Earlier, Factors, Guard, Invitation, Mail, Safeguards, Session, Small, StrangerSet, Token,
    Unfinished, User,
};
use crate::types::{
    AddressId, ApiKeyId, IdTable, Position, RandomId, SessionId, Tag, Timestamp, TokenId, UserId,
};

/// A table that is written and filled in the order of its keys.
pub(super) trait Ordered<K, V> {
    /// The entries behind a key; all of them without one.
    fn after<'t>(&'t self, key: Option<K>) -> impl Iterator<Item = (&'t K, &'t V)>
    where
        K: 't,
        V: 't;
    /// Takes entries behind those that are there; says whether they were in order.
    fn fill(&mut self, entries: Vec<(K, V)>) -> bool;
}

impl<K: RandomId, V> Ordered<K, V> for IdTable<K, V> {
    fn after<'t>(&'t self, key: Option<K>) -> impl Iterator<Item = (&'t K, &'t V)>
    where
        K: 't,
        V: 't,
    {
        self.after(key.as_ref())
    }
    fn fill(&mut self, entries: Vec<(K, V)>) -> bool {
        self.extend_ordered(entries)
    }
}

impl<K: Ord + Copy, V> Ordered<K, V> for BTreeMap<K, V> {
    fn after<'t>(&'t self, key: Option<K>) -> impl Iterator<Item = (&'t K, &'t V)>
    where
        K: 't,
        V: 't,
    {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.range((from, Bound::Unbounded))
    }
    fn fill(&mut self, entries: Vec<(K, V)>) -> bool {
        for (key, value) in entries {
            if self.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return false;
            }
            self.insert(key, value);
        }
        true
    }
}

/// Puts what a chunk held where it belongs; says whether it could lie there.
pub(super) type Filling = Box<dyn FnOnce(&mut Contents) -> bool + Send>;

macro_rules! tables {
    ($($code:literal => $table:ident: $key:ty => $value:ty;)*) => {
        /// Writes everything.
        pub(super) fn write_contents(source: &mut impl Source, chunks: &mut Chunks) -> Result<(), SnapshotFault> {
            chunks.one(SMALL, source.small()).map_err(SnapshotFault::writing)?;
            chunks.one(TREE, &source.tree().to_bytes()).map_err(SnapshotFault::writing)?;
            $(looks($code, chunks, |chunks, over| {
                source.state(&mut |state, past| *over = chunks.look::<$key, _, _>(&state.$table, &mut past.$table))
            })?;)*
            let mut seen = Earlier::default();
            looks(ADDRESSES, chunks, |chunks, over| {
                source.addresses(&mut |table| *over = chunks.look::<Tag, AddressId, _>(table, &mut seen))
            })?;
            let mut seen = Earlier::default();
            looks(USERNAMES, chunks, |chunks, over| {
                source.usernames(&mut |table| *over = chunks.look::<Tag, UserId, _>(table, &mut seen))
            })
        }

        /// Reads a chunk; what it says is put in its place later, in the order of the chunks.
        pub(super) fn unpack(table: u8, count: usize, body: &[u8]) -> Result<Filling, DecodeError> {
            match table {
                $($code => {
                    let entries: Vec<($key, $value)> = take_all(body, count)?;
                    Ok(Box::new(move |contents| contents.state.$table.fill(entries)))
                })*
                SMALL => {
                    let small: Option<Small> = take_all(body, count)?.pop();
                    Ok(Box::new(move |contents| small.map(|small| contents.state.small = small).is_some()))
                }
                ADDRESSES => {
                    let entries: Vec<(Tag, AddressId)> = take_all(body, count)?;
                    Ok(Box::new(move |contents| contents.lookups.addresses.fill(entries)))
                }
                USERNAMES => {
                    let entries: Vec<(Tag, UserId)> = take_all(body, count)?;
                    Ok(Box::new(move |contents| contents.lookups.usernames.fill(entries)))
                }
                TREE => {
                    let bytes: Option<Vec<u8>> = take_all(body, count)?.pop();
                    let tree = bytes.and_then(|bytes| Frontier::from_bytes(&bytes));
                    Ok(Box::new(move |contents| tree.map(|tree| contents.tree = tree).is_some()))
                }
                _ => Err(DecodeError::Other("a table that there is not")),
            }
        }

        /// The tables of state, in words.
        #[cfg(test)]
        pub(super) const TABLES: &[&str] = &[$(stringify!($code $table: $key => $value)),*];
    };
}
/// Writes one table, a few entries a look.
fn looks(
    table: u8,
    chunks: &mut Chunks,
    mut look: impl FnMut(&mut Chunks, &mut bool) -> Result<(), Halt>,
) -> Result<(), SnapshotFault> {
    let mut over = false;
    while !over {
        look(chunks, &mut over)?;
        chunks.close_full(table).map_err(SnapshotFault::writing)?;
    }
    chunks.close(table).map_err(SnapshotFault::writing)
}

/// Codes of what is not a table of state.
const SMALL: u8 = 100;
const TREE: u8 = 101;
const ADDRESSES: u8 = 102;
const USERNAMES: u8 = 103;
// First those that change most, so that little of them changes before it is written.
tables! {
    6 => requests: Position => Due;
    7 => outbox: Position => Mail;
    12 => strangers: u16 => StrangerSet;
    14 => unfinished: UserId => Unfinished;
    22 => invitations: UserId => Invitation;
    8 => closings: UserId => Timestamp;
    9 => erased: UserId => Position;
    10 => api_keys: ApiKeyId => ApiKey;
    13 => factors: UserId => Box<Factors>;
    15 => safeguards: UserId => Box<Safeguards>;
    16 => objections: TokenId => UserId;
    2 => guards: UserId => Box<Guard>;
    5 => tokens: TokenId => Box<Token>;
    4 => sessions: SessionId => Box<Session>;
    1 => users: UserId => Box<User>;
    3 => addresses: AddressId => UserId;
}
