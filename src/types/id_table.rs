//! A table by random id: sorted shards instead of one hash map.

use std::cmp::Ordering;
use std::ops::Index;
use std::{fmt, slice};

/// Enough shards that one holds some hundred entries at a million: inserting moves a few kilobytes, never the table.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 12;

/// A key of 16 bytes that nobody outside can choose: random, or a keyed hash. So it needs no hashing to be spread.
pub trait RandomId: Copy + Ord {
    /// The bytes.
    fn bytes(&self) -> &[u8; 16];
}

/// A map from random ids, in the order of the ids.
///
/// A hash map doubles when it is full: between that and the next time half of it is empty, and doubling a million
/// entries stops the writer for a good part of a second. This one keeps about a sixteenth spare and never stops.
/// Large values belong in a `Box`, because neighbours move.
#[derive(Clone)]
pub struct IdTable<K, V> {
    shards: Box<[Vec<(K, V)>]>,
    len: usize,
}

impl<K, V> Default for IdTable<K, V> {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Vec::new()).collect(),
            len: 0,
        }
    }
}

impl<K: RandomId, V> IdTable<K, V> {
    /// An empty table; 96 KiB already.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let shard = &self.shards[shard_of(key)];
        find(shard, key).ok().map(|at| &shard[at].1)
    }

    /// The value under a key, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let shard = &mut self.shards[shard_of(key)];
        find(shard, key).ok().map(|at| &mut shard[at].1)
    }

    /// Whether there is a value under a key.
    pub fn contains_key(&self, key: &K) -> bool {
        find(&self.shards[shard_of(key)], key).is_ok()
    }

    /// Puts a value; gives back what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let shard = &mut self.shards[shard_of(&key)];
        match find(shard, &key) {
            Ok(at) => Some(std::mem::replace(&mut shard[at].1, value)),
            Err(at) => {
                if shard.len() == shard.capacity() {
                    // An eighth more instead of twice as much: memory matters more here than copying.
                    shard.reserve_exact(shard.len() / 8 + 2);
                }
                shard.insert(at, (key, value));
                self.len += 1;
                None
            }
        }
    }

    /// Takes a value away.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let shard = &mut self.shards[shard_of(key)];
        let at = find(shard, key).ok()?;
        self.len -= 1;
        Some(shard.remove(at).1)
    }

    /// Takes entries that lie behind all that are there under the same first bits, in the order of their keys: a table
    /// is filled from its own entries in one pass, each shard with no spare room. Says whether they were in order;
    /// if not, some of them are missing.
    #[must_use]
    pub fn extend_ordered(&mut self, entries: Vec<(K, V)>) -> bool {
        let mut entries = entries.into_iter();
        while let Some((first, _)) = entries.as_slice().first() {
            let number = shard_of(first);
            let here = entries.as_slice().iter();
            let here = here.take_while(|(key, _)| shard_of(key) == number).count();
            let shard = &mut self.shards[number];
            shard.reserve_exact(here);
            for entry in entries.by_ref().take(here) {
                if shard.last().is_some_and(|(last, _)| *last >= entry.0) {
                    return false;
                }
                shard.push(entry);
                self.len += 1;
            }
        }
        true
    }

    /// The entries behind a key, in the order of their keys; all of them without one.
    pub fn after(&self, key: Option<&K>) -> Entries<'_, K, V> {
        let Some(key) = key else {
            return self.iter();
        };
        let number = shard_of(key);
        let shard = &self.shards[number];
        let at = find(shard, key).map_or_else(|at| at, |at| at + 1);
        Entries {
            shards: self.shards[number + 1..].iter(),
            entries: shard[at..].iter(),
        }
    }

    /// Keeps those for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        for shard in &mut self.shards {
            shard.retain(|(key, value)| keep(key, value));
        }
        self.len = self.shards.iter().map(Vec::len).sum();
    }
}

impl<K, V> IdTable<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> Entries<'_, K, V> {
        Entries {
            shards: self.shards.iter(),
            entries: [].iter(),
        }
    }

    /// How many parts the table has, from the lowest ids to the highest.
    pub const SHARDS: usize = SHARDS;

    /// The entries of one part, in the order of their keys; a part holds about a four-thousandth of all.
    pub fn shard(&self, part: usize) -> &[(K, V)] {
        self.shards.get(part).map_or(&[], Vec::as_slice)
    }

    /// All keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

