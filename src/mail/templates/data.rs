//! What is put into a mail, made harmless first.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::TemplateFault;
use super::change::{AddressChange, Change, FactorChange};
use super::kind::MailKind;
use crate::types::{Locale, Span, Timestamp};

const TEXT_CHARS_MAX: usize = 80;
/// RFC 5321 §4.5.3.1.3.
const ADDRESS_CHARS_MAX: usize = 254;
const URL_BYTES_MAX: usize = 2048;
const CODE_BYTES_MAX: usize = 16;
const NOTE_BYTES_MAX: usize = 2048;

/// The values of templates by the names they have there.
pub(super) type Values = BTreeMap<&'static str, String>;

/// A value of a mail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MailField {
    /// `brand`: the product's name.
    Brand,
    /// `public_url`: where the product is.
    PublicUrl,
    /// `link`: the link with a secret.
    Link,
    /// `code`: the code to type.
    Code,
    /// `expires_in`: how long link and code live, in words (`30 minutes`).
    ExpiresIn,
    /// `expires_at`: until when something can be done (UTC).
    ExpiresAt,
    /// `when`: when it happened (UTC).
    When,
    /// `ip`: from which address.
    Ip,
    /// `client`: with which program (`Chrome on macOS`).
    Client,
    /// `address`: the masked address of the account.
    Address,
    /// `not_me_link`: the link of "this was not me".
    NotMeLink,
    /// `change`: what happened to the second factors or addresses, a sentence.
    Change,
    /// `changed_address`: the address that it happened to, masked.
    ChangedAddress,
    /// `note`: a signed checkpoint, some lines.
    Note,
}

impl MailField {
    /// Its name in templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brand => "brand",
            Self::PublicUrl => "public_url",
            Self::Link => "link",
            Self::Code => "code",
            Self::ExpiresIn => "expires_in",
            Self::ExpiresAt => "expires_at",
            Self::When => "when",
            Self::Ip => "ip",
            Self::Client => "client",
            Self::Address => "address",
            Self::NotMeLink => "not_me_link",
            Self::Change => "change",
            Self::ChangedAddress => "changed_address",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for MailField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The values for one mail; [`MailKind::needs`] says which must be there. There is no place for a user's name.
#[derive(Clone, Default)]
pub struct MailData {
    /// An operator's subject, literal, instead of the template's.
    pub subject: Option<String>,
    /// The product's name.
    pub brand: Option<String>,
    /// Where the product is, with `http://` or `https://`.
    pub public_url: Option<String>,
    /// The link with a secret; ASCII, percent-encoded where needed.
    pub link: Option<String>,
    /// The code to type: `XXXXX-XXXXX`.
    pub code: Option<String>,
    /// How long link and code live.
    pub expires_in: Option<Span>,
    /// Until when something can be done.
    pub expires_at: Option<Timestamp>,
    /// When it happened.
    pub when: Option<Timestamp>,
    /// From which address it was asked.
    pub ip: Option<IpAddr>,
    /// With which program, such as `Chrome on macOS`.
    pub client: Option<String>,
    /// The address of the account, masked.
    pub address: Option<String>,
    /// The link of "this was not me"; ASCII, percent-encoded where needed.
    pub not_me_link: Option<String>,
    /// What happened to the second factors or addresses.
    pub change: Option<Change>,
    /// The address that it happened to, masked.
    pub changed_address: Option<String>,
    /// A signed checkpoint.
    pub note: Option<String>,
}

impl fmt::Debug for MailData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Links and code are live secrets, the rest is personal.
        f.debug_struct("MailData").finish_non_exhaustive()
    }
}

impl MailData {
    /// What a mail of this kind may look like with everything it can show; no secret in it is real.
    pub fn sample(kind: MailKind) -> Self {
        Self::sampled(kind, kind.needs().iter().chain(kind.may_have()))
    }

    pub(super) fn bare_sample(kind: MailKind) -> Self {
        Self::sampled(kind, kind.needs().iter())
    }

