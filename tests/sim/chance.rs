//! The dice of a simulation: everything random in it comes from its seed.

use keyledger::system::{SeededEntropy, random_array};

/// Dice that fall the same way for the same seed.
pub(super) struct Chance(SeededEntropy);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        // Apart from the entropy of the house, which draws by itself.
        Self(SeededEntropy::new(!seed))
    }

    /// A number below a bound, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let drawn = u64::from_be_bytes(random_array(&self.0));
        usize::try_from(drawn % bound as u64).unwrap_or(0)
    }

    /// Yes, once in so many times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several, if there is one.
    pub(super) fn one_of<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.below(of.len())].clone())
    }
}
