//! From an address to its id, by a keyed hash: a projection of the events that can be decrypted.
//!
//! It is never in the ledger. A start makes it anew, or has it from a snapshot made under the same look-up key. The door
//! looks an address up here to do its slow work; the writer looks it up again at the moment of decision, so that two
//! sign-ups cannot share an address.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use super::{Engine, RewrapFault};
use crate::crypto::{self, Field, KeyId, Keyring, Purpose, SecretKey, SharedKeyring, Vault};
use crate::domain::{Event, Leaving, Recorded, State, Table, User, World, added_since};
use crate::ledger::snapshot::Lookups;
use crate::types::{AddressId, DataKeyId, EmailAddress, IdTable, Sealed, Tag, UserId, Username};

/// The look-up tables.
#[derive(Default)]
pub struct Directory {
    addresses: RwLock<IdTable<Tag, AddressId>>,
    usernames: RwLock<IdTable<Tag, UserId>>,
    /// Keys that gave way while this process runs: what somebody looked up under one of them may be out of date.
    gave_way: RwLock<Vec<KeyId>>,
    /// Who came while another key takes the place of the present one; none at other times.
    newcomers: Mutex<Option<Vec<UserId>>>,
}

/// A keyed hash of which 96 bits are left, and the number of its key.
fn tag((id, key): (KeyId, &SecretKey), kind: &str, text: &str) -> Tag {
    let mut tag = crypto::tag(key, kind, &[text.as_bytes()]);
    tag.0[12..].copy_from_slice(&id.0.to_be_bytes());
    tag
}

fn is_of(tag: Tag, key: KeyId) -> bool {
    tag.0[12..] == key.0.to_be_bytes()
}

impl Directory {
    /// The tag of an address.
    pub fn address_tag(keyring: &Keyring, address: &EmailAddress) -> Tag {
        tag(keyring.active(Purpose::Lookup), "address", address.canonical())
    }

    /// The tag of a user name.
    pub fn username_tag(keyring: &Keyring, username: &Username) -> Tag {
        tag(keyring.active(Purpose::Lookup), "username", username.canonical())
    }

    /// The id of an address that is a user's now; one that was removed is nobody's, although nobody else gets it yet.
    pub fn address(&self, tag: Tag, state: &State) -> Option<AddressId> {
        let id = *self
            .addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tag)?;
        let user = state.users.get(state.addresses.get(&id)?)?;
        user.address(id).map(|address| address.id)
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
    pub(super) fn forget(&self, leaver: &Leaver) {
        let mut addresses = self.addresses.write().unwrap_or_else(PoisonError::into_inner);
        for tag in &leaver.addresses {
            // A place that somebody else has by now is theirs.
            if addresses.get(tag).is_some_and(|id| leaver.ids.contains(id)) {
                addresses.remove(tag);
            }
        }
        drop(addresses);
        let mut usernames = self.usernames.write().unwrap_or_else(PoisonError::into_inner);
        for tag in &leaver.usernames {
            if usernames.get(tag) == Some(&leaver.user) {
                usernames.remove(tag);
            }
        }
    }

    /// Folds the tables from state, as far as the keys reach.
    fn fold(&self, state: &State, vault: &Vault, keyring: &Keyring) {
        for (id, user) in &state.users {
            self.fold_user(
                *id,
                user,
                leaving(state, *id),
                vault,
                keyring.active(Purpose::Lookup),
            );
        }
    }

