//! State as the law sees it: tables that can be looked up and edited, settled or in draft.
//!
//! [`State`] is what readers see. A [`Draft`] lies on top of it while the writer decides: what it changes stays in
//! its [`Overlay`] until the events are durable, and is merged then. The law is written once, against [`World`].

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::types::{AddressId, ApiKeyId, IdTable, Position, RandomId, SessionId, Timestamp, TokenId, UserId};

use super::factor::{Factors, Unfinished};
use super::mail::Mail;
use super::newcomer::Invitation;
use super::preserved::Earlier;
use super::safeguard::Safeguards;
use super::state::{ApiKey, Due, Guard, Session, Small, State, Token, User};
use super::strangers::StrangerSet;

/// A keyed collection, settled or in draft.
pub trait Table<K, V> {
    /// The value under a key.
    fn look(&self, key: &K) -> Option<&V>;
    /// The value under a key, to change.
    fn edit(&mut self, key: &K) -> Option<&mut V>;
    /// Puts a value, replacing what was there.
    fn put(&mut self, key: K, value: V);
    /// Takes a value away.
    fn remove(&mut self, key: &K);
}

impl<K: RandomId, V> Table<K, V> for IdTable<K, V> {
    fn look(&self, key: &K) -> Option<&V> {
        self.get(key)
    }
    fn edit(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(key)
    }
    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }
    fn remove(&mut self, key: &K) {
        IdTable::remove(self, key);
    }
}

impl<K: RandomId, V> Table<K, V> for IdTable<K, Box<V>> {
    fn look(&self, key: &K) -> Option<&V> {
        self.get(key).map(Box::as_ref)
    }
    fn edit(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(key).map(Box::as_mut)
    }
    fn put(&mut self, key: K, value: V) {
        if let Some(there) = self.get_mut(&key) {
            **there = value;
        } else {
            self.insert(key, Box::new(value));
        }
    }
    fn remove(&mut self, key: &K) {
        IdTable::remove(self, key);
    }
}

impl<K: Ord, V> Table<K, V> for BTreeMap<K, V> {
    fn look(&self, key: &K) -> Option<&V> {
        self.get(key)
    }
    fn edit(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(key)
    }
    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }
    fn remove(&mut self, key: &K) {
        BTreeMap::remove(self, key);
    }
}

/// Changes to a table that are not settled yet: `None` is a removal.
type Changes<K, V> = HashMap<K, Option<V>>;

/// A table with unsettled changes on top of it.
pub(super) struct Layered<'a, K, V, B> {
    base: &'a B,
    over: &'a mut Changes<K, V>,
}

impl<K: Eq + Hash + Copy, V: Clone, B: Table<K, V>> Table<K, V> for Layered<'_, K, V, B> {
    fn look(&self, key: &K) -> Option<&V> {
        match self.over.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.base.look(key),
        }
    }
    fn edit(&mut self, key: &K) -> Option<&mut V> {
        if !self.over.contains_key(key) {
            let value = self.base.look(key)?.clone();
            self.over.insert(*key, Some(value));
        }
        self.over.get_mut(key)?.as_mut()
    }
    fn put(&mut self, key: K, value: V) {
        self.over.insert(key, Some(value));
    }
    fn remove(&mut self, key: &K) {
        self.over.insert(*key, None);
    }
}

/// Keeps what a table holds under keys that are about to change.
fn keep<K: Ord + Hash + Copy, V: Clone>(
    earlier: &mut Earlier<K, V>,
    base: &impl Table<K, V>,
    over: &Changes<K, V>,
) {
    for key in over.keys() {
        earlier.keep(*key, || base.look(key).cloned());
    }
}

fn settle<K: Eq + Hash, V>(base: &mut impl Table<K, V>, over: Changes<K, V>) {
    for (key, change) in over {
        match change {
            Some(value) => base.put(key, value),
            None => base.remove(&key),
        }
    }
}

