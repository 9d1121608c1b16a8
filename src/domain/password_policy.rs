//! Which passwords are good enough: one policy object for sign-up, change, recovery and administrators.
//!
//! A verdict made where the password is at hand, never inside `decide`. It takes microseconds; with `check_zxcvbn` up to
//! 70 ms for a password made to be slow, so it then belongs into the pool that hashes.
//!
//! **Every length is counted in code points after NFC** (NIST SP 800-63B-4 §3.1.1.2): any character counts, spaces and
//! NUL among them, and nothing is cut off or trimmed. Kinds of characters go by Unicode: uppercase and lowercase by the
//! properties of those names, digits by the general category `Nd`; symbols are the policy's own set.

mod broken;
mod context;
mod range_url;
mod rule;
#[cfg(test)]
mod tests;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::common_passwords;
pub use broken::BrokenRules;
pub use context::PasswordContext;
pub use range_url::{RangeUrl, RangeUrlFault};
pub use rule::Rule;

/// What `symbol_charset` is unless set: printable ASCII punctuation and space.
pub const SYMBOLS_DEFAULT: &str = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// What `hibp_url` is unless set: the range service of Have I Been Pwned.
pub const HIBP_URL_DEFAULT: &str = "https://api.pwnedpasswords.com";

/// Characters that any password may have at most (P-02): bounds the work, far above what ASVS 6.2.9 asks for (64).
pub const CHARACTERS_MAX: u16 = 256;

/// Bytes of a password as sent; more is too long by itself and is not looked at (256 characters, decomposed, fit).
pub const BYTES_MAX: usize = 4_096;

/// A password policy as an administrator writes it; [`PasswordPolicy::checked`] makes it one that holds.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the check_ settings of the policy object"
)]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PasswordPolicySettings {
    /// Its unique name, 1–100 characters.
    pub name: String,
    /// Characters at least, 8–256.
    pub length_min: u16,
    /// Characters at most, 64–256; holds even without `check_static_rules`.
    pub length_max: u16,
    /// Uppercase letters at least; 0 is off, here and below.
    pub amount_uppercase: u16,
    /// Lowercase letters at least.
    pub amount_lowercase: u16,
    /// Decimal digits at least.
    pub amount_digits: u16,
    /// Characters out of `symbol_charset` at least.
    pub amount_symbols: u16,
    /// What counts as a symbol.
    pub symbol_charset: String,
    /// A sentence of the operator's own, shown with the list of broken rules; empty is none.
    pub error_message: String,
    /// Whether the lengths and amounts above apply.
    pub check_static_rules: bool,
    /// Whether passwords of the built-in list of leaked ones and of the imported sets are refused.
    pub check_breached: bool,
    /// Whether a range service is asked too; it learns 20 bits of the password's hash (P-07).
    pub check_have_i_been_pwned: bool,
    /// The range service, as [`RangeUrl`] reads it.
    pub hibp_url: String,
    /// How often the range service may have seen a password that is still taken.
    pub hibp_allowed_count: u32,
    /// Whether zxcvbn's estimate is asked.
    pub check_zxcvbn: bool,
    /// The highest zxcvbn score that is still refused, 0–3.
    pub zxcvbn_score_threshold: u8,
    /// Whether passwords made of the person's own names or the product's are refused (ASVS 6.1.2, 6.2.11).
    pub check_context: bool,
    /// How many of the last passwords must not come again, 0–24; 0 is off. Each costs one hash to compare.
    pub history: u8,
}

impl PasswordPolicySettings {
    /// The defaults: 8 to 256 characters, no amounts, leaked passwords and context words refused.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            length_min: 8,
            length_max: CHARACTERS_MAX,
            amount_uppercase: 0,
            amount_lowercase: 0,
            amount_digits: 0,
            amount_symbols: 0,
            symbol_charset: SYMBOLS_DEFAULT.to_owned(),
            error_message: String::new(),
            check_static_rules: true,
            check_breached: true,
            check_have_i_been_pwned: false,
            hibp_url: HIBP_URL_DEFAULT.to_owned(),
            hibp_allowed_count: 0,
            check_zxcvbn: false,
            zxcvbn_score_threshold: 2,
            check_context: true,
            history: 0,
        }
    }
}

/// A setting that cannot be, and what to set instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {remedy}")]
pub struct PolicyFault {
    /// The setting's name, as in the API.
    pub field: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A password policy that some password can meet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PasswordPolicy {
    settings: PasswordPolicySettings,
}

impl PasswordPolicy {
    /// The preset of the REST contract: 8 characters, one of each class, not leaked.
    pub fn classic() -> Self {
        Self {
            settings: PasswordPolicySettings {
                amount_uppercase: 1,
                amount_lowercase: 1,
                amount_digits: 1,
                amount_symbols: 1,
                ..PasswordPolicySettings::named("classic")
            },
        }
    }