    fn sampled<'a>(kind: MailKind, fields: impl Iterator<Item = &'a MailField>) -> Self {
        let mut data = Self::default();
        for field in fields {
            match field {
                MailField::Brand => data.brand = Some("Keyledger".to_owned()),
                MailField::PublicUrl => data.public_url = Some("https://id.example.com".to_owned()),
                MailField::Link => {
                    data.link = Some("https://id.example.com/page#t=SAMPLE&e=a%40example.com".to_owned());
                }
                MailField::Code => data.code = Some("ABCDE-23456".to_owned()),
                MailField::ExpiresIn => data.expires_in = Some(Span::minutes(30)),
                MailField::ExpiresAt => data.expires_at = Some(Timestamp(1_769_178_600_000_000)),
                MailField::When => data.when = Some(Timestamp(1_768_919_400_000_000)),
                MailField::Ip => data.ip = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
                MailField::Client => data.client = Some("Chrome on macOS".to_owned()),
                MailField::Address => data.address = Some("a***@example.com".to_owned()),
                MailField::Change if kind == MailKind::AddressChanged => {
                    data.change = Some(Change::Addresses(AddressChange::Added));
                }
                MailField::Change => data.change = Some(Change::Factors(FactorChange::AppAdded)),
                MailField::ChangedAddress => data.changed_address = Some("b***@example.org".to_owned()),
                MailField::Note => {
                    data.note = Some("id.example.com\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} id.example.com SAMPLE\n".to_owned());
                }
                MailField::NotMeLink => {
                    data.not_me_link = Some("https://id.example.com/not-me#n=SAMPLE".to_owned());
                }
            }
        }
        data
    }

    /// The values that a kind of mail offers, in words and harmless; a missing or unusable one is a fault.
    pub(super) fn values(&self, kind: MailKind, locale: Locale) -> Result<Values, TemplateFault> {
        let mut values = Values::new();
        for field in kind.needs().iter().chain(kind.may_have()) {
            let fault = || TemplateFault::Value {
                mail: kind.name(),
                field: field.name(),
            };
            match self.value(*field, locale) {
                Value::Fit(text) => {
                    values.insert(field.name(), text);
                }
                Value::Unfit => return Err(fault()),
                Value::Absent if kind.needs().contains(field) => return Err(fault()),
                Value::Absent => {}
            }
        }
        if let Some(subject) = &self.subject {
            values.insert("subject", subject.clone());
        }
        Ok(values)
    }

    fn value(&self, field: MailField, locale: Locale) -> Value {
        match field {
            MailField::Brand => Value::of(self.brand.as_ref(), |text| {
                some_text(one_line(text, TEXT_CHARS_MAX))
            }),
            MailField::PublicUrl => Value::of(self.public_url.as_ref(), |url| web_address(url)),
            MailField::Link => Value::of(self.link.as_ref(), |url| web_address(url)),
            MailField::Code => Value::of(self.code.as_ref(), |code| typed_code(code)),
            MailField::ExpiresIn => Value::of(self.expires_in.as_ref(), |span| {
                Some(span_in_words(*span, locale))
            }),
            MailField::ExpiresAt => Value::of(self.expires_at.as_ref(), |at| Some(moment(*at, locale))),
            MailField::When => Value::of(self.when.as_ref(), |at| Some(moment(*at, locale))),
            MailField::Ip => Value::of(self.ip.as_ref(), |ip| Some(ip.to_canonical().to_string())),
            // A client says what it wants about itself: if nothing is left of it, the mail does without.
            MailField::Client => self
                .client
                .as_ref()
                .and_then(|text| some_text(client_name(text)))
                .into(),
            MailField::Address => self
                .address
                .as_ref()
                .and_then(|text| some_text(one_line(text, ADDRESS_CHARS_MAX)))
                .into(),
            MailField::Change => Value::of(self.change.as_ref(), |change| {
                Some(change.words(locale).to_owned())
            }),
            MailField::ChangedAddress => Value::of(self.changed_address.as_ref(), |text| {
                some_text(one_line(text, ADDRESS_CHARS_MAX))
            }),
            MailField::NotMeLink => Value::of(self.not_me_link.as_ref(), |url| web_address(url)),
            MailField::Note => Value::of(self.note.as_ref(), |note| signed_note(note)),
        }
    }
}

enum Value {
    Fit(String),
    Unfit,
    Absent,
}

impl Value {
    fn of<T>(given: Option<&T>, fit: impl FnOnce(&T) -> Option<String>) -> Self {
        given.map_or(Self::Absent, |given| fit(given).map_or(Self::Unfit, Self::Fit))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Absent, Self::Fit)
    }
}

fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Text without line ends, other controls, or characters that turn or hide text; runs of space become one.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || turns_or_hides(c) {
            gap = length > 0;
            continue;
        }
        if length + 1 + usize::from(gap) > chars_max {
            break;
        }
        if gap {
            out.push(' ');
            length += 1;
            gap = false;
        }
        out.push(c);
        length += 1;
    }
    out
}

