//! Names that administrators give to objects, and the names of flows in addresses of pages.

use std::borrow::Borrow;
use std::fmt;

/// The name of a flow, a stage or a policy: 1–100 characters on one line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectName(Box<str>);

/// The name of a flow in the address of its page: 1–100 of `a`–`z`, `0`–`9`, `-` and `_`, the first a letter or digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slug(Box<str>);

impl ObjectName {
    /// Characters (code points) it may have.
    pub const CHARACTERS_MAX: usize = 100;

    /// Reads a name as it stands; nothing is trimmed, because it is compared letter by letter.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name =
            (1..=Self::CHARACTERS_MAX).contains(&text.chars().count()) && !text.contains(char::is_control);
        is_name.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Slug {
    /// Characters it may have.
    pub const CHARACTERS_MAX: usize = 100;

    /// Reads a slug; capital letters are none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let mut bytes = text.bytes();
        let is_slug = text.len() <= Self::CHARACTERS_MAX
            && bytes.next().is_some_and(is_plain)
            && bytes.all(|byte| is_plain(byte) || byte == b'-' || byte == b'_');
        is_slug.then(|| Self(text.into()))
    }

    /// The slug that a name suggests: its letters and digits in lower case, with a hyphen for everything between them;
    /// `None` for a name that has none of them.
    pub fn suggested(name: &ObjectName) -> Option<Self> {
        let lower = name.as_str().to_ascii_lowercase();
        let is_kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let words: Vec<&str> = lower
            .split(|c| !is_kept(c))
            .filter(|word| !word.is_empty())
            .collect();
        Self::parse(words.join("-").trim_start_matches('_'))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}
shown_as_text!(ObjectName, Slug);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_is_kept_as_it_stands() {
        for name in ["email identification stage", "비밀번호 정책", "x", " x "] {
            assert_eq!(ObjectName::parse(name).unwrap().as_str(), name);
        }
        for text in ["", "a\nb", "a\0", &"x".repeat(101)] {
            assert_eq!(ObjectName::parse(text), None, "{text:?}");
        }
        assert!(ObjectName::parse(&"가".repeat(100)).is_some());
    }

    #[test]
    fn a_slug_stands_in_an_address_without_escapes() {
        for slug in ["password-recovery-flow", "a", "0_1", &"x".repeat(100)] {
            assert_eq!(Slug::parse(slug).unwrap().as_str(), slug);
        }
        for text in ["", "-a", "_a", "A", "a b", "a/b", "é", "a.b", &"x".repeat(101)] {
            assert_eq!(Slug::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_suggests_its_slug() {
        let suggested = |name| Slug::suggested(&ObjectName::parse(name).unwrap());
        let slug = |text| Slug::parse(text);
        assert_eq!(
            suggested("Password Recovery  Flow!"),
            slug("password-recovery-flow")
        );
        assert_eq!(suggested("__x"), slug("x"));
        assert_eq!(suggested("비밀번호 복구"), None);
    }
}
