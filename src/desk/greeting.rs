//! The first look at somebody: whose the address is, and under which keys what they leave is kept.
//!
//! The same work is done for an address that is somebody's and one that is nobody's: one look-up, two key unwraps,
//! three keyed hashes, one seal.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::origin::Origin;
use super::{Desk, Fault};
use crate::crypto::{self, DataKey, Field, WrappedKey};
use crate::domain::{Ask, Client, Context};
use crate::engine::Directory;
use crate::types::{AddressId, ClientNet, DataKeyId, EmailAddress, Locale, Sealed, UserId};

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
        let (found, user_locale) = self.engine().read(|state| {
            let found = self.engine().directory().address(lookup, state);
            let found = found.and_then(|id| Some((id, *state.addresses.get(&id)?)));
            (
                found,
                found.and_then(|(_, user)| Some(state.users.get(&user)?.locale)),
            )
        });
        let (day_key, keys) = self.day_key()?;
        let stranger = crypto::tag(&day_key, "stranger", &[address.canonical().as_bytes()]);
        let subject_key = match found {
            Some((_, user)) => self.engine().vault().key(DataKeyId::User(user)),
            None => self.engine().vault().key(day_key.id()).or(Some(day_key)),
        };
        // An owner whose key is gone is being erased: they are a stranger from now on.
        let Some(subject_key) = subject_key else {
            return Err(Fault::Stopped);
        };
        let owner = found.map_or([0; 16], |(_, user)| user.0);
        let client = self.client(&subject_key, owner, visitor)?;
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

    /// A client under a subject's key.
    pub(super) fn client(&self, key: &DataKey, owner: [u8; 16], visitor: &Visitor) -> Result<Client, Fault> {
        let (day_key, _) = self.day_key()?;
        Ok(Client {
            day: crypto::tag(&day_key, "client", &[&visitor.net()]),
            network: crypto::tag(key, "network", &[&visitor.net()]),
            exempt: visitor.exempt,
            origin: self.seal_origin(key, owner, visitor),
        })
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

    /// A client under the key of a user; `None` if the user is gone.
    pub(super) fn client_of(&self, user: UserId, visitor: &Visitor) -> Option<Client> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        self.client(&key, user.0, visitor).ok()
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

    /// The day's key, and what must be stored while it is new.
    fn day_key(&self) -> Result<(DataKey, NewKeys), Fault> {
        let vault = self.engine().vault();
        let day = self.now().day();
        let id = DataKeyId::Day(day);
        let mut fresh = self
            .inner
            .day_keys
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if fresh.as_ref().is_some_and(|(of, _)| *of != day) {
            *fresh = None;
        }
        if let Some(key) = vault.key(id) {
            let keys = fresh.iter().map(|(_, wrapped)| (id, wrapped.clone())).collect();
            return Ok((key, keys));
        }
        let (key, wrapped) = vault.make(id, self.engine().entropy());
        vault.insert(id, wrapped.clone());
        *fresh = Some((day, wrapped.clone()));
        Ok((key, vec![(id, wrapped)]))
    }

    /// After a command with events has come back, the day's key is durable.
    pub(super) fn day_key_is_durable(&self) {
        *self
            .inner
            .day_keys
            .fresh
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The law's context for a look without a decision.
    pub(super) fn context(&self, found: Option<AddressId>) -> Context<'_> {
        Context {
            now: self.now(),
            limits: self.limits(),
            found,
            username_taken: false,
        }
    }
}
