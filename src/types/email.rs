//! E-mail addresses in one canonical form, so that one mailbox is one account and no look-alike is.
//!
//! **The canonical form.** The local part is in NFC and in lower case, character by character; the domain is in
//! lower-case A-labels (UTS 46, non-transitional, STD3 rules). `+tags` and dots are kept, because only the mailbox's own
//! provider knows what they mean. Two addresses are the same exactly when their canonical forms are the same bytes.
//!
//! **Why nothing collides.** A character that Unicode holds to be a variant of another (full-width `ａ`, `ſ`, the
//! Kelvin sign, ligatures) is refused, never mapped; a domain that would change by more than its case is refused; so no
//! address with a character outside ASCII ever has the canonical form of one without (CVE-2019-19844, CVE-2026-39821).

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// An address that a mail can be sent to: `local@domain`, at most 254 bytes.
///
/// Equality and hashing go by [`EmailAddress::canonical`]. There is no `Display`, and `Debug` prints
/// [`EmailAddress::masked`], so that an address reaches a log only on purpose.
#[derive(Clone)]
pub struct EmailAddress {
    typed: Box<str>,
    canonical: Box<str>,
}

/// Why a text is not an address, in the order of the checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum EmailFault {
    /// Nothing is left when the outer spaces are gone.
    #[error("enter an e-mail address")]
    Empty,
    /// Longer than RFC 5321 §4.5.3.1.3 lets a path be, or its stored form is.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
    /// A control character: NUL, a line end, a tab inside.
    #[error("remove the control characters")]
    ControlCharacter,
    /// White space inside.
    #[error("remove the spaces inside the address")]
    WhiteSpace,
    /// A comma, a semicolon, or more than one `@`: a list, not an address.
    #[error("enter one address only")]
    SeveralAddresses,
    /// A character that nobody sees, or that Unicode has not assigned.
    #[error("remove the invisible characters")]
    InvisibleCharacter,
    /// A variant of another character, such as full-width letters: it would look like an address that it is not.
    #[error(
        "use the ordinary form of each character: full-width letters, ligatures and the like are not accepted"
    )]
    LookAlike,
    /// Quotes, comments, angle brackets, a display name.
    #[error("enter the bare address, without quotes, brackets or a name")]
    Quoted,
    /// No `@`.
    #[error("an e-mail address has an @ in it")]
    NoAt,
    /// Nothing in front of the `@`.
    #[error("enter the part in front of the @")]
    LocalEmpty,
    /// More than 64 bytes in front of the `@` (RFC 5321 §4.5.3.1.1).
    #[error("the part in front of the @ has at most 64 bytes")]
    LocalTooLong,
    /// A dot at an end, or two in a row (RFC 5321 `Dot-string`).
    #[error("in front of the @, a dot stands between two other characters")]
    LocalDots,
    /// A character that is neither a letter or digit nor RFC 5321's `atext`.
    #[error("remove the special character in front of the @")]
    LocalCharacter,
    /// Nothing behind the `@`.
    #[error("enter the domain behind the @")]
    DomainEmpty,
    /// An IP address instead of a name.
    #[error("use a domain name instead of an IP address")]
    DomainIsAddress,
    /// A dot at the end.
    #[error("remove the dot at the end")]
    DomainTrailingDot,
    /// A host name without a dot, such as `localhost`.
    #[error("the domain has a dot in it, as in example.org")]
    DomainNotDotted,
    /// Not a domain name by UTS 46: length, hyphens, characters, an `xn--` label that means nothing.
    #[error("the part behind the @ is not a domain name")]
    DomainInvalid,
    /// A domain that stands for another one by more than its case.
    #[error("write the domain in its ordinary form")]
    DomainLookAlike,
}