    /// The preset after NIST SP 800-63B-4 §3.1.1.2: 15 characters of any kind, not leaked (P-01, P-04).
    ///
    /// Behind an enforced second factor the standard asks for 8: copy it and set `length_min`.
    pub fn nist() -> Self {
        Self {
            settings: PasswordPolicySettings {
                length_min: 15,
                ..PasswordPolicySettings::named("nist")
            },
        }
    }

    /// The preset of that name.
    pub fn preset(name: &str) -> Option<Self> {
        [Self::classic(), Self::nist()]
            .into_iter()
            .find(|preset| preset.settings.name == name)
    }

    /// Takes settings that are within their bounds and that a password can meet; names the first one that is not.
    pub fn checked(settings: PasswordPolicySettings) -> Result<Self, PolicyFault> {
        let s = &settings;
        let amounts = [
            s.amount_uppercase,
            s.amount_lowercase,
            s.amount_digits,
            s.amount_symbols,
        ];
        let sum: u32 = amounts.into_iter().map(u32::from).sum();
        let holds: [(bool, &'static str, &'static str); 12] = [
            (
                is_line(&s.name, 1, 100),
                "name",
                "give it 1 to 100 characters on one line",
            ),
            (
                (8..=CHARACTERS_MAX).contains(&s.length_min),
                "length_min",
                "set 8 to 256 (ASVS 6.2.1)",
            ),
            (
                (64..=CHARACTERS_MAX).contains(&s.length_max),
                "length_max",
                "set 64 to 256 (ASVS 6.2.9)",
            ),
            (
                s.length_min <= s.length_max,
                "length_min",
                "set it no higher than length_max",
            ),
            (
                sum <= u32::from(s.length_max),
                "amount_symbols",
                "lower the amounts: together they ask for more characters than length_max allows",
            ),
            (
                is_line(&s.symbol_charset, 0, 256),
                "symbol_charset",
                "use at most 256 printable characters",
            ),
            (
                s.amount_symbols == 0 || !s.symbol_charset.is_empty(),
                "symbol_charset",
                "name the symbols, or set amount_symbols to 0",
            ),
            (
                s.symbol_charset.chars().all(|c| !c.is_alphanumeric()),
                "symbol_charset",
                "leave out letters and digits: they have amounts of their own",
            ),
            (
                is_line(&s.error_message, 0, 500),
                "error_message",
                "use at most 500 characters on one line",
            ),
            (
                s.zxcvbn_score_threshold <= 3,
                "zxcvbn_score_threshold",
                "set 0 to 3: the best score is 4, and scores up to the threshold are refused",
            ),
            (s.history <= 24, "history", "set 0 to 24"),
            (
                RangeUrl::parse(&s.hibp_url).is_ok(),
                "hibp_url",
                RangeUrlFault::REMEDY,
            ),
        ];
        match holds.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, remedy)) => Err(PolicyFault { field, remedy }),
            None => Ok(Self { settings }),
        }
    }

    /// The same under another name, which is a line of 1 to 100 characters.
    #[must_use]
    pub(super) fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.settings.name);
        self
    }

    /// The settings it was made of.
    pub fn settings(&self) -> &PasswordPolicySettings {
        &self.settings
    }

    /// Every rule that applies, in the order they are shown and checked: the list that a page shows beforehand.
    pub fn rules(&self) -> Vec<Rule> {
        let s = &self.settings;
        let mut rules = Vec::new();
        if s.check_static_rules {
            rules.push(Rule::LengthMin { min: s.length_min });
        }
        rules.push(Rule::LengthMax { max: s.length_max });
        if s.check_static_rules {
            rules.extend(self.amounts().map(|(_, rule)| rule));
        }
        rules.extend(s.check_context.then_some(Rule::Context));
        rules.extend((s.history > 0).then_some(Rule::History { last: s.history }));
        rules.extend(s.check_zxcvbn.then_some(Rule::Zxcvbn));
        rules.extend((s.check_breached || s.check_have_i_been_pwned).then_some(Rule::Breached));
        rules
    }

    /// Every rule that the password breaks, in the order of [`PasswordPolicy::rules`]; empty is a good password.
    ///
    /// A password that is too long breaks [`Rule::LengthMax`] and is looked at no further.
    pub fn broken_rules(&self, password: &str, context: &PasswordContext<'_>) -> Vec<Rule> {
        let mut broken = self.format_rules(password, context);
        broken.extend(self.is_breached(password).then_some(Rule::Breached));
        broken
    }

    /// The broken rules that answer `auth/invalid-password-format`: all of them except the list of leaked passwords.
    pub fn format_rules(&self, password: &str, context: &PasswordContext<'_>) -> Vec<Rule> {
        let s = &self.settings;
        let Some((password, length)) = self.within_bounds(password) else {
            return vec![Rule::LengthMax { max: s.length_max }];
        };
        let mut broken = Vec::new();
        let length_min = if s.check_static_rules { s.length_min } else { 1 };
        if length < usize::from(length_min) {
            broken.push(Rule::LengthMin { min: length_min });
        }
        if s.check_static_rules {
            broken.extend(
                self.amounts()
                    .filter(|(kind, rule)| count(&password, kind) < rule.amount())
                    .map(|(_, rule)| rule),
            );
        }
        if s.check_context && context.dominates(&password) {
            broken.push(Rule::Context);
        }
        if context.is_mailed(&password) {
            broken.push(Rule::Mailed);
        }
        if s.history > 0 && context.history_hits > 0 {
            broken.push(Rule::History { last: s.history });
        }
        if s.check_zxcvbn && context.zxcvbn_score(&password) <= s.zxcvbn_score_threshold {
            broken.push(Rule::Zxcvbn);
        }
        broken
    }

    /// The range service to ask, if the policy asks one.
    pub fn online_check(&self) -> Option<OnlineCheck> {
        let s = &self.settings;
        s.check_have_i_been_pwned.then(|| OnlineCheck {
            url: RangeUrl::parse(&s.hibp_url).expect("a policy's address was read before it became one"),
            allowed_count: s.hibp_allowed_count,
        })
    }

    /// Whether the policy refuses the password as one of the built-in list (`auth/weak-password`).
    pub fn is_breached(&self, password: &str) -> bool {
        self.settings.check_breached
            && self
                .within_bounds(password)
                .is_some_and(|(password, _)| common_passwords::is_common(&password))
    }

    /// The password in NFC and its length, unless it is too long; bytes are looked at before anything costs something.
    fn within_bounds(&self, password: &str) -> Option<(Zeroizing<String>, usize)> {
        if password.len() > BYTES_MAX {
            return None;
        }
        let password = normalized(password);
        let length = password.chars().count();
        (length <= usize::from(self.settings.length_max)).then_some((password, length))
    }

    fn amounts(&self) -> impl Iterator<Item = (Kind<'_>, Rule)> {
        let s = &self.settings;
        let symbols = || s.symbol_charset.clone();
        [
            (
                Kind::Uppercase,
                Rule::AmountUppercase {
                    min: s.amount_uppercase,
                },
            ),
            (
                Kind::Lowercase,
                Rule::AmountLowercase {
                    min: s.amount_lowercase,
                },
            ),
            (Kind::Digit, Rule::AmountDigits { min: s.amount_digits }),
            (
                Kind::Symbol(&s.symbol_charset),
                Rule::AmountSymbols {
                    min: s.amount_symbols,
                    charset: symbols(),
                },
            ),
        ]
        .into_iter()
        .filter(|(_, rule)| rule.amount() > 0)
    }
}

