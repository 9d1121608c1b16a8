//! State as it was at one moment, while it goes on: what a snapshot is written from, without a second state.
//!
//! Only what changed since that moment is kept, and only until it was seen. Tables are seen in the order of their keys,
//! so what lies before the key seen last is let go of, and what changes there is not kept any more.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::ControlFlow;

/// What a table held at one moment, where it holds something else now.
#[derive(Clone, Debug)]
pub struct Earlier<K, V> {
    /// What was under keys that are ahead; `None` where nothing was.
    changed: BTreeMap<K, Option<V>>,
    seen: Seen<K>,
}

/// How far a table was seen.
#[derive(Clone, Copy, Debug)]
enum Seen<K> {
    Nothing,
    UpTo(K),
    All,
}

impl<K, V> Default for Earlier<K, V> {
    fn default() -> Self {
        Self {
            changed: BTreeMap::new(),
            seen: Seen::Nothing,
        }
    }
}

impl<K: Ord + Copy, V> Earlier<K, V> {
    /// How many entries are kept.
    pub(super) fn len(&self) -> usize {
        self.changed.len()
    }

    /// Keeps what is under a key before it changes, unless nobody will ask for it.
    pub(super) fn keep(&mut self, key: K, present: impl FnOnce() -> Option<V>) {
        let is_ahead = match &self.seen {
            Seen::Nothing => true,
            Seen::UpTo(last) => key > *last,
            Seen::All => false,
        };
        if is_ahead {
            self.changed.entry(key).or_insert_with(present);
        }
    }

    /// Shows, in order, what was under the keys behind the one seen last (`None`: nothing), until `show` breaks off.
    /// `present` gives what is there now behind a key, or from the beginning. Says whether the end was reached.
    #[must_use]
    pub fn see<'t, W, I>(
        &mut self,
        present: impl FnOnce(Option<K>) -> I,
        mut show: impl FnMut(&K, Option<&V>) -> ControlFlow<()>,
    ) -> bool
    where
        K: 't,
        W: Borrow<V> + 't,
        I: Iterator<Item = (&'t K, &'t W)>,
    {
        let mut present = match self.seen {
            Seen::Nothing => present(None),
            Seen::UpTo(last) => present(Some(last)),
            Seen::All => return true,
        }
        .peekable();
        let mut changed = self.changed.iter().peekable();
        let mut last = None;
        let is_over = loop {
            let Some((key, value)) = next(&mut present, &mut changed) else {
                break true;
            };
            last = Some(*key);
            if show(key, value).is_break() {
                break false;
            }
        };
        if is_over {
            *self = Self {
                changed: BTreeMap::new(),
                seen: Seen::All,
            };
        } else if let Some(last) = last {
            self.changed = self.changed.split_off(&last);
            self.changed.remove(&last);
            self.seen = Seen::UpTo(last);
        }
        is_over
    }
}

/// The next entry as it was: from what is kept, or from what is there unless that is newer.
fn next<'a, 't: 'a, K: Ord + 't, V, W: Borrow<V> + 't>(
    present: &mut Peekable<impl Iterator<Item = (&'t K, &'t W)>>,
    changed: &mut Peekable<impl Iterator<Item = (&'a K, &'a Option<V>)>>,
) -> Option<(&'a K, Option<&'a V>)> {
    let is_kept = match (present.peek(), changed.peek()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some((there, _)), Some((kept, _))) => kept <= there,
    };
    if !is_kept {
        return present.next().map(|(key, value)| (key, Some(value.borrow())));
    }
    let (key, value) = changed.next()?;
    if present.peek().is_some_and(|(there, _)| *there == key) {
        present.next();
    }
    Some((key, value.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Between two looks of some entries each, keys are put, replaced and removed.
        #[test]
        fn a_table_that_goes_on_shows_what_it_held(
            first in prop::collection::btree_map(any::<u8>(), any::<u8>(), 0..60),
            turns in prop::collection::vec((1_usize..9, prop::collection::vec((any::<u8>(), any::<Option<u8>>()), 0..9)), 0..40),
        ) {
            let mut table = first.clone();
            let mut earlier = Earlier::default();
            let mut seen = BTreeMap::new();
            let mut turns = turns.into_iter();
            loop {
                let (most, changes) = turns.next().unwrap_or((usize::MAX, vec![]));
                let mut shown = 0;
                let is_over = earlier.see(
                    |last| table.range((last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)),
                    |key, value| {
                        seen.extend(value.map(|value| (*key, *value)));
                        shown += 1;
                        if shown < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    },
                );
                if is_over {
                    break;
                }
                for (key, value) in changes {
                    earlier.keep(key, || table.get(&key).copied());
                    match value {
                        Some(value) => table.insert(key, value),
                        None => table.remove(&key),
                    };
                }
            }
            prop_assert_eq!(seen, first);
            prop_assert_eq!(earlier.len(), 0);
        }
    }
}