impl EmailFault {
    /// The stable code that answers carry as a field's `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::ControlCharacter => "control_character",
            Self::WhiteSpace => "white_space",
            Self::SeveralAddresses => "several_addresses",
            Self::InvisibleCharacter => "invisible_character",
            Self::LookAlike => "look_alike",
            Self::Quoted => "quoted",
            Self::NoAt => "no_at",
            Self::LocalEmpty => "local_empty",
            Self::LocalTooLong => "local_too_long",
            Self::LocalDots => "local_dots",
            Self::LocalCharacter => "local_character",
            Self::DomainEmpty => "domain_empty",
            Self::DomainIsAddress => "domain_is_address",
            Self::DomainTrailingDot => "domain_trailing_dot",
            Self::DomainNotDotted => "domain_not_dotted",
            Self::DomainInvalid => "domain_invalid",
            Self::DomainLookAlike => "domain_look_alike",
        }
    }
}

impl EmailAddress {
    /// Bytes of a whole address (RFC 5321 §4.5.3.1.3 without the angle brackets).
    pub const BYTES_MAX: usize = 254;
    /// Bytes in front of the `@` (RFC 5321 §4.5.3.1.1).
    pub const LOCAL_BYTES_MAX: usize = 64;

    /// Reads one address. Spaces and tabs around it are dropped (pasting brings them), nothing else is repaired.
    pub fn parse(text: &str) -> Result<Self, EmailFault> {
        let text = text.trim_matches([' ', '\t']);
        check_characters(text)?;
        let (local, domain) = text.split_once('@').ok_or(EmailFault::NoAt)?;
        let local = parse_local(local)?;
        let domain = parse_domain(domain)?;
        let canonical = format!("{}@{domain}", lower(&local));
        let typed = format!("{local}@{domain}");
        if typed.len().max(canonical.len()) > Self::BYTES_MAX {
            return Err(EmailFault::TooLong);
        }
        if canonical.len() - domain.len() - 1 > Self::LOCAL_BYTES_MAX {
            return Err(EmailFault::LocalTooLong);
        }
        Ok(Self {
            typed: typed.into(),
            canonical: canonical.into(),
        })
    }

    /// The address to store and to send to: the local part in NFC with its case kept, the domain in A-labels.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form that look-ups, limits and tags go by (see the top of this file).
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The part in front of the `@`, with its case kept.
    pub fn local(&self) -> &str {
        self.typed.split_once('@').map_or("", |(local, _)| local)
    }

    /// The part behind the `@`, in lower-case A-labels.
    pub fn domain(&self) -> &str {
        self.typed.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The domain as people write it (`münchen.example`), for comparisons with words and for pages.
    pub fn domain_unicode(&self) -> String {
        idna::domain_to_unicode(self.domain()).0
    }

    /// Enough to recognise one's own address and too little to learn another's: `j…@e…e.com`.
    pub fn masked(&self) -> String {
        let (name, top) = self.domain().rsplit_once('.').unwrap_or((self.domain(), ""));
        let mut masked = String::with_capacity(32);
        masked.extend(self.local().chars().next());
        masked.push_str("…@");
        masked.extend(name.chars().next());
        masked.push('…');
        masked.extend(name.chars().next_back());
        masked.push('.');
        masked.push_str(top);
        masked
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

fn check_characters(text: &str) -> Result<(), EmailFault> {
    if text.is_empty() {
        return Err(EmailFault::Empty);
    }
    if text.len() > EmailAddress::BYTES_MAX {
        return Err(EmailFault::TooLong);
    }
    if text.contains(char::is_control) {
        return Err(EmailFault::ControlCharacter);
    }
    if text.contains(char::is_whitespace) {
        return Err(EmailFault::WhiteSpace);
    }
    if text.contains([',', ';']) {
        return Err(EmailFault::SeveralAddresses);
    }
    if text.contains(is_invisible) {
        return Err(EmailFault::InvisibleCharacter);
    }
    if text.contains(is_look_alike) {
        return Err(EmailFault::LookAlike);
    }
    if text.contains(['"', '<', '>', '(', ')', '\\']) {
        return Err(EmailFault::Quoted);
    }
    if text.bytes().filter(|&byte| byte == b'@').count() > 1 {
        return Err(EmailFault::SeveralAddresses);
    }
    Ok(())
}

/// Formats, default ignorables, private use and unassigned: the last, because a later Unicode could change their case.
fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && (GeneralCategoryGroup::Other.contains(category(c))
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c))
}

/// A compatibility character (its NFKC is not its NFC), or one whose NFC is ASCII: the Kelvin sign, U+037E, U+1FEF.
fn is_look_alike(c: char) -> bool {
    !c.is_ascii() && {
        let one = || std::iter::once(c);
        one().nfc().any(|c| c.is_ascii()) || !one().nfkc().eq(one().nfc())
    }
}

fn parse_local(text: &str) -> Result<String, EmailFault> {
    let local: String = text.nfc().collect();
    let Some(first) = local.chars().next() else {
        return Err(EmailFault::LocalEmpty);
    };
    if local.len().max(text.len()) > EmailAddress::LOCAL_BYTES_MAX {
        return Err(EmailFault::LocalTooLong);
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(EmailFault::LocalDots);
    }
    // A mark would join whatever is printed in front of the address.
    if GeneralCategoryGroup::Mark.contains(category(first)) || !local.chars().all(is_local_character) {
        return Err(EmailFault::LocalCharacter);
    }
    if !local.nfkc().eq(local.chars()) {
        return Err(EmailFault::LookAlike);
    }
    Ok(local)
}

/// RFC 5321 `atext` and the dot; beyond ASCII (RFC 6531) letters, vowel signs and decimal digits, which is what the mail
/// library can send to: an address that never gets its mail is worse than a refused one.
fn is_local_character(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    }
    let category = category(c);
    c.is_alphanumeric()
        && (GeneralCategoryGroup::Letter.contains(category)
            || GeneralCategoryGroup::Mark.contains(category)
            || category == GeneralCategory::DecimalNumber)
}

