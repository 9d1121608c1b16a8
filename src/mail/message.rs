//! A mail to one person, and its MIME form.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Message, MultiPart, MultiPartKind, SinglePart};

use super::address::{AddressFault, Mailbox, parse_address};
use super::fault::{Cause, SendError, Step};
use crate::types::Timestamp;

/// A mail as a worker hands it over: words are final, nothing is looked up any more.
///
/// `Debug` shows neither the recipient nor the words, because they hold a live secret.
#[derive(Clone)]
pub struct OutgoingMail {
    /// `id@domain`, the same at every attempt, so that a mail which arrives twice is seen to be one.
    pub message_id: String,
    /// The recipient's address; never with a name, because names are the user's to choose.
    pub to: String,
    /// The sender.
    pub from: Mailbox,
    /// One line; white space at its ends is cut.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Which mail this is (`password_reset`), for filters, as the header `X-Keyledger-Mail`.
    pub template: &'static str,
    /// When the mail was decided on, for the header `Date`.
    pub date: Timestamp,
}

impl OutgoingMail {
    /// Bytes that a subject may have: its line stays within RFC 5322 §2.1.1 even unfolded.
    pub const SUBJECT_BYTES_MAX: usize = 250;
    /// Bytes that each part may have.
    pub const PART_BYTES_MAX: usize = 256 * 1024;

    /// Writes the mail as MIME (RFC 5322, RFC 2045), multipart/alternative; equal mails give equal bytes.
    pub fn to_mime(&self) -> Result<Vec<u8>, ComposeFault> {
        Ok(self.compose()?.mime)
    }

    pub(super) fn compose(&self) -> Result<Parcel, ComposeFault> {
        let id = self.checked_id()?;
        let to = parse_address(&self.to).map_err(ComposeFault::To)?;
        let subject = self.checked_subject()?;
        if self.text.len().max(self.html.len()) > Self::PART_BYTES_MAX {
            return Err(ComposeFault::TooLong);
        }
        if self.template.is_empty()
            || !self
                .template
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Err(ComposeFault::Template);
        }
        let raw = |name: &'static str, value: String| {
            HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
        };
        let parts = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(boundary(id))
            .singlepart(SinglePart::plain(plain_lines(&self.text)))
            .singlepart(SinglePart::html(plain_lines(&self.html)));
        let builder = Message::builder()
            .from(self.from.to_lettre())
            .to(lettre::message::Mailbox::new(None, to.clone()))
            .date(system_time(self.date))
            .raw_header(raw("Message-ID", format!("<{id}>")))
            .raw_header(raw("Auto-Submitted", "auto-generated".into()))
            .raw_header(raw("X-Auto-Response-Suppress", "All".into()))
            .raw_header(raw("X-Keyledger-Mail", self.template.to_owned()));
        let builder = if subject.contains("=?") {
            builder.raw_header(raw("Subject", encoded_words(subject)))
        } else {
            builder.subject(subject)
        };
        let message = builder.multipart(parts).map_err(|_| ComposeFault::Mime)?;
        Ok(Parcel {
            from: self.from.address.clone(),
            to,
            mime: message.formatted(),
        })
    }

    /// RFC 5322 §3.6.4, without the angle brackets if they were given.
    fn checked_id(&self) -> Result<&str, ComposeFault> {
        let id = self.message_id.as_str();
        let id = id
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .unwrap_or(id);
        let fits = id.len() <= 200
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.@".contains(&b))
            && id
                .split_once('@')
                .is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'));
        if fits {
            Ok(id)
        } else {
            Err(ComposeFault::MessageId)
        }
    }

    pub(super) fn checked_subject(&self) -> Result<&str, ComposeFault> {
        let subject = self.subject.trim();
        if subject
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(ComposeFault::Subject);
        }
        if subject.len() > Self::SUBJECT_BYTES_MAX {
            return Err(ComposeFault::TooLong);
        }
        Ok(subject)
    }
}

impl fmt::Debug for OutgoingMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMail")
            .field("message_id", &self.message_id)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

/// What SMTP carries: an envelope and bytes.
pub(super) struct Parcel {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) mime: Vec<u8>,
}

