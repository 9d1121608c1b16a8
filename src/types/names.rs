//! What people call themselves: a person's name, a user name.

use std::fmt;
use std::hash::{Hash, Hasher};

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;
use unicode_normalization::UnicodeNormalization;

/// A person's name, in NFC, 1–100 characters (code points), on one line, with something to see in it.
///
/// `Debug` prints its first character only; there is no `Display`, so that a name reaches a log only on purpose.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonName(Box<str>);

/// A user name: 3–64 characters of RFC 8265's `UsernameCaseMapped`, never an `@` (that would be an address).
///
/// Equality and hashing go by [`Username::canonical`]. Full-width letters are the ordinary ones; other compatibility
/// characters (ligatures, `ſ`, the Kelvin sign) are refused, so no two accounts differ by those alone.
#[derive(Clone)]
pub struct Username {
    typed: Box<str>,
    canonical: Box<str>,
}

/// Why a text is not a name, in the order of the checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum NameFault {
    /// Nothing, or white space only.
    #[error("enter a name")]
    Empty,
    /// More characters than fit.
    #[error("the name is too long: at most 100 characters, a user name 64")]
    TooLong,
    /// A control character or a line break.
    #[error("remove the control characters and line breaks")]
    ControlCharacter,
    /// A character that is invisible or turns the direction of the text around.
    #[error("remove the invisible characters")]
    InvisibleCharacter,
    /// Nothing to see: joiners and marks alone.
    #[error("enter a name that can be seen")]
    NothingVisible,
    /// White space in a user name.
    #[error("a user name has no spaces")]
    WhiteSpace,
    /// An `@` in a user name.
    #[error("a user name has no @: an address goes into its own field")]
    At,
    /// A character that RFC 8265 keeps out of user names, or a mix of writing directions.
    #[error("use letters, digits and ordinary punctuation")]
    Character,
    /// Fewer characters than a user name has.
    #[error("a user name has at least 3 characters")]
    TooShort,
}

impl NameFault {
    /// The stable code that answers carry as a field's `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::ControlCharacter => "control_character",
            Self::InvisibleCharacter => "invisible_character",
            Self::NothingVisible => "nothing_visible",
            Self::WhiteSpace => "white_space",
            Self::At => "at",
            Self::Character => "character",
            Self::TooShort => "too_short",
        }
    }
}

impl PersonName {
    /// Characters a name may have.
    pub const CHARACTERS_MAX: usize = 100;
    /// Bytes looked at before anything else; decomposed letters need several characters each.
    const INPUT_BYTES_MAX: usize = 4 * 4 * Self::CHARACTERS_MAX;

    /// Reads a name; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.len() > Self::INPUT_BYTES_MAX {
            return Err(NameFault::TooLong);
        }
        if text.contains(|c| matches!(c, '\u{2028}' | '\u{2029}') || char::is_control(c)) {
            return Err(NameFault::ControlCharacter);
        }
        let name: String = text.trim().nfc().collect();
        if name.is_empty() {
            return Err(NameFault::Empty);
        }
        if name.chars().count() > Self::CHARACTERS_MAX {
            return Err(NameFault::TooLong);
        }
        if name.contains(is_hidden) {
            return Err(NameFault::InvisibleCharacter);
        }
        if !name.contains(is_visible) {
            return Err(NameFault::NothingVisible);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonName({}…)", first(&self.0))
    }
}

impl Username {
    /// Characters a user name has at least.
    pub const CHARACTERS_MIN: usize = 3;
    /// Characters a user name may have.
    pub const CHARACTERS_MAX: usize = 64;
    /// Bytes looked at before anything else.
    const INPUT_BYTES_MAX: usize = 4 * 4 * Self::CHARACTERS_MAX;

    /// Reads a user name; spaces and tabs around it are dropped.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.len() > Self::INPUT_BYTES_MAX {
            return Err(NameFault::TooLong);
        }
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Err(NameFault::Empty);
        }
        if text.contains(char::is_control) {
            return Err(NameFault::ControlCharacter);
        }
        if text.contains(char::is_whitespace) {
            return Err(NameFault::WhiteSpace);
        }
        if text.contains(['@', '\u{ff20}', '\u{fe6b}']) {
            return Err(NameFault::At);
        }
        let profile = UsernameCaseMapped::new();
        let typed: String = profile
            .prepare(text)
            .map_err(|_| NameFault::Character)?
            .nfc()
            .collect();
        let canonical = enforced(profile, &typed).ok_or(NameFault::Character)?;
        let characters = |text: &str| text.chars().count();
        if characters(&typed).max(characters(&canonical)) > Self::CHARACTERS_MAX {
            return Err(NameFault::TooLong);
        }
        if characters(&typed).min(characters(&canonical)) < Self::CHARACTERS_MIN {
            return Err(NameFault::TooShort);
        }
        Ok(Self {
            typed: typed.into(),
            canonical: canonical.into(),
        })
    }

    /// The name to show: as typed, in NFC, full-width letters made ordinary.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form that look-ups go by: RFC 8265 §3.3, applied until it changes nothing (RFC 8264 §7).
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Username {}

impl Hash for Username {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({}…)", first(&self.typed))
    }
}

