//! Who there is: in an order, and by the beginning of an address or a name.
//!
//! Addresses and names are sealed, so state alone cannot be searched. The first list that is asked for makes an index in
//! memory, beside everything else; what has happened since is added before each answer. Nobody who never lists users pays
//! for it: about 100 bytes a user.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Desk, Fault, UserView};
use crate::crypto::{self, Field};
use crate::domain::{Event, State};
use crate::ledger::StoreError;
use crate::types::{DataKeyId, EmailAddress, Position, Timestamp, UserId, Username};

/// How long somebody waits for another one's list, or for the index to be made, before they are told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Users whose seals are copied while the writer waits.
const AT_ONCE: usize = 256;
/// Found users that are put into another order than that of what was sought.
const SORTED_MAX: usize = 10_000;
/// Characters of what is sought: no address is longer.
pub const SOUGHT_CHARS_MAX: usize = 254;

/// Which users are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sought {
    /// Whoever has this id, this address or this user name; or whose address begins so; or whose name begins so: the first
    /// of these that finds anybody.
    Anything(String),
    /// Whoever has this address, or else everybody whose address begins so.
    Email(String),
    /// Everybody whose name begins so.
    Name(String),
    /// Whoever has this user name.
    Username(String),
    /// Whoever has this id.
    Id(String),
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeopleOrder {
    /// As they came to be.
    Created,
    /// By the address they sign in with.
    Email,
    /// By their name; who has none is left out.
    Name,
}

/// From which end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the beginning.
    Ascending,
    /// From the end.
    Descending,
}

/// A page of a list of users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeopleQuery {
    /// Which; everybody if none.
    pub sought: Option<Sought>,
    /// In which order; none is that of what is sought, or as they came to be.
    pub order: Option<PeopleOrder>,
    /// From which end.
    pub direction: Direction,
    /// How many come before the page.
    pub skip: usize,
    /// How many are on it at most.
    pub take: usize,
}

/// Why there is no list.
#[derive(Clone, PartialEq, Debug)]
pub enum PeopleFault {
    /// Too many were found to be put into that order.
    TooMany,
    /// Everything else.
    Desk(Fault),
}

type Keyed<K> = Vec<(K, UserId)>;

/// The index.
#[derive(Default)]
pub(super) struct Roll {
    /// Everything before this was looked at; none before the first look.
    next: Option<Position>,
    created: Keyed<Timestamp>,
    emails: Keyed<Box<str>>,
    names: Keyed<Box<str>>,
}

impl Desk {
    /// A page of users, and how many there are in all.
    pub async fn people(&self, query: PeopleQuery) -> Result<(usize, Vec<UserView>), PeopleFault> {
        // At once, without the index.
        let exact = match &query.sought {
            Some(Sought::Id(text)) => Some(self.by_id(text)),
            Some(Sought::Username(text)) => Some(self.by_username(text)),
            Some(Sought::Email(text)) => self.by_address(text).map(Some),
            Some(Sought::Anything(text)) => self.find_user(text).map(Some),
            Some(Sought::Name(_)) | None => None,
        };
        let Some(found) = exact else {
            return self.listed(query).await;
        };
        let page = found.into_iter().skip(query.skip).take(query.take);
        let people = page.filter_map(|id| self.view_user(id)).collect();
        Ok((usize::from(found.is_some()), people))
    }

    fn by_id(&self, text: &str) -> Option<UserId> {
        text.parse::<UserId>().ok().and_then(|_| self.find_user(text))
    }

    fn by_address(&self, text: &str) -> Option<UserId> {
        EmailAddress::parse(text).ok().and_then(|_| self.find_user(text))
    }

    fn by_username(&self, text: &str) -> Option<UserId> {
        Username::parse(text).ok().and_then(|_| self.find_user(text))
    }

    async fn listed(&self, query: PeopleQuery) -> Result<(usize, Vec<UserView>), PeopleFault> {
        let desk = self.clone();
        let roll = std::sync::Arc::clone(&self.inner.roll);
        let busy = || PeopleFault::Desk(Fault::Overloaded);
        let mut roll = timeout(PATIENCE, roll.lock_owned()).await.map_err(|_| busy())?;
        // Goes on although nobody waits any more: the next one finds it made.
        let listing = spawn_blocking(move || {
            roll.bring_up_to_date(&desk).map_err(|error| {
                tracing::error!(%error, "the events could not be read for the list of users");
                busy()
            })?;
            let (total, ids) = roll.page(&desk, &query)?;
            drop(roll);
            let people = ids.into_iter().filter_map(|id| desk.view_user(id)).collect();
            Ok((total, people))
        });
        match timeout(PATIENCE, listing).await {
            Ok(listed) => listed.map_err(|_| PeopleFault::Desk(Fault::Stopped))?,
            Err(_) => Err(busy()),
        }
    }
}