/// The entries of a table.
pub struct Entries<'a, K, V> {
    shards: slice::Iter<'a, Vec<(K, V)>>,
    entries: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            self.entries = self.shards.next()?.iter();
        }
    }
}

impl<'a, K, V> IntoIterator for &'a IdTable<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Entries<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: RandomId, V> Index<&K> for IdTable<K, V> {
    type Output = V;
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the key is in the table")
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IdTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// The first bits, big-endian, so that the shards stand in the order of the keys.
fn shard_of<K: RandomId>(key: &K) -> usize {
    let [first, second, ..] = *key.bytes();
    usize::from(u16::from_be_bytes([first, second]) >> (u16::BITS - SHARD_BITS))
}

/// Where a key is in a shard, or belongs.
fn find<K: RandomId, V>(shard: &[(K, V)], key: &K) -> Result<usize, usize> {
    // A number is compared at once, bytes by a call.
    let number = |key: &K| u128::from_be_bytes(*key.bytes());
    let wanted = number(key);
    search(shard.len(), wanted << SHARD_BITS, |at| {
        number(&shard[at].0).cmp(&wanted)
    })
}

/// Where among so many sorted entries one is, or belongs; `order` compares the one at an index with it. `spread` says
/// about where to look: its first bits count evenly from the first entry to the last. With random keys a few steps from
/// there find it, where halving would look at eight places that no cache holds.
pub fn search(len: usize, spread: u128, order: impl Fn(usize) -> Ordering) -> Result<usize, usize> {
    let bits = spread >> (u128::BITS - u32::BITS);
    let guess = usize::try_from((bits * len as u128) >> u32::BITS).expect("less than the length");
    let (mut low, mut high) = (guess, guess);
    let mut step = 4;
    while low > 0 && order(low - 1).is_ge() {
        low = low.saturating_sub(step);
        step *= 2;
    }
    let mut step = 4;
    while high < len && order(high).is_le() {
        high = (high + step).min(len);
        step *= 2;
    }
    while low < high {
        let middle = usize::midpoint(low, high);
        match order(middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::types::Tag;

    /// Random ids, and those that crowd one shard or its ends.
    fn any_id() -> impl Strategy<Value = Tag> {
        let crowded = (0..40_u8, any::<bool>()).prop_map(|(n, last)| {
            let mut bytes = if last { [255; 16] } else { [0; 16] };
            bytes[15] ^= n;
            Tag(bytes)
        });
        prop_oneof![any::<[u8; 16]>().prop_map(Tag), crowded]
    }

    proptest! {
        #[test]
        fn an_id_table_is_what_an_ordered_map_is(turns in prop::collection::vec((any_id(), any::<u8>(), 0..4_u8), 0..200)) {
            let (mut table, mut map) = (IdTable::new(), BTreeMap::new());
            for (id, value, turn) in turns {
                if turn == 0 {
                    prop_assert_eq!(table.remove(&id), map.remove(&id));
                } else {
                    prop_assert_eq!(table.insert(id, value), map.insert(id, value));
                }
                prop_assert_eq!(table.get(&id), map.get(&id));
                prop_assert_eq!(table.len(), map.len());
            }
            prop_assert!(table.iter().eq(map.iter()));
            for id in map.keys() {
                prop_assert_eq!(table.get_mut(id).copied(), map.get(id).copied());
            }
            let (mut copy, mut last) = (IdTable::new(), None);
            loop {
                let some: Vec<_> = table.after(last.as_ref()).take(3).map(|(key, value)| (*key, *value)).collect();
                let Some((key, _)) = some.last() else { break };
                last = Some(*key);
                prop_assert!(copy.extend_ordered(some));
            }
            prop_assert!(copy.iter().eq(map.iter()) && copy.len() == map.len());
            let again: Vec<_> = table.iter().map(|(key, value)| (*key, *value)).collect();
            prop_assert!(again.is_empty() || !copy.extend_ordered(again));
            table.retain(|_, value| value % 2 == 0);
            map.retain(|_, value| *value % 2 == 0);
            prop_assert!(table.values().eq(map.values()) && table.len() == map.len());
        }
    }
}