macro_rules! world {
    ($($(#[$doc:meta])* $table:ident / $table_mut:ident: $map:ty, $key:ty => $value:ty;)*) => {
        /// The tables of the house, settled or in draft.
        pub trait World {
            /// The few values that are not in a table.
            fn small(&self) -> &Small;
            /// The same, to change.
            fn small_mut(&mut self) -> &mut Small;
            $($(#[$doc])* fn $table(&self) -> &impl Table<$key, $value>;
            /// The same, to change.
            fn $table_mut(&mut self) -> &mut impl Table<$key, $value>;)*
        }

        impl World for State {
            fn small(&self) -> &Small { &self.small }
            fn small_mut(&mut self) -> &mut Small { &mut self.small }
            $(fn $table(&self) -> &impl Table<$key, $value> { &self.$table }
            fn $table_mut(&mut self) -> &mut impl Table<$key, $value> { &mut self.$table })*
        }

        /// Changes that are decided and not yet durable.
        pub struct Overlay { small: Small, $($table: Changes<$key, $value>,)* }

        impl Overlay {
            /// Nothing changed yet.
            pub fn on(state: &State) -> Self {
                Self { small: state.small.clone(), $($table: HashMap::new(),)* }
            }

            /// Makes the changes part of what readers see.
            pub fn settle(self, state: &mut State) {
                state.small = self.small;
                $(settle(&mut state.$table, self.$table);)*
            }

            /// The same, keeping of what was there before what somebody has yet to see.
            pub fn settle_keeping(self, state: &mut State, past: &mut Preserved) {
                if past.is_whole() {
                    $(keep(&mut past.$table, &state.$table, &self.$table);)*
                    past.is_torn = 0 $(+ past.$table.len())* > Preserved::KEPT_MAX;
                }
                self.settle(state);
            }
        }

        /// What the tables held at one moment and do not hold any more: see [`Earlier`].
        #[derive(Clone, Default, Debug)]
        pub struct Preserved {
            is_torn: bool,
            $($(#[$doc])* pub $table: Earlier<$key, $value>,)*
        }

        impl Preserved {
            /// Entries that are kept at most: some 90 MiB if all of them are users.
            pub const KEPT_MAX: usize = 131_072;

            /// Whether all that changed since could be kept.
            pub fn is_whole(&self) -> bool {
                !self.is_torn
            }
        }

        /// Settled state with an overlay on top: what the next command is decided against.
        pub struct Draft<'a> { small: &'a mut Small, $($table: Layered<'a, $key, $value, $map>,)* }

        impl<'a> Draft<'a> {
            /// Lays the overlay over the state.
            pub fn new(state: &'a State, overlay: &'a mut Overlay) -> Self {
                Self { small: &mut overlay.small, $($table: Layered { base: &state.$table, over: &mut overlay.$table },)* }
            }
        }

        impl World for Draft<'_> {
            fn small(&self) -> &Small { self.small }
            fn small_mut(&mut self) -> &mut Small { self.small }
            $(fn $table(&self) -> &impl Table<$key, $value> { &self.$table }
            fn $table_mut(&mut self) -> &mut impl Table<$key, $value> { &mut self.$table })*
        }
    };
}

world! {
    /// Users.
    users / users_mut: IdTable<UserId, Box<User>>, UserId => User;
    /// What was tried against users; nothing against most.
    guards / guards_mut: IdTable<UserId, Box<Guard>>, UserId => Guard;
    /// Whose an address is, or was a short while ago.
    addresses / addresses_mut: IdTable<AddressId, UserId>, AddressId => UserId;
    /// Sessions that have not ended (they may have expired).
    sessions / sessions_mut: IdTable<SessionId, Box<Session>>, SessionId => Session;
    /// Recent proofs.
    tokens / tokens_mut: IdTable<TokenId, Box<Token>>, TokenId => Token;
    /// Requests that a worker has yet to answer with a mail, in their order.
    requests / requests_mut: BTreeMap<Position, Due>, Position => Due;
    /// Mails that are neither delivered nor given up, in their order.
    outbox / outbox_mut: BTreeMap<Position, Mail>, Position => Mail;
    /// Accounts that close, and when.
    closings / closings_mut: BTreeMap<UserId, Timestamp>, UserId => Timestamp;
    /// Users whose keys are destroyed.
    erased / erased_mut: BTreeMap<UserId, Position>, UserId => Position;
    /// Second factors, of the users who have some.
    factors / factors_mut: IdTable<UserId, Box<Factors>>, UserId => Factors;
    /// Sign-ins that wait for their second factor.
    unfinished / unfinished_mut: BTreeMap<UserId, Unfinished>, UserId => Unfinished;
    /// Who was invited and has not come yet.
    invitations / invitations_mut: BTreeMap<UserId, Invitation>, UserId => Invitation;
    /// What is kept so that changes can be undone.
    safeguards / safeguards_mut: IdTable<UserId, Box<Safeguards>>, UserId => Safeguards;
    /// Whose something is that can be objected to.
    objections / objections_mut: IdTable<TokenId, UserId>, TokenId => UserId;
    /// API keys.
    api_keys / api_keys_mut: BTreeMap<ApiKeyId, ApiKey>, ApiKeyId => ApiKey;
    /// What strangers did, in a table that cannot grow.
    strangers / strangers_mut: BTreeMap<u16, StrangerSet>, u16 => StrangerSet;
}