/// The form in which a password is measured, compared and hashed: NFC, nothing else (P-03).
///
/// One buffer that is large enough from the start, wiped when dropped. NFC never changes for assigned characters (Unicode's
/// stability policy), so a password typed on another keyboard or years later gives the same bytes.
pub fn normalized(password: &str) -> Zeroizing<String> {
    // No character grows by more than three times in NFC (UAX #15).
    let mut out = Zeroizing::new(String::with_capacity(3 * password.len()));
    if is_nfc(password) {
        out.push_str(password);
    } else {
        out.extend(password.nfc());
    }
    out
}

/// What lists of leaked passwords are asked for: the password as typed, then in lower case where that differs (ASVS
/// 6.2.12). Nothing for a text that is too long to be a password.
pub fn spellings(password: &str) -> Vec<Zeroizing<String>> {
    if password.len() > BYTES_MAX {
        return vec![];
    }
    let typed = normalized(password);
    // Lower case never needs more than three times the bytes, so no copy is left behind.
    let mut lower = Zeroizing::new(String::with_capacity(3 * typed.len()));
    lower.extend(typed.chars().flat_map(char::to_lowercase));
    if lower == typed {
        vec![typed]
    } else {
        vec![typed, lower]
    }
}

/// A question to a range service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnlineCheck {
    /// Where it is.
    pub url: RangeUrl,
    /// How often it may have seen a password that is still taken.
    pub allowed_count: u32,
}

enum Kind<'a> {
    Uppercase,
    Lowercase,
    Digit,
    Symbol(&'a str),
}

fn count(password: &str, kind: &Kind<'_>) -> usize {
    let matches = |c: &char| match kind {
        Kind::Uppercase => c.is_uppercase(),
        Kind::Lowercase => c.is_lowercase(),
        Kind::Digit => CodePointMapData::<GeneralCategory>::new().get(*c) == GeneralCategory::DecimalNumber,
        Kind::Symbol(charset) => charset.contains(*c),
    };
    password.chars().filter(matches).count()
}

fn is_line(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && !text.contains(char::is_control)
}