    /// Looks at the ids of addresses; whoever comes or goes waits meanwhile.
    pub(super) fn look_at_addresses<T>(&self, look: impl FnOnce(&IdTable<Tag, AddressId>) -> T) -> T {
        look(&self.addresses.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same of the users of user names.
    pub(super) fn look_at_usernames<T>(&self, look: impl FnOnce(&IdTable<Tag, UserId>) -> T) -> T {
        look(&self.usernames.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn fold_user(
        &self,
        id: UserId,
        user: &User,
        leaving: &[Leaving],
        vault: &Vault,
        lookup: (KeyId, &SecretKey),
    ) {
        let clear = Clear::of(id, user, leaving, vault);
        for (address, text) in clear.addresses {
            self.put_address(tag(lookup, "address", text.canonical()), address);
        }
        if let Some(username) = clear.username {
            self.put_username(tag(lookup, "username", username.canonical()), id);
        }
    }
}

/// What a user is looked up by, as far as their key opens it.
#[derive(Default)]
struct Clear {
    addresses: Vec<(AddressId, EmailAddress)>,
    username: Option<Username>,
}

impl Clear {
    fn of(id: UserId, user: &User, leaving: &[Leaving], vault: &Vault) -> Self {
        let Some(key) = vault.key(DataKeyId::User(id)) else {
            return Self::default();
        };
        let opened = |field, sealed: &Sealed| {
            let clear = crypto::open(&key, field, id.0, sealed)?;
            Some(std::str::from_utf8(&clear).ok()?.to_owned())
        };
        let address = |(known, sealed): (AddressId, &Sealed)| {
            let text = opened(Field::UserAddress, sealed)?;
            Some((known, EmailAddress::parse(&text).ok()?))
        };
        let own = user.addresses.iter().map(|address| (address.id, &address.sealed));
        let kept = leaving.iter().map(|address| (address.address, &address.sealed));
        let username = user.username().and_then(|sealed| opened(Field::Username, sealed));
        Self {
            addresses: own.chain(kept).filter_map(address).collect(),
            username: username.and_then(|text| Username::parse(&text).ok()),
        }
    }
}

/// Somebody who goes, or whose addresses do, and where the tables lead to them: under every key that is looked up under. What their key does not
/// open never came into the tables, or leads to an id that state does not know any more, which finds nobody.
pub(super) struct Leaver {
    user: UserId,
    ids: Vec<AddressId>,
    addresses: Vec<Tag>,
    usernames: Vec<Tag>,
}

impl Leaver {
    /// Who goes by an event, looking at the world before it, while their key is there.
    pub(super) fn of(
        world: &impl World,
        recorded: &Recorded,
        vault: &Vault,
        keyring: &SharedKeyring,
    ) -> Option<Self> {
        let (user, is_whole) = if let Event::UserErased { user, .. } = &recorded.event {
            (*user, true)
        } else if let Event::ObjectionRaised { user, .. } | Event::SafeguardsLapsed { user } = &recorded.event
        {
            (*user, false)
        } else {
            return None;
        };
        let ids = addresses_gone(world, recorded);
        let record = world
            .users()
            .look(&user)
            .filter(|_| is_whole || !ids.is_empty())?;
        let kept = world.safeguards().look(&user);
        let leaving = kept.map_or(&[][..], |kept| &kept.leaving);
        let mut clear = Clear::of(user, record, leaving, vault);
        clear.addresses.retain(|(id, _)| ids.contains(id));
        clear.username = clear.username.filter(|_| is_whole);
        let ring = keyring.current();
        let (mut addresses, mut usernames) = (vec![], vec![]);
        for key in ring.all(Purpose::Lookup) {
            let key = (key.id, key.secret());
            let texts = clear.addresses.iter();
            addresses.extend(texts.map(|(_, text)| tag(key, "address", text.canonical())));
            let username = clear.username.iter();
            usernames.extend(username.map(|text| tag(key, "username", text.canonical())));
        }
        Some(Self {
            user,
            ids,
            addresses,
            usernames,
        })
    }
}

impl Directory {
    /// Whether a tag was made under a key that gave way since.
    pub(super) fn is_outdated(&self, tag: Tag) -> bool {
        let gave_way = self.gave_way.read().unwrap_or_else(PoisonError::into_inner);
        gave_way.iter().any(|key| is_of(tag, *key))
    }

    /// Notes somebody who came; counts only while another key takes the place of the present one.
    pub(super) fn note_newcomer(&self, user: UserId) {
        let mut newcomers = self.newcomers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newcomers) = &mut *newcomers {
            newcomers.push(user);
        }
    }

    fn watch_newcomers(&self, watched: Option<Vec<UserId>>) -> Vec<UserId> {
        let mut newcomers = self.newcomers.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *newcomers, watched).unwrap_or_default()
    }

    /// Lets go of what was made under a key that gave way, and of those who went while it did.
    fn leave(&self, key: KeyId, state: &State) {
        self.gave_way
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(key);
        self.addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|tag, id| !is_of(*tag, key) && state.addresses.contains_key(id));
        self.usernames
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|tag, id| !is_of(*tag, key) && state.users.contains_key(id));
    }
}

