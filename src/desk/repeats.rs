//! The same wrong value again and again: some clients repeat a call after any 401 without bound.
//!
//! A value that was wrong is remembered for a while as a keyed fingerprint (in memory, under a key made at start), so
//! that a repeat costs no hash and is not counted against the user, and the tenth is told to stop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::system::{Entropy, random_array};
use crate::types::{Span, Timestamp};

/// Values remembered at a time; one more takes the place of the one that was wrong first.
const REMEMBERED_MAX: usize = 65_536;
/// How long a wrong value is answered without hashing.
const ANSWERED_FOR: Span = Span::seconds(30);
/// How long repeats are counted.
pub(super) const COUNTED_FOR: Span = Span::minutes(10);
/// The repeat that is told to stop.
pub(super) const REPEATS_MAX: u32 = 10;

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Repeat {
    /// Nothing: check it.
    New,
    /// It was wrong a moment ago, and still is.
    KnownWrong,
    /// It was wrong too often.
    TooOften,
}

type Print = [u8; 16];

pub(super) struct Repeats {
    key: [u8; 32],
    seen: Mutex<Seen>,
}

/// Wrong values: when each was wrong first, and how often it came since. All are remembered for the same time, so the order
/// in which they came is the order in which they go.
#[derive(Default)]
struct Seen {
    prints: HashMap<Print, (Timestamp, u32)>,
    order: VecDeque<Print>,
}

impl Seen {
    /// Forgets those whose time is over, and the oldest when there is no room.
    fn make_room(&mut self, now: Timestamp, room: usize) {
        while let Some(oldest) = self.order.front() {
            let over = self
                .prints
                .get(oldest)
                .is_none_or(|(first, _)| now >= *first + COUNTED_FOR);
            if !over && self.order.len() < room {
                break;
            }
            self.prints.remove(oldest);
            self.order.pop_front();
        }
    }
}

impl Repeats {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            key: random_array(entropy),
            seen: Mutex::default(),
        }
    }

    fn fingerprint(&self, scope: &str, owner: &[u8], value: &str) -> Print {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [scope.as_bytes(), owner, value.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        out
    }

    /// Asks about a value before it is checked, and counts the question.
    pub(super) fn look(&self, scope: &str, owner: &[u8], value: &str, now: Timestamp) -> Repeat {
        let print = self.fingerprint(scope, owner, value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.make_room(now, usize::MAX);
        let Some((first, count)) = seen.prints.get_mut(&print) else {
            return Repeat::New;
        };
        *count += 1;
        if *count >= REPEATS_MAX {
            Repeat::TooOften
        } else if now < *first + ANSWERED_FOR {
            Repeat::KnownWrong
        } else {
            Repeat::New
        }
    }

    /// Whether a value was wrong lately; counts nothing.
    pub(super) fn knows(&self, scope: &str, owner: &[u8], value: &str, now: Timestamp) -> bool {
        let print = self.fingerprint(scope, owner, value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.make_room(now, usize::MAX);
        seen.prints.contains_key(&print)
    }

    /// Remembers that a value was wrong.
    pub(super) fn wrong(&self, scope: &str, owner: &[u8], value: &str, now: Timestamp) {
        let print = self.fingerprint(scope, owner, value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.prints.contains_key(&print) {
            return;
        }
        seen.make_room(now, REMEMBERED_MAX);
        seen.prints.insert(print, (now, 1));
        seen.order.push_back(print);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SeededEntropy;

    #[test]
    fn the_tenth_repeat_is_told_to_stop_and_a_new_value_is_not() {
        let repeats = Repeats::new(&SeededEntropy::new(1));
        let now = Timestamp(1_000_000_000);
        assert_eq!(repeats.look("change", b"s", "wrong", now), Repeat::New);
        repeats.wrong("change", b"s", "wrong", now);
        for _ in 2..10 {
            assert_eq!(repeats.look("change", b"s", "wrong", now), Repeat::KnownWrong);
        }
        assert_eq!(repeats.look("change", b"s", "wrong", now), Repeat::TooOften);
        assert_eq!(repeats.look("change", b"s", "other", now), Repeat::New);
        assert_eq!(
            repeats.look("change", b"s", "wrong", now + COUNTED_FOR),
            Repeat::New
        );
    }

    #[test]
    fn when_there_is_no_room_the_value_that_was_wrong_first_is_forgotten_and_no_other() {
        let repeats = Repeats::new(&SeededEntropy::new(1));
        let now = Timestamp(1_000_000_000);
        let wrong = |n: usize| repeats.wrong("change", b"s", &n.to_string(), now);
        let known = |n: usize| repeats.knows("change", b"s", &n.to_string(), now);
        (0..REMEMBERED_MAX).for_each(wrong);
        wrong(1);
        assert!(known(0) && known(1), "a repeat takes no room");
        wrong(REMEMBERED_MAX);
        assert!(!known(0) && known(1) && known(REMEMBERED_MAX));
        let later = now + COUNTED_FOR;
        repeats.wrong("change", b"s", "late", later);
        assert_eq!(repeats.seen.lock().unwrap().order.len(), 1);
    }
}