/// Lower case, one character for one, and never from outside ASCII into it (`İ` stays); NFC again, because a lower-case
/// letter may have a composed form where the capital has none (`J̌`, `ǰ`, in domains).
fn lower(local: &str) -> String {
    local.chars().map(lower_character).nfc().collect()
}

fn lower_character(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(small), None) if small.is_ascii() == c.is_ascii() => small,
        (Some(_) | None, Some(_) | None) => c,
    }
}

fn parse_domain(text: &str) -> Result<String, EmailFault> {
    if text.is_empty() {
        return Err(EmailFault::DomainEmpty);
    }
    if text.starts_with('[') || text.ends_with(']') || text.contains(':') {
        return Err(EmailFault::DomainIsAddress);
    }
    if text.ends_with('.') {
        return Err(EmailFault::DomainTrailingDot);
    }
    let Some((_, top)) = text.rsplit_once('.') else {
        return Err(EmailFault::DomainNotDotted);
    };
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EmailFault::DomainIsAddress); // no top level domain is a number (RFC 3696 §2)
    }
    let ascii = to_ascii(text).ok_or(EmailFault::DomainInvalid)?;
    let (unicode, valid) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    if valid.is_err() || to_ascii(&unicode).as_ref() != Some(&ascii) {
        return Err(EmailFault::DomainInvalid);
    }
    if !means_what_it_says(text, &ascii, &unicode) {
        return Err(EmailFault::DomainLookAlike);
    }
    Ok(ascii)
}

fn to_ascii(domain: &str) -> Option<String> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()
        .map(Into::into)
}

/// Label by label: plain ASCII gives itself in lower case; anything else gives an A-label of the same letters, regardless of
/// case; and an A-label, typed or made, stands for something outside ASCII.
fn means_what_it_says(typed: &str, ascii: &str, unicode: &str) -> bool {
    let folded = |label: &str| lower(&label.nfc().collect::<String>());
    typed.split('.').count() == ascii.split('.').count()
        && ascii.split('.').count() == unicode.split('.').count()
        && typed
            .split('.')
            .zip(ascii.split('.'))
            .zip(unicode.split('.'))
            .all(|((typed, ascii), unicode)| {
                let same = if typed.is_ascii() {
                    typed.eq_ignore_ascii_case(ascii)
                } else {
                    ascii.starts_with("xn--") && folded(typed) == folded(unicode)
                };
                same && ascii.starts_with("xn--") != unicode.is_ascii()
            })
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}