/// Bidirectional and invisible format characters (Unicode TR 36).
fn turns_or_hides(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A client's name in which no mail program finds an address to link to.
fn client_name(text: &str) -> String {
    let line = one_line(text, TEXT_CHARS_MAX);
    let chars: Vec<char> = line.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let harmless = |(at, c): (usize, &char)| match *c {
        '.' if digit(at.checked_sub(1)) && digit(Some(at + 1)) => '.',
        // The last three are full stops that name rules (UTS 46) take for dots.
        '.' | ':' | '/' | '\\' | '@' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => ' ',
        other => other,
    };
    one_line(
        &chars.iter().enumerate().map(harmless).collect::<String>(),
        TEXT_CHARS_MAX,
    )
}

/// A web address that is one word of visible ASCII.
fn web_address(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let clean = rest
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`{}|^".contains(&byte));
    (clean && !rest.is_empty() && url.len() <= URL_BYTES_MAX).then(|| url.to_owned())
}

/// A signed note (`c2sp.org/signed-note`) without its last line end: whoever reads it checks every byte, so none is changed.
fn signed_note(note: &str) -> Option<String> {
    let clean =
        !note.contains(|c: char| (c.is_control() && c != '\n') || turns_or_hides(c) || "<>&{}".contains(c));
    (clean && note.len() <= NOTE_BYTES_MAX && note.contains("\n\n\u{2014} "))
        .then(|| note.trim_end_matches('\n').to_owned())
}

fn typed_code(code: &str) -> Option<String> {
    let clean = code
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    (clean && !code.is_empty() && code.len() <= CODE_BYTES_MAX).then(|| code.to_owned())
}

/// `30 minutes`, `24 hours`, `3 days`: whole units, rounded down, at least a minute.
fn span_in_words(span: Span, locale: Locale) -> String {
    let minutes = (span.0 / Span::minutes(1).0).max(1);
    let (count, unit, unit_ko) = if minutes % (24 * 60) == 0 && minutes > 24 * 60 {
        (minutes / (24 * 60), "day", "일")
    } else if minutes % 60 == 0 {
        (minutes / 60, "hour", "시간")
    } else {
        (minutes, "minute", "분")
    };
    match locale {
        Locale::En if count == 1 => format!("{count} {unit}"),
        Locale::En => format!("{count} {unit}s"),
        Locale::Ko => format!("{count}{unit_ko}"),
    }
}

/// A moment in words, to the minute: `2026-01-20 14:30 UTC`, `2026년 1월 20일 14:30 (UTC)`.
pub fn moment(at: Timestamp, locale: Locale) -> String {
    let text = at.rfc3339();
    let fields = (text.get(..4), text.get(5..7), text.get(8..10), text.get(11..16));
    let (Some(year), Some(month), Some(day), Some(clock)) = fields else {
        return text;
    };
    match locale {
        Locale::En => format!("{year}-{month}-{day} {clock} UTC"),
        Locale::Ko => {
            let (month, day) = (month.trim_start_matches('0'), day.trim_start_matches('0'));
            format!("{year}년 {month}월 {day}일 {clock} (UTC)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments_are_said_in_whole_units() {
        let en = |span| span_in_words(span, Locale::En);
        assert_eq!(
            [
                en(Span::minutes(30)),
                en(Span::minutes(60)),
                en(Span::hours(24)),
                en(Span::hours(72)),
                en(Span::minutes(90))
            ],
            ["30 minutes", "1 hour", "24 hours", "3 days", "90 minutes"]
        );
        assert_eq!(en(Span::seconds(5)), "1 minute");
        assert_eq!(span_in_words(Span::hours(24), Locale::Ko), "24시간");
        let at = Timestamp::parse_rfc3339("2026-01-20T14:30:59Z").unwrap();
        assert_eq!(moment(at, Locale::En), "2026-01-20 14:30 UTC");
        assert_eq!(moment(at, Locale::Ko), "2026년 1월 20일 14:30 (UTC)");
    }

    #[test]
    fn a29_lines_cannot_be_broken_nor_turned() {
        assert_eq!(
            one_line(" a\r\nBcc: b\u{2028}c\u{202e}d\u{0}e ", 80),
            "a Bcc: b c d e"
        );
        assert_eq!(one_line("abc def", 5), "abc d");
        assert_eq!(one_line("abc def", 4), "abc");
    }

    #[test]
    fn a29_a_client_cannot_name_an_address() {
        assert_eq!(client_name("Chrome 120.0 on macOS"), "Chrome 120.0 on macOS");
        assert_eq!(
            client_name("visit https://evil.example/#t=x or me@evil.example"),
            "visit https evil example #t=x or me evil example"
        );
    }

    #[test]
    fn a29_a_link_is_a_web_address_in_one_word() {
        assert!(web_address("https://id.example.com/recover#t=a_-9&e=a%40b").is_some());
        for bad in [
            "javascript:alert(1)",
            "https://",
            "https://a b",
            "https://a\r\nb",
            "https://é",
            "https://a\"b",
            "//a",
        ] {
            assert!(web_address(bad).is_none(), "{bad}");
        }
        assert!(typed_code("ABCDE-01234").is_some());
        assert!(typed_code("abc\n").is_none());
    }
}