/// Users whose addresses are looked at while readers of the state wait.
const REKEYED_AT_ONCE: usize = 256;

impl Engine {
    /// Puts a new key in the place of the one that addresses are looked up under; says which the old and the new one
    /// are. Everybody is folded under the new key first, beside the old one; the change itself happens between two groups of
    /// the writer, and a command that was prepared under the old key is refused as out of date. Blocks.
    pub fn rotate_lookup_key(&self) -> Result<(KeyId, KeyId), RewrapFault> {
        let (keyring, entropy) = (self.keyring(), self.entropy());
        let now = self.clock().now();
        let (old, new) = keyring.change(now, entropy, |ring| {
            let old = ring.active(Purpose::Lookup).0;
            Ok((old, ring.prepare(Purpose::Lookup, now, entropy)?))
        })?;
        let directory = self.directory();
        directory.watch_newcomers(Some(vec![]));
        // Whoever the writer was about to register is settled when this comes back; who comes later is watched.
        self.on_writer(|_| Ok(()))?;
        let everybody: Vec<UserId> = self.read(|state| state.users.iter().map(|(id, _)| *id).collect());
        for some in everybody.chunks(REKEYED_AT_ONCE) {
            self.fold_under(new, some);
        }
        let engine = self.clone();
        self.on_writer(move |_| {
            let newcomers = engine.directory().watch_newcomers(None);
            engine.fold_under(new, &newcomers);
            let activated = engine.keyring().change(now, engine.entropy(), |ring| {
                ring.activate(Purpose::Lookup, new);
                ring.forget_unneeded(Purpose::Lookup, |_| false);
                Ok(())
            });
            // A keyring that cannot be written is no reason to stop the writer: the old key goes on.
            if activated.is_ok() {
                engine.read(|state| engine.directory().leave(old, state));
            }
            Ok(activated)
        })??;
        Ok((old, new))
    }

    fn fold_under(&self, key: KeyId, users: &[UserId]) {
        let found: Vec<_> = self.read(|state| {
            let known = |id: &UserId| Some((*id, state.users.get(id)?.clone(), leaving(state, *id).to_vec()));
            users.iter().filter_map(known).collect()
        });
        let ring = self.keyring().current();
        let Some(secret) = ring.get(Purpose::Lookup, key) else {
            return;
        };
        for (id, user, leaving) in found {
            self.directory()
                .fold_user(id, &user, &leaving, self.vault(), (key, secret));
        }
    }
}

/// The addresses of a user that are kept for them although they removed them.
fn leaving(state: &State, user: UserId) -> &[Leaving] {
    state
        .safeguards
        .get(&user)
        .map_or(&[], |safeguards| &safeguards.leaving)
}

/// What a start knows before it has keys.
pub(super) enum Known {
    Nothing,
    /// The tables of a snapshot, and what happened since.
    UpTo(Since),
}

/// The addresses that are nobody's any more after an event, looking at the world before it.
pub(super) fn addresses_gone(world: &impl World, recorded: &Recorded) -> Vec<AddressId> {
    if let Event::UserErased { user, .. } = &recorded.event {
        let own = world.users().look(user).into_iter();
        let own = own.flat_map(|found| found.addresses.iter().map(|address| address.id));
        let kept = world.safeguards().look(user).into_iter();
        let kept = kept.flat_map(|found| found.leaving.iter().map(|address| address.address));
        own.chain(kept).collect()
    } else if let Event::ObjectionRaised { user, objection, .. } = &recorded.event {
        added_since(world, *user, *objection)
    } else if let Event::SafeguardsLapsed { user } = &recorded.event {
        let kept = world.safeguards().look(user);
        kept.map(|kept| kept.gone(recorded.time)).unwrap_or_default()
    } else {
        vec![]
    }
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
        if let Event::UserRegistered { user, .. } | Event::AddressConfirmed { user, .. } = &recorded.event {
            self.came.push(*user);
        }
        self.gone.extend(addresses_gone(state, recorded));
        if let Event::UserErased { user, .. } = &recorded.event {
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
            ..Directory::default()
        };
        for id in since.came {
            if let Some(user) = state.users.get(&id) {
                let lookup = keyring.active(Purpose::Lookup);
                directory.fold_user(id, user, leaving(state, id), vault, lookup);
            }
        }
        directory
    }
}
