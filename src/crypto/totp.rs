//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds, which every app speaks.

use ring::hmac;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::types::Timestamp;

/// Bytes of a seed: the length of the hash (RFC 4226 §4, R6).
pub const SEED_LEN: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds of a time step.
pub const STEP_SECONDS: i64 = 30;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The time step that a moment lies in, counted from 1970.
pub fn step_at(wall: Timestamp) -> u64 {
    u64::try_from(wall.0.div_euclid(STEP_SECONDS * 1_000_000)).unwrap_or(0)
}

/// The code of a seed at a time step (RFC 4226 §5.3).
fn code(seed: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 15);
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_be_bytes(word) & 0x7fff_ffff
}

/// Which of the present step and its two neighbours (M-02) has the code, the latest of several; all three are compared,
/// in constant time. A step up to `spent` is no answer (M-01), unless there is no other: then it tells that a right code
/// came twice.
pub fn matching_step(seed: &[u8], wall: Timestamp, typed: [u8; DIGITS], spent: u64) -> Option<u64> {
    let now = step_at(wall);
    let mut found = None;
    for step in [now.saturating_sub(1), now, now.saturating_add(1)] {
        let mut genuine = super::codes::digits(u64::from(code(seed, step)));
        let is_match: bool = genuine.ct_eq(&typed).into();
        genuine.zeroize();
        if is_match && (step > spent || found.is_none()) {
            found = Some(step);
        }
    }
    found
}

/// A seed as people type it into an app: base 32 (RFC 4648) without padding.
pub fn seed_text(seed: &[u8]) -> SecretString {
    let mut text = Zeroizing::new(String::with_capacity(seed.len() * 8 / 5 + 1));
    for chunk in seed.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        for at in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or(0);
            text.push(char::from(BASE32[index]));
        }
    }
    SecretString::from(text.as_str())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const SEED: &[u8; 20] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn m_02_the_published_vectors_come_out() {
        // RFC 6238, appendix B, SHA-1; six digits are the last six of the eight given there.
        for (seconds, eight) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(code(SEED, step_at(at(seconds))) % 100_000_000, eight, "{seconds}");
        }
        // RFC 4226, appendix D.
        let codes = [
            755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489,
        ];
        for (counter, six) in (0..).zip(codes) {
            assert_eq!(code(SEED, counter) % 1_000_000, six);
        }
    }

    #[test]
    fn m_02_one_step_to_either_side_is_taken_and_no_more() {
        let wall = at(1_111_111_111);
        let now = step_at(wall);
        let typed = |step| crate::crypto::codes::digits(u64::from(code(SEED, step)));
        for step in now - 1..=now + 1 {
            assert_eq!(matching_step(SEED, wall, typed(step), 0), Some(step));
        }
        for step in [now - 2, now + 2] {
            assert_eq!(matching_step(SEED, wall, typed(step), 0), None);
        }
        assert_eq!(
            typed(step_at(at(1_111_111_109))),
            *b"081804",
            "leading zeros are kept"
        );
    }

    #[test]
    fn a_seed_is_told_in_base_32() {
        // RFC 4648 §10.
        for (clear, text) in [
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(seed_text(clear.as_bytes()).expose_secret(), text);
        }
    }
}
