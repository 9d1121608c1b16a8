//! The first look at somebody: whose the address is, and under which keys what they leave is kept.
//!
//! The same work is done for an address that is somebody's and one that is nobody's: one look-up, two key unwraps,
//! three keyed hashes, one seal.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::origin::Origin;
use super::{Desk, Fault, Refusal};
use crate::crypto::{self, DataKey, Field, WrappedKey};
use crate::domain::{Ask, Client, Context, State, SuppressedClass};
use crate::engine::{Directory, SealedOrigin};
use crate::types::{
    AddressId, ClientNet, DataKeyId, EmailAddress, Locale, Sealed, Tag, TokenId, UserId, Username,
};

/// Somebody at a door.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their address, after trusted proxies.
    pub ip: IpAddr,
    /// What their program calls itself.
    pub user_agent: String,
    /// The language they ask for.
    pub locale: Option<Locale>,
    /// Whether limits per client apply to them.
    pub exempt: bool,
}

impl Visitor {
    /// What is kept of them, sealed.
    pub fn origin(&self) -> Origin {
        Origin {
            ip: self.ip,
            user_agent: self.user_agent.clone(),
        }
    }

    fn net(&self) -> [u8; 9] {
        ClientNet::of(self.ip).to_bytes()
    }
}

/// The key of the current day, until it is known to be durable.
#[derive(Default)]
pub(super) struct DayKeys {
    fresh: Mutex<Option<(u32, WrappedKey)>>,
}

/// Keys that must be stored with a command's first event.
pub(super) type NewKeys = Vec<(DataKeyId, WrappedKey)>;

/// What a first look found.
pub(super) struct Greeting {
    /// The address and its owner, if it is somebody's.
    pub(super) found: Option<(AddressId, UserId)>,
    /// The request as a command wants it.
    pub(super) ask: Ask,
    /// Keys to store with it.
    pub(super) keys: NewKeys,
}

impl Desk {
    /// Looks at a request about an address.
    pub(super) fn greet(&self, address: &EmailAddress, visitor: &Visitor) -> Result<Greeting, Fault> {
        let ring = self.engine().keyring().current();
        let lookup = Directory::address_tag(&ring, address);
        self.greet_as(lookup, address.canonical(), visitor)
    }

    /// Whose a name is: an address or a user name.
    pub(super) fn whose(&self, who: &str, state: &State) -> Option<UserId> {
        let ring = self.engine().keyring().current();
        let directory = self.engine().directory();
        let by_address = EmailAddress::parse(who).ok().and_then(|address| {
            let id = directory.address(Directory::address_tag(&ring, &address), state)?;
            state.addresses.get(&id).copied()
        });
        by_address.or_else(|| {
            let username = Username::parse(who).ok()?;
            directory.username(Directory::username_tag(&ring, &username))
        })
    }

    /// A first look at somebody who gave an address or a user name. A user name stands for the first address of its
    /// user; one of nobody for an address of nobody.
    pub(super) fn greet_by_name(&self, who: &str, visitor: &Visitor) -> Result<Greeting, Fault> {
        if let Ok(address) = EmailAddress::parse(who) {
            return self.greet(&address, visitor);
        }
        let username = Username::parse(who).map_err(|_| Refusal::InvalidCredentials)?;
        let owner = self.engine().read(|state| self.whose(who, state));
        match owner.and_then(|owner| self.first_address(owner)) {
            Some(address) => self.greet(&address, visitor),
            None => self.greet_nobody(&username, visitor),
        }
    }

    /// The same for a user name that is nobody's: its tag is that of no address.
    fn greet_nobody(&self, username: &Username, visitor: &Visitor) -> Result<Greeting, Fault> {
        let ring = self.engine().keyring().current();
        let lookup = Directory::username_tag(&ring, username);
        self.greet_as(lookup, username.canonical(), visitor)
    }

    fn greet_as(&self, lookup: Tag, canonical: &str, visitor: &Visitor) -> Result<Greeting, Fault> {
        let (found, user_locale) = self.engine().read(|state| {
            let found = self.engine().directory().address(lookup, state);
            let found = found.and_then(|id| Some((id, *state.addresses.get(&id)?)));
            (
                found,
                found.and_then(|(_, user)| Some(state.users.get(&user)?.locale)),
            )
        });
        let (day_key, keys) = self.day_key();
        let stranger = Self::stranger_tag(&day_key, canonical);
        let subject = found.map_or(day_key.id(), |(_, user)| DataKeyId::User(user));
        // An owner whose key is gone is being erased at this moment; a next try meets a stranger.
        let Some(subject_key) = self.engine().vault().key(subject) else {
            return Err(Fault::Overloaded);
        };
        let owner = found.map_or([0; 16], |(_, user)| user.0);
        let client = self.client(&day_key, &subject_key, owner, visitor);
        // A user's own language comes before the browser's, but the event must not tell: both have one size.
        let locale = user_locale
            .filter(|locale| *locale != Locale::En)
            .or(visitor.locale)
            .unwrap_or_default();
        Ok(Greeting {
            found,
            ask: Ask {
                lookup,
                stranger,
                client,
                locale,
            },
            keys,
        })
    }

