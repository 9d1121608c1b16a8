//! What a password costs to check, and the one spelling in which it is hashed.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Cost of one Argon2id hash (RFC 9106).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordParams {
    memory_kib: u32,
    time: u32,
    parallelism: u32,
}

impl Default for PasswordParams {
    /// 19 MiB, two passes, one lane: OWASP's minimum, about 14 ms on one core.
    fn default() -> Self {
        Self {
            memory_kib: Self::MEMORY_KIB_MIN,
            time: Self::TIME_MIN,
            parallelism: 1,
        }
    }
}

impl PasswordParams {
    /// Least memory, in KiB (P-09).
    pub const MEMORY_KIB_MIN: u32 = 19_456;
    /// Fewest passes (P-09).
    pub const TIME_MIN: u32 = 2;
    /// Most memory that a hash may ask for, configured or stored, in KiB: 256 MiB.
    pub const MEMORY_KIB_MAX: u32 = 262_144;
    /// Most passes.
    pub const TIME_MAX: u32 = 16;
    /// Most lanes; they are computed one after another, since each core has hashes of its own to do.
    pub const PARALLELISM_MAX: u32 = 16;
    /// Most work, memory times passes: about 0.4 s on one core.
    pub const WORK_KIB_MAX: u64 = 1_048_576;

    /// The least work that Argon2id can be asked for (RFC 9106 §3.1): for simulations of a thousand lives. No setting leads
    /// here, see [`PasswordParams::checked`].
    pub const SIMULATED: Self = Self {
        memory_kib: 8,
        time: 1,
        parallelism: 1,
    };

    /// The cost from the settings, if it is neither weaker than the minimum nor a way to stall the server.
    pub fn checked(memory_kib: u32, time: u32, parallelism: u32) -> Result<Self, TooWeakOrCostly> {
        let params = Self {
            memory_kib,
            time,
            parallelism,
        };
        if memory_kib < Self::MEMORY_KIB_MIN || time < Self::TIME_MIN || parallelism < 1 {
            return Err(TooWeakOrCostly::Weak);
        }
        if params.is_affordable() {
            Ok(params)
        } else {
            Err(TooWeakOrCostly::Costly)
        }
    }

    /// The cost that a stored verifier names: any strength, but bounded before a byte is allocated (P-12).
    pub(super) fn stored(memory_kib: u32, time: u32, parallelism: u32) -> Option<Self> {
        let params = Self {
            memory_kib,
            time,
            parallelism,
        };
        let sound = time >= 1 && parallelism >= 1 && u64::from(memory_kib) >= 8 * u64::from(parallelism);
        (sound && params.is_affordable()).then_some(params)
    }

    /// Memory of one hash, in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn time(self) -> u32 {
        self.time
    }

    /// Lanes.
    pub fn parallelism(self) -> u32 {
        self.parallelism
    }

    /// Memory of one hash, in bytes.
    pub fn memory_bytes(self) -> u64 {
        u64::from(self.memory_kib) * 1_024
    }

    fn is_affordable(self) -> bool {
        self.memory_kib <= Self::MEMORY_KIB_MAX
            && self.time <= Self::TIME_MAX
            && self.parallelism <= Self::PARALLELISM_MAX
            && u64::from(self.memory_kib) * u64::from(self.time) <= Self::WORK_KIB_MAX
    }
}

/// Why a cost is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TooWeakOrCostly {
    /// Below OWASP's minimum.
    #[error("password hashing is too weak: set at least memory_kib = 19456, time = 2, parallelism = 1")]
    Weak,
    /// So costly that a few sign-ins would stall the server.
    #[error(
        "password hashing is too costly: set at most memory_kib = 262144, time = 16, parallelism = 16, and memory_kib × time = 1048576"
    )]
    Costly,
}

/// The one spelling of a password: any space of another script becomes U+0020, then NFC.
///
/// This is the mapping of RFC 8265's OpaqueString, and it must never change, or people are locked out. Unlike there nothing is
/// refused: control characters, NUL among them, stay as they are (P-02, P-03). The caller bounds the length.
pub fn normalise_password(password: &str) -> Zeroizing<String> {
    // NFC makes no text more than three times as long (Unicode, UAX #15): no copy is left behind by growing.
    let mut out = Zeroizing::new(String::with_capacity(password.len() * 3));
    if password.is_ascii() {
        out.push_str(password);
    } else {
        out.extend(
            password
                .chars()
                .map(|char| if is_other_space(char) { ' ' } else { char })
                .nfc(),
        );
    }
    out
}

/// The characters of category Zs but U+0020.
fn is_other_space(char: char) -> bool {
    matches!(
        char,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_09_no_cost_below_the_minimum_is_taken() {
        assert_eq!(
            PasswordParams::checked(19_456, 2, 1),
            Ok(PasswordParams::default())
        );
        for (memory, time, lanes) in [(19_455, 2, 1), (65_536, 1, 1), (19_456, 2, 0), (0, 0, 0)] {
            assert_eq!(
                PasswordParams::checked(memory, time, lanes),
                Err(TooWeakOrCostly::Weak)
            );
        }
    }

    #[test]
    fn p_12_no_cost_beyond_the_bounds_is_taken_from_settings_or_store() {
        for (memory, time, lanes) in [
            (4_194_304, 2, 1),
            (262_145, 2, 1),
            (19_456, 17, 1),
            (19_456, 2, 17),
            (262_144, 5, 1),
            (u32::MAX, u32::MAX, u32::MAX),
        ] {
            assert_eq!(
                PasswordParams::checked(memory, time, lanes),
                Err(TooWeakOrCostly::Costly)
            );
            assert_eq!(PasswordParams::stored(memory, time, lanes), None);
        }
        assert!(
            PasswordParams::stored(4_096, 1, 1).is_some(),
            "weak ones can be verified, to be replaced"
        );
        for (memory, time, lanes) in [(7, 1, 1), (8, 1, 2), (64, 0, 1), (64, 1, 0)] {
            assert_eq!(PasswordParams::stored(memory, time, lanes), None);
        }
        assert!(
            PasswordParams::stored(262_144, 4, 4).is_some(),
            "whatever was once configured stays verifiable"
        );
    }

    #[test]
    fn p_03_a_password_has_one_spelling() {
        let cases = [
            ("correct horse", "correct horse"),
            ("e\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("a\u{3000}b\u{a0}c\u{2003}d", "a b c d"),
            ("a\u{200b}b", "a\u{200b}b"),
            ("ＡＢＣ", "ＡＢＣ"),
            ("ﬁ", "ﬁ"),
            ("nul\0 and\ttab \u{1f511}", "nul\0 and\ttab \u{1f511}"),
            (" kept ", " kept "),
        ];
        for (typed, spelt) in cases {
            assert_eq!(normalise_password(typed).as_str(), spelt);
            assert_eq!(normalise_password(spelt).as_str(), spelt, "stable");
        }
    }

    #[test]
    fn every_space_of_unicode_is_mapped() {
        let spaces = "\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}";
        assert_eq!(normalise_password(spaces).as_str(), " ".repeat(16));
    }
}
