//! From an address to its id, by a keyed hash: a projection of the events that can be decrypted.
//!
//! It is never in the ledger. A start makes it anew, or has it from a snapshot made under the same look-up key. The door looks an address up here to do its slow
//! work; the writer looks it up again at the moment of decision, so that two sign-ups cannot share an address.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::crypto::{self, Field, Keyring, Purpose, Vault};
use crate::domain::{Event, Recorded, State, User};
use crate::ledger::snapshot::Lookups;
use crate::types::{AddressId, DataKeyId, EmailAddress, IdTable, Tag, UserId, Username};

/// The look-up tables.
#[derive(Default)]
pub struct Directory {
    addresses: RwLock<IdTable<Tag, AddressId>>,
    usernames: RwLock<IdTable<Tag, UserId>>,
}

impl Directory {
    /// The tag of an address.
    pub fn address_tag(keyring: &Keyring, address: &EmailAddress) -> Tag {
        crypto::tag(
            keyring.active(Purpose::Lookup).1,
            "address",
            &[address.canonical().as_bytes()],
        )
    }

    /// The tag of a user name.
    pub fn username_tag(keyring: &Keyring, username: &Username) -> Tag {
        crypto::tag(
            keyring.active(Purpose::Lookup).1,
            "username",
            &[username.canonical().as_bytes()],
        )
    }

    /// The id of an address that is a user's now.
    pub fn address(&self, tag: Tag, state: &State) -> Option<AddressId> {
        let id = *self
            .addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tag)?;
        state.addresses.contains_key(&id).then_some(id)
    }

    /// The id an address was last given, whether or not it is durable yet: for the writer.
    pub(super) fn address_unsettled(&self, tag: Tag) -> Option<AddressId> {
        self.addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tag)
            .copied()
    }

    /// The user of a user name.
    pub fn username(&self, tag: Tag) -> Option<UserId> {
        self.usernames
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tag)
            .copied()
    }

    pub(super) fn put_address(&self, tag: Tag, id: AddressId) {
        self.addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tag, id);
    }

    pub(super) fn put_username(&self, tag: Tag, id: UserId) {
        self.usernames
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tag, id);
    }

    /// Forgets what leads to somebody who is gone.
    pub(super) fn forget(&self, gone: &[AddressId], user: UserId) {
        self.addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, id| !gone.contains(id));
        self.usernames
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, id| *id != user);
    }

    /// Folds the tables from state, as far as the keys reach.
    fn fold(&self, state: &State, vault: &Vault, keyring: &Keyring) {
        for (id, user) in &state.users {
            self.fold_user(*id, user, vault, keyring);
        }
    }

    /// A copy for a snapshot, taken part by part, so that nobody waits. It may have more than what was durable when the
    /// copy began, never less: addresses are put here before their events are durable.
    pub(super) fn copy(&self) -> Lookups {
        Lookups {
            addresses: copy_of(&self.addresses),
            usernames: copy_of(&self.usernames),
        }
    }

    fn fold_user(&self, id: UserId, user: &User, vault: &Vault, keyring: &Keyring) {
        let Some(key) = vault.key(DataKeyId::User(id)) else {
            return;
        };
        for address in &user.addresses {
            let clear = crypto::open(&key, Field::UserAddress, id.0, &address.sealed);
            let parsed = clear.and_then(|bytes| EmailAddress::parse(std::str::from_utf8(&bytes).ok()?).ok());
            if let Some(parsed) = parsed {
                self.put_address(Self::address_tag(keyring, &parsed), address.id);
            }
        }
        let username = user
            .username()
            .and_then(|sealed| crypto::open(&key, Field::Username, id.0, sealed));
        let parsed = username.and_then(|bytes| Username::parse(std::str::from_utf8(&bytes).ok()?).ok());
        if let Some(parsed) = parsed {
            self.put_username(Self::username_tag(keyring, &parsed), id);
        }
    }
}

fn copy_of<V: Copy>(table: &RwLock<IdTable<Tag, V>>) -> IdTable<Tag, V> {
    let (mut copy, mut number) = (IdTable::new(), Some(0));
    while let Some(at) = number {
        let table = table.read().unwrap_or_else(PoisonError::into_inner);
        let (part, next) = table.part(at);
        for (tag, id) in part {
            copy.insert(*tag, *id);
        }
        number = next;
    }
    copy
}

/// What a start knows before it has keys.
pub(super) enum Known {
    Nothing,
    /// The tables of a snapshot, and what happened since.
    UpTo(Since),
}

/// The tables of a snapshot, and who came and went since.
#[derive(Default)]
pub(super) struct Since {
    lookups: Lookups,
    came: Vec<UserId>,
    gone: HashSet<AddressId>,
    erased: HashSet<UserId>,
}

impl Since {
    pub(super) fn new(lookups: Lookups) -> Self {
        Self {
            lookups,
            ..Self::default()
        }
    }

    /// Notes whom an event concerns, looking at the state before it.
    pub(super) fn note(&mut self, state: &State, recorded: &Recorded) {
        if let Event::UserRegistered { user, .. } = &recorded.event {
            self.came.push(*user);
        }
        if let Event::UserErased { user, .. } = &recorded.event {
            let addresses = state.users.get(user).map(|found| found.addresses.iter());
            self.gone
                .extend(addresses.into_iter().flatten().map(|address| address.id));
            self.erased.insert(*user);
        }
    }
}

impl Known {
    /// The tables for a state.
    pub(super) fn complete(self, state: &State, vault: &Vault, keyring: &Keyring) -> Directory {
        let Self::UpTo(since) = self else {
            let directory = Directory::default();
            directory.fold(state, vault, keyring);
            return directory;
        };
        let Lookups {
            mut addresses,
            mut usernames,
        } = since.lookups;
        if !since.gone.is_empty() {
            addresses.retain(|_, id| !since.gone.contains(id));
            usernames.retain(|_, id| !since.erased.contains(id));
        }
        let directory = Directory {
            addresses: RwLock::new(addresses),
            usernames: RwLock::new(usernames),
        };
        for id in since.came {
            if let Some(user) = state.users.get(&id) {
                directory.fold_user(id, user, vault, keyring);
            }
        }
        directory
    }
}