/// Why a mail cannot be written at all; no later attempt would help.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ComposeFault {
    /// The Message-ID is not `id@domain` in ASCII.
    #[error("the Message-ID is not of the form id@domain")]
    MessageId,
    /// The recipient is no address.
    #[error("the recipient: {0}")]
    To(AddressFault),
    /// The subject would break out of its header (CWE-93).
    #[error("the subject contains a line break or another control character")]
    Subject,
    /// Subject or a part is over its limit.
    #[error("the subject is over 250 bytes or a part over 256 KiB")]
    TooLong,
    /// The template's name is not a word.
    #[error("the template's name is not a word of ASCII letters, digits and underscores")]
    Template,
    /// lettre refused the parts.
    #[error("the parts do not make a MIME message")]
    Mime,
}

impl From<ComposeFault> for SendError {
    fn from(fault: ComposeFault) -> Self {
        Self::new(Step::Compose, Cause::Mail, fault.to_string())
    }
}

/// Line ends as one `\n` (bare ones are how mails are smuggled, CVE-2023-51764), no other control character but tabs.
pub(super) fn plain_lines(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.retain(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    lines
}

/// Derived from the random Message-ID, so that equal mails are equal bytes and no text can contain it by foresight.
fn boundary(message_id: &str) -> String {
    format!("keyledger{}", &blake3::hash(message_id.as_bytes()).to_hex()[..32])
}

/// Encodes words that pretend to be encoded already, so that readers see what was written (RFC 2047).
fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut chunk = String::new();
    for c in text.chars() {
        if chunk.len() + c.len_utf8() > 39 {
            words.push(std::mem::take(&mut chunk));
        }
        chunk.push(c);
    }
    words.push(chunk);
    let words: Vec<String> = words
        .iter()
        .map(|w| format!("=?utf-8?b?{}?=", STANDARD.encode(w)))
        .collect();
    words.join("\r\n ")
}

