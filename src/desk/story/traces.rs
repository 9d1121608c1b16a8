//! Where in the ledger to look for what happened to somebody, or for a kind of event.
//!
//! A question about one user would read the ledger back to its beginning, which takes a second for each million of events.
//! So the first one has an index made, in memory and beside everything else: of every block of events a filter of the users,
//! addresses and names in it (B. Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970). It misses
//! nothing, and is mistaken about one block of a thousand; what it points at is read and looked at as ever. It takes two bytes
//! an event, and nobody who never asks pays for it. Until it is made, only the end of the ledger is looked at.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::super::Desk;
use super::{About, EventFilter, about, event_name, vocabulary};
use crate::domain::Event;
use crate::ledger::StoreError;
use crate::types::{AddressId, Position, UserId};

/// Events of a block.
const BLOCK: u64 = 256;
/// 64 bits each: sixteen bits an event.
const WORDS: usize = 64;
/// Bits that a mark sets.
const PROBES: u64 = 8;
/// Events that are indexed while somebody waits: a few blocks.
const AT_ONCE: u64 = 16 * BLOCK;
/// Events that are indexed without a look whether the desk is still there.
const PART: u64 = 256 * BLOCK;
/// Events that later ones are expected to name.
const LATELY: usize = 4_096;

type Filter = [u64; WORDS];

/// What a filter is asked for.
#[derive(Clone, Copy)]
struct Mark(u64, u64);

impl Mark {
    /// Ids are random, so that they need no hashing to be spread.
    fn id(id: [u8; 16]) -> Self {
        let half = |from: usize| u64::from_le_bytes(std::array::from_fn(|at| id[from + at]));
        Self(half(0), half(8) | 1)
    }

    /// A name, in small letters or capitals: FNV-1a.
    fn name(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash, hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The places of its bits: word and bit.
    fn places(self) -> impl Iterator<Item = (usize, u32)> {
        (0..PROBES).map(move |probe| {
            // 64 words of 64 bits: twelve bits say which.
            let place = self.0.wrapping_add(self.1.wrapping_mul(probe)) >> 52;
            ((place >> 6) as usize, (place & 63) as u32)
        })
    }

    fn put(self, filter: &mut Filter) {
        for (word, bit) in self.places() {
            filter[word] |= 1 << bit;
        }
    }

    fn may_be_in(self, filter: &Filter) -> bool {
        self.places().all(|(word, bit)| filter[word] >> bit & 1 == 1)
    }
}

/// The index, as far as it is made.
#[derive(Default)]
pub(in crate::desk) struct Traces {
    /// Of the first event on, without a gap; only of blocks that are full.
    blocks: RwLock<Vec<Filter>>,
    /// Held by whoever makes more of it.
    maker: Arc<Mutex<Maker>>,
}

/// What goes on from block to block.
#[derive(Default)]
struct Maker {
    /// Whom late events name, each at its position modulo the length.
    lately: Vec<(Position, About)>,
}

/// What a question wants to be in a block: the name, and any of the ids.
pub(super) struct Wanted {
    name: Option<Mark>,
    ids: Vec<Mark>,
}

impl Wanted {
    fn may_be_in(&self, filter: &Filter) -> bool {
        self.name.is_none_or(|name| name.may_be_in(filter))
            && (self.ids.is_empty() || self.ids.iter().any(|id| id.may_be_in(filter)))
    }
}

impl Traces {
    fn covered(&self) -> u64 {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.len() as u64 * BLOCK
    }

    /// The last stretch before a position where something of it may be; of what is not indexed, so many events at most.
    pub(super) fn last_before(&self, end: Position, step: u64, wanted: &Wanted) -> Option<[Position; 2]> {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        let covered = blocks.len() as u64 * BLOCK;
        if end.0 > covered {
            return Some([Position(covered.max(end.0.saturating_sub(step))), end]);
        }
        let before = usize::try_from(end.0.div_ceil(BLOCK)).map_or(blocks.len(), |all| all.min(blocks.len()));
        let found = blocks[..before]
            .iter()
            .rposition(|filter| wanted.may_be_in(filter))? as u64;
        Some([Position(found * BLOCK), end.min(Position((found + 1) * BLOCK))])
    }
}

impl Desk {
    /// What a question is looked for by; none if the index knows nothing of what it asks. Has more of the index made.
    pub(super) fn wanted(&self, filter: &EventFilter) -> Result<Option<Wanted>, StoreError> {
        if filter.user.is_none() && filter.name.is_none() {
            return Ok(None);
        }
        self.make_traces()?;
        let ids = filter.user.map_or(vec![], |user| {
            let addresses = self.addresses_leading_to(user).into_iter();
            let marks = addresses.map(|address| Mark::id(address.0));
            [Mark::id(user.0)].into_iter().chain(marks).collect()
        });
        let name = filter.name.as_deref().map(Mark::name);
        Ok(Some(Wanted { name, ids }))
    }

    /// The index.
    pub(super) fn traces(&self) -> &Traces {
        &self.inner.traces
    }

