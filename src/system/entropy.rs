//! Where ids, nonces and keys come from.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of bytes that nobody can guess; a parameter of whoever needs it, so that a seed can replay a simulation.
pub trait Entropy: Send + Sync {
    /// Fills all of `out`.
    fn fill(&self, out: &mut [u8]);
}

/// So many fresh bytes.
pub fn random_array<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}

/// The 16 bytes of a fresh id, as in `UserId(random_id(entropy))`.
pub fn random_id(entropy: &dyn Entropy) -> [u8; 16] {
    random_array(entropy)
}

/// The operating system's generator (`getrandom(2)`), the only source in production.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// Panics if the system gives none: going on with guessable keys would be worse than stopping.
    fn fill(&self, out: &mut [u8]) {
        if let Err(error) = getrandom::fill(out) {
            panic!(
                "the operating system gives no random bytes ({error}); nothing safe can be made without them"
            );
        }
    }
}

/// BLAKE3 in XOF mode under one key, one stream per call: the same bytes for the same key and order of calls.
#[derive(Debug)]
pub struct SeededEntropy {
    key: [u8; 32],
    calls: AtomicU64,
}

impl SeededEntropy {
    /// Begins the sequence of `seed`; for tests and simulations only.
    pub fn new(seed: u64) -> Self {
        Self::under(blake3::derive_key(
            "keyledger seeded entropy v1",
            &seed.to_be_bytes(),
        ))
    }

    /// Begins a sequence that nobody knows, from a key drawn once: for names that protect nothing, where asking the
    /// system each time would cost more than what is named.
    pub fn drawn(source: &dyn Entropy) -> Self {
        Self::under(random_array(source))
    }

    fn under(key: [u8; 32]) -> Self {
        Self {
            key,
            calls: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new_keyed(&self.key)
            .update(&call.to_be_bytes())
            .finalize_xof()
            .fill(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_without_repeating_itself() {
        let (one, two) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let first = random_id(&one);
        assert_eq!(first, random_id(&two));
        assert_ne!(first, random_id(&one));
        assert_ne!(first, random_id(&SeededEntropy::new(8)));
    }

    #[test]
    fn the_operating_system_does_not_repeat_itself() {
        assert_ne!(random_array::<32>(&OsEntropy), random_array::<32>(&OsEntropy));
    }
}