/// What the index holds of a user.
struct Entry {
    id: UserId,
    created: Timestamp,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
}

/// How texts are compared: case does not matter.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

fn entries(desk: &Desk, ids: &[UserId]) -> Vec<Entry> {
    let sealed: Vec<_> = desk.engine().read(|state| {
        let known = |id: &UserId| {
            let user = state.users.get(id)?;
            let first = user.addresses.first().map(|address| address.sealed.clone());
            Some((*id, user.created, first, user.name.clone()))
        };
        ids.iter().filter_map(known).collect()
    });
    let opened = sealed.into_iter().map(|(id, created, address, name)| {
        let key = desk.engine().vault().key(DataKeyId::User(id));
        let text = |field, sealed: Option<&crate::types::Sealed>| {
            let clear = crypto::open(key.as_ref()?, field, id.0, sealed?)?;
            Some(folded(std::str::from_utf8(&clear).ok()?).into_boxed_str())
        };
        Entry {
            id,
            created,
            email: text(Field::UserAddress, address.as_ref()),
            name: text(Field::UserName, name.as_ref()),
        }
    });
    opened.collect()
}

/// Whose place in the index an event changes.
enum Moved {
    /// Somebody who was not in it.
    In(UserId),
    /// Somebody who was.
    Within(UserId),
}

fn moved(event: &Event) -> Option<Moved> {
    if let Event::UserRegistered { user, .. } = event {
        return Some(Moved::In(*user));
    }
    let (Event::UserErased { user, .. }
    | Event::AddressRemoved { user, .. }
    | Event::PrimaryChanged { user, .. }
    | Event::ObjectionRaised { user, .. }
    | Event::ProfileChanged { user, .. }
    | Event::ProfileEdited { user, .. }) = event
    else {
        return None;
    };
    Some(Moved::Within(*user))
}

impl Roll {
    fn bring_up_to_date(&mut self, desk: &Desk) -> Result<(), StoreError> {
        let Some(from) = self.next else {
            // What happens meanwhile is looked at once more, which changes nothing.
            let (next, everybody): (_, Vec<UserId>) = desk.engine().read(|state| {
                let users = state.users.iter();
                (state.next(), users.map(|(id, _)| *id).collect())
            });
            self.admit(desk, &everybody);
            self.next = Some(next);
            return self.bring_up_to_date(desk);
        };
        // No further than state, which is what is looked at.
        let until = desk.engine().read(State::next);
        let (mut came, mut changed, mut next) = (vec![], HashSet::new(), from);
        desk.scan_events(from, &mut |recorded| {
            if recorded.position >= until {
                return ControlFlow::Break(());
            }
            match moved(&recorded.event) {
                Some(Moved::In(user)) => came.push(user),
                Some(Moved::Within(user)) => {
                    changed.insert(user);
                }
                None => {}
            }
            next = recorded.position.next();
            ControlFlow::Continue(())
        })?;
        // Looking at the whole index for those who leave a place is only for those who had one.
        if !changed.is_empty() {
            self.dismiss(&changed);
            self.admit(desk, &Vec::from_iter(changed));
        }
        self.admit(desk, &came);
        self.next = Some(next);
        Ok(())
    }

    fn dismiss(&mut self, gone: &HashSet<UserId>) {
        self.created.retain(|(_, id)| !gone.contains(id));
        self.emails.retain(|(_, id)| !gone.contains(id));
        self.names.retain(|(_, id)| !gone.contains(id));
    }

    fn admit(&mut self, desk: &Desk, users: &[UserId]) {
        let (mut created, mut emails, mut names) = (vec![], vec![], vec![]);
        for some in users.chunks(AT_ONCE) {
            for entry in entries(desk, some) {
                // Whoever came while the index was made, or came and changed, is in it already.
                let place = (entry.created, entry.id);
                if self.created.binary_search(&place).is_ok() {
                    continue;
                }
                created.push(place);
                emails.extend(entry.email.map(|email| (email, entry.id)));
                names.extend(entry.name.map(|name| (name, entry.id)));
            }
        }
        merge(&mut self.created, created);
        merge(&mut self.emails, emails);
        merge(&mut self.names, names);
    }