/// RFC 8264 §7 grants three more rounds; a text that still changes is refused.
fn enforced(profile: UsernameCaseMapped, typed: &str) -> Option<String> {
    let mut text = profile.enforce(typed).ok()?.into_owned();
    for _ in 0..3 {
        let next = profile.enforce(text.as_str()).ok()?.into_owned();
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

/// Formats (bidi overrides among them), fillers, unpaired and private characters; but not the joiners and selectors
/// that Persian, Indic and Japanese names and emoji are written with.
fn is_hidden(c: char) -> bool {
    let spelling = matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    let category = category(c);
    !spelling
        && (category == GeneralCategory::Format
            || category == GeneralCategory::PrivateUse
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c))
}

fn is_visible(c: char) -> bool {
    let category = category(c);
    !c.is_whitespace()
        && !GeneralCategoryGroup::Other.contains(category)
        && !GeneralCategoryGroup::Mark.contains(category)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn first(text: &str) -> char {
    text.chars().next().unwrap_or('…')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_trimmed_and_composed() {
        assert_eq!(
            PersonName::parse("  Ame\u{301}lie  O'Neil ").unwrap().as_str(),
            "Am\u{e9}lie  O'Neil"
        );
        for name in [
            "김철수",
            "李",
            "محمد",
            "علی\u{200c}رضا",
            "👩\u{200d}🚀 Ada",
            "葛\u{e0100}城",
        ] {
            assert_eq!(PersonName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_has_1_to_100_characters_counted_as_code_points() {
        assert!(PersonName::parse("x").is_ok());
        assert!(PersonName::parse(&"가".repeat(100)).is_ok());
        assert!(PersonName::parse(&"e\u{301}".repeat(100)).is_ok());
        assert_eq!(PersonName::parse(&"가".repeat(101)), Err(NameFault::TooLong));
        assert_eq!(PersonName::parse(&"x".repeat(1_000_000)), Err(NameFault::TooLong));
        assert_eq!(PersonName::parse(" \u{3000} "), Err(NameFault::Empty));
    }

    #[test]
    fn a29_a_name_has_no_line_breaks_overrides_or_invisible_letters() {
        for (name, fault) in [
            ("Eve\r\nBcc: x@y.org", NameFault::ControlCharacter),
            ("Eve\n", NameFault::ControlCharacter),
            ("Eve\0", NameFault::ControlCharacter),
            ("Eve\u{2028}x", NameFault::ControlCharacter),
            ("Eve\u{1b}[31m", NameFault::ControlCharacter),
            ("\u{202e}evE", NameFault::InvisibleCharacter),
            ("E\u{2066}ve", NameFault::InvisibleCharacter),
            ("E\u{200b}ve", NameFault::InvisibleCharacter),
            ("\u{3164}", NameFault::InvisibleCharacter),
            ("\u{e000}", NameFault::InvisibleCharacter),
            ("\u{200d}", NameFault::NothingVisible),
            ("\u{301}", NameFault::NothingVisible),
        ] {
            assert_eq!(PersonName::parse(name), Err(fault), "{name:?}");
        }
    }

    #[test]
    fn a_user_name_is_kept_as_typed_and_compared_in_one_form() {
        let one = Username::parse(" Jane.Doe ").unwrap();
        assert_eq!((one.as_typed(), one.canonical()), ("Jane.Doe", "jane.doe"));
        assert_eq!(one, Username::parse("JANE.DOE").unwrap());
        assert_eq!(Username::parse("Ａdmin").unwrap().canonical(), "admin");
        assert_eq!(
            Username::parse("Jose\u{301}").unwrap(),
            Username::parse("JOS\u{c9}").unwrap()
        );
        assert_eq!(Username::parse("김철수").unwrap().canonical(), "김철수");
    }

    #[test]
    fn r_11_a_look_alike_is_not_an_ascii_user_name() {
        let victim = Username::parse("mikes").unwrap();
        for text in [
            "mi\u{212a}es",
            "mike\u{17f}",
            "m\u{131}kes",
            "m\u{130}kes",
            "m\u{456}kes",
            "mi\u{301}kes",
            "mi\u{200d}kes",
        ] {
            assert!(
                Username::parse(text).map_or(true, |other| other != victim),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_user_name_is_neither_an_address_nor_a_phrase() {
        for (name, fault) in [
            ("", NameFault::Empty),
            ("jane@example.org", NameFault::At),
            ("jane＠example", NameFault::At),
            ("jane doe", NameFault::WhiteSpace),
            ("jane\u{3000}doe", NameFault::WhiteSpace),
            ("jane\r\ndoe", NameFault::ControlCharacter),
            ("ﬁona", NameFault::Character),
            ("\u{202e}jane", NameFault::Character),
            ("jo", NameFault::TooShort),
        ] {
            assert_eq!(Username::parse(name), Err(fault), "{name:?}");
        }
        assert!(Username::parse(&"x".repeat(64)).is_ok());
        assert_eq!(Username::parse(&"x".repeat(65)), Err(NameFault::TooLong));
    }

    #[test]
    fn l_02_debug_does_not_show_a_name() {
        assert_eq!(
            format!("{:?}", PersonName::parse("Jane Doe").unwrap()),
            "PersonName(J…)"
        );
        assert_eq!(format!("{:?}", Username::parse("jane").unwrap()), "Username(j…)");
    }

    proptest! {
        #[test]
        fn what_was_stored_reads_back_as_itself(text in "(\\PC{1,20}|[a-zA-ZäÖßΣςİǅ가]{3,12})") {
            if let Ok(name) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(name.as_str()).unwrap(), name);
            }
            if let Ok(name) = Username::parse(&text) {
                let again = Username::parse(name.as_typed()).unwrap();
                prop_assert_eq!((again.as_typed(), again.canonical()), (name.as_typed(), name.canonical()));
                let again = Username::parse(name.canonical()).unwrap();
                prop_assert_eq!(again.canonical(), name.canonical());
            }
        }
    }
}
