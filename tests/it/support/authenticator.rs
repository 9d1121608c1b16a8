//! An authenticator app as its owner has it: it knows the text of a seed and the wall clock (RFC 6238).

use keyledger::types::Timestamp;
use ring::hmac;

/// Seconds of a time step, in microseconds.
const STEP: i64 = 30_000_000;

/// Somebody's app.
#[derive(Clone)]
pub(crate) struct Authenticator {
    pub(crate) seed: Vec<u8>,
}

impl Authenticator {
    /// Reads the secret as an app does.
    pub(crate) fn of(text: &str) -> Self {
        let bits: Vec<u8> = text
            .bytes()
            .flat_map(|byte| {
                let at = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                    .iter()
                    .position(|c| *c == byte);
                let value = u8::try_from(at.unwrap()).unwrap();
                (0..5).rev().map(move |bit| value >> bit & 1)
            })
            .collect();
        let seed = bits
            .chunks_exact(8)
            .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit))
            .collect();
        Self { seed }
    }

    /// The time step that a moment lies in.
    pub(crate) fn step_at(wall: Timestamp) -> u64 {
        u64::try_from(wall.0 / STEP).unwrap()
    }

    /// The code of a moment.
    pub(crate) fn code_at(&self, wall: Timestamp) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &Self::step_at(wall).to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }
}
