//! Which rules a refused password broke, as an event keeps it: the kinds, without the numbers of the policy then.

use super::rule::Rule;

/// The code of a new password that is the current one, which no policy can allow.
const SAME_AS_PREVIOUS: &str = "same_as_previous";
/// The kinds by their codes: one bit each, in this order, which is never changed; new ones are added at the end.
const CODES: [&str; 12] = [
    "length_min",
    "length_max",
    "amount_uppercase",
    "amount_lowercase",
    "amount_digits",
    "amount_symbols",
    "context",
    "mailed",
    "history",
    "zxcvbn",
    "breached",
    SAME_AS_PREVIOUS,
];

/// The kinds of rules that a password broke; at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BrokenRules(u16);

impl BrokenRules {
    /// The kinds of these rules; `None` of none.
    pub fn of(rules: &[Rule]) -> Option<Self> {
        let bits = rules.iter().map(|rule| bit(rule.code()));
        Self::from_bits(bits.fold(0, |all, bit| all | bit))
    }

    /// That it is the current password.
    pub fn same_as_previous() -> Self {
        Self(bit(SAME_AS_PREVIOUS))
    }

    /// That it is in a leaked set.
    pub fn breached() -> Self {
        Self(bit(Rule::Breached.code()))
    }

    /// One bit a kind, the lowest for the first of the table above.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The kinds of some bits; `None` for none, and for bits that have no kind.
    pub fn from_bits(bits: u16) -> Option<Self> {
        (bits != 0 && bits >> CODES.len() == 0).then_some(Self(bits))
    }

    /// The codes, as answers to clients have them.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        let held = move |code: &&str| self.0 & bit(code) != 0;
        CODES.into_iter().filter(held)
    }
}

fn bit(code: &str) -> u16 {
    let place = CODES.iter().position(|known| *known == code);
    1 << place.expect("every rule has its place in the table of codes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_rule_has_a_place_and_keeps_it() {
        let rules = [
            Rule::LengthMin { min: 8 },
            Rule::LengthMax { max: 64 },
            Rule::AmountUppercase { min: 1 },
            Rule::AmountLowercase { min: 1 },
            Rule::AmountDigits { min: 1 },
            Rule::AmountSymbols {
                min: 1,
                charset: String::new(),
            },
            Rule::Context,
            Rule::Mailed,
            Rule::History { last: 3 },
            Rule::Zxcvbn,
            Rule::Breached,
        ];
        for (place, rule) in rules.iter().enumerate() {
            let broken = BrokenRules::of(std::slice::from_ref(rule)).unwrap();
            assert_eq!(broken.bits(), 1 << place);
            assert_eq!(broken.codes().collect::<Vec<_>>(), [rule.code()]);
        }
        let all = BrokenRules::of(&rules).unwrap();
        assert_eq!(all.codes().count(), rules.len());
        assert_eq!(BrokenRules::breached().bits(), 1 << 10);
        assert_eq!(BrokenRules::same_as_previous().bits(), 1 << 11);
    }

    #[test]
    fn bits_that_no_release_wrote_are_none() {
        assert_eq!(BrokenRules::of(&[]), None);
        assert_eq!(BrokenRules::from_bits(1 << 12), None);
        assert_eq!(BrokenRules::from_bits(3).map(BrokenRules::bits), Some(3));
    }
}