    /// How many there are, and whose page it is.
    fn page(&self, desk: &Desk, query: &PeopleQuery) -> Result<(usize, Vec<UserId>), PeopleFault> {
        let (order, found): (_, Vec<&Keyed<Box<str>>>) = match &query.sought {
            Some(Sought::Email(_)) => (PeopleOrder::Email, vec![&self.emails]),
            Some(Sought::Name(_)) => (PeopleOrder::Name, vec![&self.names]),
            Some(Sought::Anything(_)) => (PeopleOrder::Email, vec![&self.emails, &self.names]),
            Some(Sought::Id(_) | Sought::Username(_)) | None => (PeopleOrder::Created, vec![]),
        };
        let text = match &query.sought {
            Some(Sought::Email(text) | Sought::Name(text) | Sought::Anything(text)) => folded(text),
            Some(Sought::Id(_) | Sought::Username(_)) | None => {
                return Ok(match query.order.unwrap_or(order) {
                    PeopleOrder::Created => cut(&self.created, query),
                    PeopleOrder::Email => cut(&self.emails, query),
                    PeopleOrder::Name => cut(&self.names, query),
                });
            }
        };
        let beginning = |table: &&Keyed<Box<str>>| {
            let range = beginning_with(table, &text);
            (!range.is_empty()).then(|| (std::ptr::eq(*table, &raw const self.names), range))
        };
        let Some((is_by_name, range)) = found.iter().find_map(beginning) else {
            return Ok((0, vec![]));
        };
        let (table, own) = if is_by_name {
            (&self.names, PeopleOrder::Name)
        } else {
            (&self.emails, PeopleOrder::Email)
        };
        let matched = &table[range];
        if query.order.is_none_or(|order| order == own) {
            return Ok(cut(matched, query));
        }
        if matched.len() > SORTED_MAX {
            return Err(PeopleFault::TooMany);
        }
        let ids: Vec<UserId> = matched.iter().map(|(_, id)| *id).collect();
        let found = ids.chunks(AT_ONCE).flat_map(|some| entries(desk, some));
        Ok(match query.order.unwrap_or(own) {
            PeopleOrder::Created => cut(&sorted(found.map(|entry| (entry.created, entry.id))), query),
            PeopleOrder::Email => {
                let keyed = found.filter_map(|entry| Some((entry.email?, entry.id)));
                cut(&sorted(keyed), query)
            }
            PeopleOrder::Name => {
                let keyed = found.filter_map(|entry| Some((entry.name?, entry.id)));
                cut(&sorted(keyed), query)
            }
        })
    }
}

fn sorted<K: Ord>(keyed: impl Iterator<Item = (K, UserId)>) -> Keyed<K> {
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_unstable();
    keyed
}

/// The part of a sorted table whose texts begin so.
fn beginning_with(table: &[(Box<str>, UserId)], text: &str) -> Range<usize> {
    let from = table.partition_point(|(known, _)| &**known < text);
    let count = table[from..].partition_point(|(known, _)| known.starts_with(text));
    from..from + count
}

fn cut<K>(keyed: &[(K, UserId)], query: &PeopleQuery) -> (usize, Vec<UserId>) {
    let id = |(_, id): &(K, UserId)| *id;
    let page = match query.direction {
        Direction::Ascending => keyed.iter().skip(query.skip).take(query.take).map(id).collect(),
        Direction::Descending => keyed
            .iter()
            .rev()
            .skip(query.skip)
            .take(query.take)
            .map(id)
            .collect(),
    };
    (keyed.len(), page)
}

/// Puts new rows into a sorted table; looks only at the places where they go.
fn merge<K: Ord>(table: &mut Keyed<K>, mut new: Keyed<K>) {
    new.sort_unstable();
    if new.is_empty() {
        return;
    }
    let places: Vec<usize> = new
        .iter()
        .map(|row| table.partition_point(|known| known < row))
        .collect();
    let mut merged = Vec::with_capacity(table.len() + new.len());
    let mut old = std::mem::take(table).into_iter();
    let mut taken = 0;
    for (row, place) in new.into_iter().zip(places) {
        merged.extend(old.by_ref().take(place - taken));
        taken = place;
        merged.push(row);
    }
    merged.extend(old);
    *table = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> UserId {
        UserId([n; 16])
    }

    fn table(rows: &[(&str, u8)]) -> Keyed<Box<str>> {
        let mut table = vec![];
        merge(
            &mut table,
            rows.iter().map(|(text, n)| ((*text).into(), id(*n))).collect(),
        );
        table
    }

    #[test]
    fn what_is_merged_stands_sorted() {
        let mut all = table(&[("c", 3), ("a", 1)]);
        merge(
            &mut all,
            vec![("b".into(), id(2)), ("z".into(), id(9)), ("".into(), id(0))],
        );
        let ids: Vec<u8> = all.iter().map(|(_, id)| id.0[0]).collect();
        assert_eq!(ids, [0, 1, 2, 3, 9]);
    }

    #[test]
    fn a_beginning_finds_exactly_what_begins_so() {
        let all = table(&[("ann@a", 1), ("anna@a", 2), ("bob@a", 3), ("an", 4), ("한나", 5)]);
        assert_eq!(beginning_with(&all, "ann").len(), 2);
        assert_eq!(beginning_with(&all, "").len(), 5);
        assert_eq!(beginning_with(&all, "anna@a").len(), 1);
        assert_eq!(beginning_with(&all, "zz").len(), 0);
        assert_eq!(beginning_with(&all, "한").len(), 1);
    }
}
