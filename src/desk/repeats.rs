//! The same wrong value again and again: some clients repeat a call after any 401 without bound.
//!
//! A value that was wrong is remembered for a while as a keyed fingerprint (in memory, under a key made at start), so
//! that a repeat costs no hash and is not counted against the user, and the tenth is told to stop.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::system::{Entropy, random_array};
use crate::types::{Span, Timestamp};

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

pub(super) struct Repeats {
    key: [u8; 32],
    seen: Mutex<HashMap<[u8; 16], (Timestamp, u32)>>,
}

impl Repeats {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            key: random_array(entropy),
            seen: Mutex::default(),
        }
    }

    fn fingerprint(&self, scope: &str, owner: &[u8], value: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [scope.as_bytes(), owner, value.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        out
    }

    /// Asks about a value before it is checked.
    pub(super) fn look(&self, scope: &str, owner: &[u8], value: &str, now: Timestamp) -> Repeat {
        let print = self.fingerprint(scope, owner, value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((first, count)) = seen.get_mut(&print) else {
            return Repeat::New;
        };
        if now >= *first + COUNTED_FOR {
            seen.remove(&print);
            return Repeat::New;
        }
        *count += 1;
        if *count >= REPEATS_MAX {
            Repeat::TooOften
        } else if now < *first + ANSWERED_FOR {
            Repeat::KnownWrong
        } else {
            Repeat::New
        }
    }

    /// Remembers that a value was wrong.
    pub(super) fn wrong(&self, scope: &str, owner: &[u8], value: &str, now: Timestamp) {
        let print = self.fingerprint(scope, owner, value);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, (first, _)| now < *first + COUNTED_FOR);
            if seen.len() >= REMEMBERED_MAX {
                seen.clear();
            }
        }
        seen.entry(print).or_insert((now, 1));
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
}