    /// An address under the day's key.
    pub(super) fn stranger_tag(day_key: &DataKey, canonical: &str) -> Tag {
        crypto::tag(day_key, "stranger", &[canonical.as_bytes()])
    }

    /// The address somebody signs in with.
    pub(super) fn first_address(&self, user: UserId) -> Option<EmailAddress> {
        let sealed = self.engine().read(|state| {
            let first = state.users.get(&user)?.addresses.first()?;
            Some(first.sealed.clone())
        })?;
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        let clear = crypto::open(&key, Field::UserAddress, user.0, &sealed)?;
        EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok()
    }

    /// A client under the day's key and a subject's.
    pub(super) fn client(
        &self,
        day_key: &DataKey,
        subject_key: &DataKey,
        owner: [u8; 16],
        visitor: &Visitor,
    ) -> Client {
        Client {
            day: crypto::tag(day_key, "client", &[&visitor.net()]),
            network: crypto::tag(subject_key, "network", &[&visitor.net()]),
            exempt: visitor.exempt,
            origin: self.seal_origin(subject_key, owner, visitor),
        }
    }

    pub(super) fn seal_origin(&self, key: &DataKey, owner: [u8; 16], visitor: &Visitor) -> Sealed {
        crypto::seal(
            key,
            Field::EventClient,
            owner,
            &visitor.origin().to_bytes(),
            self.engine().entropy(),
        )
    }

    /// Where a request of a user came from, sealed under their key; `None` if the user is gone.
    pub(super) fn origin_of(&self, user: UserId, visitor: &Visitor) -> Option<Sealed> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        Some(self.seal_origin(&key, user.0, visitor))
    }

    /// Counts a call that was refused without a word in the ledger; once a minute the count is written down, with where
    /// the first of it came from.
    pub(super) fn count_refused(&self, class: SuppressedClass, visitor: &Visitor) {
        self.engine().count_suppressed_from(class, || {
            let (day_key, keys) = self.day_key();
            let origin = self.seal_origin(&day_key, [0; 16], visitor);
            SealedOrigin { origin, keys }
        });
    }

    /// Counts a call that a door refused because there were too many.
    pub fn refused_call(&self) {
        self.engine().count_suppressed(SuppressedClass::Limited);
    }

    /// A client under the key of a user; `None` if the user is gone.
    pub(super) fn client_of(&self, user: UserId, visitor: &Visitor) -> Option<Client> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        let (day_key, _) = self.day_key();
        Some(self.client(&day_key, &key, user.0, visitor))
    }

    /// What an event says of where it came from.
    pub fn open_origin(&self, owner: Option<UserId>, sealed: &Sealed) -> Option<Origin> {
        let key = self.engine().vault().key(sealed.key_id()?)?;
        let clear = crypto::open(
            &key,
            Field::EventClient,
            owner.map_or([0; 16], |user| user.0),
            sealed,
        )?;
        Origin::from_bytes(&clear)
    }

    /// Where a mailed link is to lead in the end, sealed for whoever the request is about.
    pub(super) fn seal_callback(&self, owner: Option<UserId>, url: &str) -> Result<Sealed, Fault> {
        let (day_key, _) = self.day_key();
        let subject = owner.map_or(day_key.id(), DataKeyId::User);
        // An owner whose key is gone is being erased at this moment; a next try meets a stranger.
        let key = self.engine().vault().key(subject).ok_or(Fault::Overloaded)?;
        let bytes = owner.map_or([0; 16], |user| user.0);
        Ok(crypto::seal(
            &key,
            Field::Callback,
            bytes,
            url.as_bytes(),
            self.engine().entropy(),
        ))
    }

    /// Where the link of a proof is to lead in the end, as its request said.
    pub(super) fn callback_of(&self, proof: TokenId) -> Option<String> {
        let (user, sealed) = self.engine().read(|state| {
            let token = state.tokens.get(&proof)?;
            Some((token.user, token.callback.clone()?))
        })?;
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        let clear = crypto::open(&key, Field::Callback, user.0, &sealed)?;
        Some(std::str::from_utf8(&clear).ok()?.to_owned())
    }

    /// The day's key, and what must be stored with the next event while it is new.
    pub(super) fn day_key(&self) -> (DataKey, NewKeys) {
        let vault = self.engine().vault();
        let day = self.now().day();
        let id = DataKeyId::Day(day);
        let mut fresh = self
            .inner
            .day_keys
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let durable = fresh.as_ref().is_some_and(|(of, _)| {
            *of != day
                || self
                    .engine()
                    .reader()
                    .data_key(id)
                    .is_ok_and(|stored| stored.is_some())
        });
        if durable {
            *fresh = None;
        }
        let pending = fresh.as_ref().map(|(_, wrapped)| (id, wrapped.clone()));
        if let Some(key) = vault.key(id) {
            return (key, pending.into_iter().collect());
        }
        let (key, wrapped) = vault.make(id, self.engine().entropy());
        vault.insert(id, wrapped.clone());
        *fresh = Some((day, wrapped.clone()));
        (key, vec![(id, wrapped)])
    }

    /// The law's context for a look without a decision.
    pub(super) fn context(&self, found: Option<AddressId>) -> Context<'_> {
        Context {
            now: self.now(),
            limits: self.limits(),
            found,
            username_taken: false,
            unwritten: self.engine().unwritten(),
        }
    }
}
