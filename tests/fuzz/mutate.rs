//! Changes to inputs, the same in every run.

use keyledger::system::{SeededEntropy, random_array};

/// Numbers that readers stumble over, big-endian.
const EDGES: [u64; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    i64::MAX.unsigned_abs(),
    u64::MAX,
];

/// Makes inputs out of others.
pub(super) struct Mutator {
    dice: SeededEntropy,
}

impl Mutator {
    /// The changes of a target.
    pub(super) fn new(name: &str) -> Self {
        let seed = name
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self {
            dice: SeededEntropy::new(seed),
        }
    }

    fn below(&self, bound: usize) -> usize {
        let drawn = u64::from_be_bytes(random_array(&self.dice));
        usize::try_from(drawn % bound.max(1) as u64).unwrap_or(0)
    }

    /// One of the inputs, changed in a few places.
    pub(super) fn change(&mut self, kept: &[Vec<u8>], length_max: usize) -> Vec<u8> {
        let mut input = kept[self.below(kept.len())].clone();
        for _ in 0..=self.below(4) {
            self.change_once(&mut input, kept);
        }
        input.truncate(length_max);
        input
    }

    fn change_once(&self, input: &mut Vec<u8>, kept: &[Vec<u8>]) {
        let at = self.below(input.len());
        match self.below(8) {
            0 | 1 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            2 if !input.is_empty() => input[at] = random_array::<1>(&self.dice)[0],
            3 => {
                // A number in the place of one.
                let bytes = EDGES[self.below(EDGES.len())].to_be_bytes();
                let width = [1, 2, 4, 8][self.below(4)];
                for (into, byte) in input.iter_mut().skip(at).zip(&bytes[8 - width..]) {
                    *into = *byte;
                }
            }
            4 => input.truncate(at),
            5 => {
                let other = &kept[self.below(kept.len())];
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            6 => {
                let some = random_array::<16>(&self.dice);
                let count = self.below(some.len());
                input.splice(at..at, some[..count].iter().copied());
            }
            _ if !input.is_empty() => {
                let end = (at + self.below(32)).min(input.len());
                input.drain(at..end);
            }
            _ => input.push(0),
        }
    }
}