    /// The addresses by which events may name a user.
    fn addresses_leading_to(&self, user: UserId) -> Vec<AddressId> {
        self.engine().read(|state| {
            let present = state.users.get(&user).into_iter();
            let present = present.flat_map(|found| found.addresses.iter().map(|address| address.id));
            let leaving = state.safeguards.get(&user).into_iter();
            let leaving = leaving.flat_map(|kept| kept.leaving.iter().map(|leaving| leaving.address));
            present.chain(leaving).collect()
        })
    }

    /// Indexes what is new, or a part of it; the rest by itself.
    fn make_traces(&self) -> Result<(), StoreError> {
        let Ok(mut maker) = Arc::clone(&self.inner.traces.maker).try_lock_owned() else {
            // Somebody is at it.
            return Ok(());
        };
        if !self.index(&mut maker, AT_ONCE)? {
            return Ok(());
        }
        let inner = Arc::downgrade(&self.inner);
        let going_on = move || {
            while let Some(inner) = inner.upgrade() {
                match (Self { inner }).index(&mut maker, PART) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::error!(%error, "the events could not be indexed");
                        break;
                    }
                }
            }
        };
        let begun = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(going_on);
        if let Err(error) = begun {
            // The next question tries again.
            tracing::warn!(%error, "the events are not indexed: the system gives no thread");
        }
        Ok(())
    }

    /// Indexes so many events more, at most; says whether there are more.
    fn index(&self, maker: &mut Maker, at_most: u64) -> Result<bool, StoreError> {
        let from = self.inner.traces.covered();
        let whole = self.engine().head().next.0 / BLOCK * BLOCK;
        let until = whole.min(from + at_most);
        let count = usize::try_from((until - from) / BLOCK).unwrap_or(0);
        let mut new: Vec<Filter> = vec![[0; WORDS]; count];
        self.scan_events(Position(from), &mut |recorded| {
            let place = recorded.position.0 - from;
            let block = usize::try_from(place / BLOCK).ok().and_then(|at| new.get_mut(at));
            let Some(block) = block else {
                return ControlFlow::Break(());
            };
            maker.mark(self, recorded.position, &recorded.event, block);
            ControlFlow::Continue(())
        })?;
        let mut blocks = self
            .inner
            .traces
            .blocks
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        blocks.append(&mut new);
        Ok(until < whole)
    }
}

impl Maker {
    fn mark(&mut self, desk: &Desk, position: Position, event: &Event, block: &mut Filter) {
        Mark::name(event_name(event)).put(block);
        if let Some(term) = vocabulary(event) {
            Mark::name(term).put(block);
        }
        let named = about(event);
        self.remember(position, named);
        let whom = match named {
            About::Earlier(earlier) => self.recall(desk, earlier),
            About::User(_) | About::Address(_) | About::Nobody => named,
        };
        match whom {
            About::User(user) => Mark::id(user.0).put(block),
            About::Address(address) => Mark::id(address.0).put(block),
            About::Earlier(_) | About::Nobody => {}
        }
    }

    fn remember(&mut self, position: Position, named: About) {
        if self.lately.is_empty() {
            self.lately.resize(LATELY, (Position(0), About::Nobody));
        }
        self.lately[place(position)] = (position, named);
    }

    fn recall(&self, desk: &Desk, earlier: Position) -> About {
        let (position, named) = self.lately[place(earlier)];
        if position == earlier {
            return named;
        }
        let read = desk.event_at(earlier).ok().flatten();
        read.map_or(About::Nobody, |read| about(&read.event))
    }
}

fn place(position: Position) -> usize {
    usize::try_from(position.0 % LATELY as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{SeededEntropy, random_id};

    #[test]
    fn a_filter_misses_nothing_and_is_seldom_mistaken() {
        let entropy = SeededEntropy::new(5);
        let ids: Vec<[u8; 16]> = (0..BLOCK).map(|_| random_id(&entropy)).collect();
        let mut filter = [0; WORDS];
        for id in &ids {
            Mark::id(*id).put(&mut filter);
        }
        Mark::name("SignedIn").put(&mut filter);
        assert!(ids.iter().all(|id| Mark::id(*id).may_be_in(&filter)));
        assert!(Mark::name("signedin").may_be_in(&filter));
        let mistaken = (0..10_000)
            .filter(|_| Mark::id(random_id(&entropy)).may_be_in(&filter))
            .count();
        assert!(mistaken < 20, "{mistaken} of 10000");
    }

    #[test]
    fn stretches_are_found_backwards_and_what_is_not_indexed_is_looked_at() {
        let wanted = Wanted {
            name: None,
            ids: vec![Mark::id([7; 16])],
        };
        let mut blocks = vec![[0; WORDS]; 3];
        Mark::id([7; 16]).put(&mut blocks[0]);
        Mark::id([7; 16]).put(&mut blocks[1]);
        let traces = Traces {
            blocks: RwLock::new(blocks),
            maker: Arc::default(),
        };
        let found = |end| {
            let stretch = traces.last_before(Position(end), 100, &wanted)?;
            Some(stretch.map(|position| position.0))
        };
        assert_eq!(found(1_000), Some([900, 1_000]));
        assert_eq!(found(800), Some([768, 800]), "no further than what is indexed");
        assert_eq!(found(768), Some([256, 512]));
        assert_eq!(found(300), Some([256, 300]));
        assert_eq!(found(256), Some([0, 256]));
        assert_eq!(found(0), None);
    }
}
