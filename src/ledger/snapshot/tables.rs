//! Which tables a snapshot holds: all of state, the tree, and the look-up tables.

use std::collections::BTreeMap;
use std::io;

use bincode::error::DecodeError;

use super::super::tree::Frontier;
use super::kept::take_all;
use super::write::Chunks;
use super::{Contents, View};
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{
    ApiKey, Due, Factors, Guard, Mail, Safeguards, Session, Small, State, StrangerSet, Token, Unfinished,
    User,
};
use crate::types::{
    AddressId, ApiKeyId, IdTable, Position, RandomId, SessionId, Tag, Timestamp, TokenId, UserId,
};

/// A table that is written and filled in the order of its keys.
trait Ordered<K, V> {
    fn entries(&self) -> impl Iterator<Item = (&K, &V)>
    where
        K: 'static,
        V: 'static;
    /// Takes entries behind those that are there; says whether they were in order.
    fn fill(&mut self, entries: Vec<(K, V)>) -> bool;
}

impl<K: RandomId, V> Ordered<K, V> for IdTable<K, V> {
    fn entries(&self) -> impl Iterator<Item = (&K, &V)>
    where
        K: 'static,
        V: 'static,
    {
        self.iter()
    }
    fn fill(&mut self, entries: Vec<(K, V)>) -> bool {
        self.extend_ordered(entries)
    }
}

impl<K: Ord, V> Ordered<K, V> for BTreeMap<K, V> {
    fn entries(&self) -> impl Iterator<Item = (&K, &V)>
    where
        K: 'static,
        V: 'static,
    {
        self.iter()
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
        pub(super) fn write_contents(contents: &View<'_>, chunks: &mut Chunks) -> io::Result<()> {
            let View { state, tree, lookups } = contents;
            let State { small, $($table),* } = state;
            chunks.one(SMALL, small)?;
            chunks.one(TREE, &tree.to_bytes())?;
            $(chunks.table($code, Ordered::<$key, $value>::entries($table))?;)*
            chunks.table(ADDRESSES, lookups.addresses.iter())?;
            chunks.table(USERNAMES, lookups.usernames.iter())
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
/// Codes of what is not a table of state.
const SMALL: u8 = 100;
const TREE: u8 = 101;
const ADDRESSES: u8 = 102;
const USERNAMES: u8 = 103;
tables! {
    1 => users: UserId => Box<User>;
    2 => guards: UserId => Box<Guard>;
    3 => addresses: AddressId => UserId;
    4 => sessions: SessionId => Box<Session>;
    5 => tokens: TokenId => Box<Token>;
    6 => requests: Position => Due;
    7 => outbox: Position => Mail;
    8 => closings: UserId => Timestamp;
    9 => erased: UserId => Position;
    10 => api_keys: ApiKeyId => ApiKey;
    11 => policies: u32 => PasswordPolicy;
    12 => strangers: u16 => StrangerSet;
    13 => factors: UserId => Box<Factors>;
    14 => unfinished: UserId => Unfinished;
    15 => safeguards: UserId => Box<Safeguards>;
    16 => objections: TokenId => UserId;
}