/// Within what an RFC 5322 date can say: 1970 to 9999.
fn system_time(at: Timestamp) -> SystemTime {
    const LAST_SECOND_OF_9999: u64 = 253_402_300_799;
    let seconds = u64::try_from(at.unix_seconds())
        .unwrap_or(0)
        .min(LAST_SECOND_OF_9999);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
pub(super) mod tests {
    use mail_parser::MessageParser;

    use super::*;

    /// A mail as workers make them.
    pub(in super::super) fn a_mail() -> OutgoingMail {
        OutgoingMail {
            message_id: "0190-7f@mail.example.org".into(),
            to: "ann@example.org".into(),
            from: Mailbox::parse("Keyledger <no-reply@example.org>").unwrap(),
            subject: "Reset your password".into(),
            text: "Hello,\n.hidden\n..\nBye\n".into(),
            html: "<p>Hello</p>\n".into(),
            template: "password_reset",
            date: Timestamp::parse_rfc3339("2026-01-20T14:30:00Z").unwrap(),
        }
    }

    #[test]
    fn a_mail_looks_like_this() {
        insta::assert_snapshot!(String::from_utf8(a_mail().to_mime().unwrap()).unwrap().replace("\r\n", "\n"), @r#"
        From: Keyledger <no-reply@example.org>
        To: ann@example.org
        Date: Tue, 20 Jan 2026 14:30:00 +0000
        Message-ID: <0190-7f@mail.example.org>
        Auto-Submitted: auto-generated
        X-Auto-Response-Suppress: All
        X-Keyledger-Mail: password_reset
        Subject: Reset your password
        MIME-Version: 1.0
        Content-Type: multipart/alternative;
         boundary="keyledgere94f8ecdbd97c55215d73ee993ef761e"

        --keyledgere94f8ecdbd97c55215d73ee993ef761e
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: 7bit

        Hello,
        .hidden
        ..
        Bye

        --keyledgere94f8ecdbd97c55215d73ee993ef761e
        Content-Type: text/html; charset=utf-8
        Content-Transfer-Encoding: 7bit

        <p>Hello</p>

        --keyledgere94f8ecdbd97c55215d73ee993ef761e--
        "#);
    }

    #[test]
    fn an_independent_reader_finds_what_was_written() {
        let mut mail = a_mail();
        mail.subject =
            "비밀번호 재설정 — a rather long line with “quotes” that has to be folded somewhere".into();
        mail.text = format!("안녕하세요\n{}\n", "x".repeat(3_000));
        mail.html = "<p>안녕</p>".into();
        let mime = mail.to_mime().unwrap();
        assert!(mime.is_ascii() && mime.split(|b| *b == b'\n').all(|line| line.len() < 998));
        let read = MessageParser::default().parse(&mime).unwrap();
        assert_eq!(read.subject(), Some(mail.subject.as_str()));
        assert_eq!(read.message_id(), Some("0190-7f@mail.example.org"));
        assert_eq!(read.from().unwrap().first().unwrap().name(), Some("Keyledger"));
        assert_eq!(
            read.to().unwrap().first().unwrap().address(),
            Some("ann@example.org")
        );
        assert_eq!(read.to().unwrap().first().unwrap().name(), None);
        assert_eq!(read.date().unwrap().to_rfc3339(), "2026-01-20T14:30:00Z");
        assert_eq!(
            read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(),
            mail.text.trim_end()
        );
        assert_eq!(read.body_html(0).unwrap().trim_end(), mail.html);
        assert_eq!(
            (
                read.text_body_count(),
                read.html_body_count(),
                read.attachment_count()
            ),
            (1, 1, 0)
        );
        assert_eq!(mime, mail.to_mime().unwrap(), "equal mails are equal bytes");
    }

    #[test]
    fn l_04_a29_no_field_can_write_headers() {
        let fault = |change: &dyn Fn(&mut OutgoingMail)| {
            let mut mail = a_mail();
            change(&mut mail);
            mail.to_mime().err()
        };
        for line_end in ["\r\n", "\n", "\r", "\u{0}", "\u{85}", "\u{2028}"] {
            let evil = format!("hi{line_end}Bcc: eve@example.org");
            assert_eq!(
                fault(&|m| m.subject.clone_from(&evil)),
                Some(ComposeFault::Subject),
                "{line_end:?}"
            );
            assert!(fault(&|m| m.to = format!("ann@example.org{line_end}Bcc: e@x.org")).is_some());
            assert_eq!(
                fault(&|m| m.message_id = format!("a@b{line_end}X: y")),
                Some(ComposeFault::MessageId)
            );
        }
        assert_eq!(
            fault(&|m| m.to = "Eve <ann@example.org>".into()),
            Some(ComposeFault::To(AddressFault::Form))
        );
        assert_eq!(fault(&|m| m.template = "a: b"), Some(ComposeFault::Template));
        assert_eq!(
            fault(&|m| m.subject = "x".repeat(251)),
            Some(ComposeFault::TooLong)
        );
        assert_eq!(
            fault(&|m| m.text = "x".repeat(256 * 1024 + 1)),
            Some(ComposeFault::TooLong)
        );
        for id in ["", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b", "a@b>"] {
            assert_eq!(
                fault(&|m| m.message_id = id.into()),
                Some(ComposeFault::MessageId),
                "{id}"
            );
        }
    }

    #[test]
    fn l_04_a29_a_hostile_name_of_the_sender_is_encoded() {
        let mut mail = a_mail();
        for name in [
            "Ann, \"the\" <x@evil.org>",
            "=?utf-8?b?QmNjOiB4?=",
            "안녕",
            "a\\b;c:d",
        ] {
            mail.from = Mailbox::parse(&format!("{name} <no-reply@example.org>")).unwrap();
            let mime = mail.to_mime().unwrap();
            let read = MessageParser::default().parse(&mime).unwrap();
            let from = read.from().unwrap();
            assert_eq!(from.iter().count(), 1, "{name}");
            assert_eq!(
                from.first().unwrap().address(),
                Some("no-reply@example.org"),
                "{name}"
            );
        }
    }

    #[test]
    fn a29_a_subject_that_pretends_to_be_encoded_is_shown_as_written() {
        let mut mail = a_mail();
        mail.subject = format!("=?utf-8?b?QmNjOiB4?= {}", "언".repeat(60));
        let mime = mail.to_mime().unwrap();
        assert_eq!(
            MessageParser::default().parse(&mime).unwrap().subject(),
            Some(mail.subject.as_str())
        );
    }

    #[test]
    fn bare_carriage_returns_do_not_reach_the_wire() {
        let mut mail = a_mail();
        mail.text = "a\r.\rb\u{0}\r\n.\n".into();
        let mime = mail.to_mime().unwrap();
        assert!(
            mime.iter()
                .zip(mime.iter().skip(1))
                .all(|(a, b)| (*a == b'\r') == (*b == b'\n'))
        );
        assert!(!mime.contains(&0));
    }

    #[test]
    fn dates_outside_of_what_a_mail_can_say_do_not_panic() {
        for micros in [i64::MIN, -1, i64::MAX] {
            let mut mail = a_mail();
            mail.date = Timestamp(micros);
            assert!(mail.to_mime().is_ok());
        }
    }

    #[test]
    fn r_32_debug_shows_neither_words_nor_recipient() {
        let shown = format!("{:?}", a_mail());
        assert!(!shown.contains("ann@") && !shown.contains("Hello"));
    }
}
