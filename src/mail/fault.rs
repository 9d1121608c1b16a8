//! Why a mail did not leave, and whether it is worth coming again.

use std::fmt;

/// A place in the conversation with a mail server, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Writing the mail itself, before any server is asked.
    Compose,
    /// Finding the addresses of the host.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// The server's first line.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `STARTTLS` and the TLS handshake.
    Tls,
    /// `AUTH`.
    Auth,
    /// `MAIL FROM`.
    MailFrom,
    /// `RCPT TO`.
    RcptTo,
    /// `DATA`, the mail, and the server's word for it; for the file transport: writing the file.
    Data,
}

impl Step {
    /// The number in stored events; never changes. 0 means that no step was taken.
    pub fn number(self) -> u8 {
        match self {
            Self::Compose => 1,
            Self::Resolve => 2,
            Self::Connect => 3,
            Self::Greeting => 4,
            Self::Hello => 5,
            Self::Tls => 6,
            Self::Auth => 7,
            Self::MailFrom => 8,
            Self::RcptTo => 9,
            Self::Data => 10,
        }
    }

    /// The inverse of [`Step::number`].
    pub fn from_number(number: u8) -> Option<Self> {
        [
            Self::Compose,
            Self::Resolve,
            Self::Connect,
            Self::Greeting,
            Self::Hello,
            Self::Tls,
            Self::Auth,
            Self::MailFrom,
            Self::RcptTo,
            Self::Data,
        ]
        .into_iter()
        .find(|step| step.number() == number)
    }

    /// A fixed code for the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Hello => "hello",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::MailFrom => "mail_from",
            Self::RcptTo => "rcpt_to",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compose => "writing the mail",
            Self::Resolve => "finding the host",
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::Tls => "TLS",
            Self::Auth => "AUTH",
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
        })
    }
}

/// What becomes of a mail that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Try again later: the network, the server or our settings are at fault, not this mail.
    Transient,
    /// Give up: the server will refuse this mail for ever.
    Permanent,
}

/// What went wrong, as far as a hint can be given for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// The server answered with a refusal.
    Reply,
    /// Nothing came within the time limit.
    Timeout,
    /// The network refused, reset or closed.
    Network,
    /// The server answered a TLS handshake in clear text.
    NotTls,
    /// The server's certificate is not good for us.
    Certificate(CertificateFault),
    /// Another fault of the TLS handshake.
    Tls,
    /// The server does not offer what the settings or the mail demand.
    Missing,
    /// The server broke the protocol.
    Protocol,
    /// The mail itself cannot be written.
    Mail,
    /// The file transport could not write, or the settings name a file that cannot be read.
    Disk,
}

/// Why a certificate is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CertificateFault {
    /// It is for other names than the host of the settings.
    Name,
    /// No authority that we trust signed it.
    Issuer,
    /// It is expired, or not yet valid.
    Validity,
    /// Anything else.
    Other,
}

/// A mail that did not leave.
///
/// `Display` and `Debug` leave `words` out, because servers like to repeat addresses: those words are for an
/// operator's terminal, never for the log or the ledger.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step} failed{}: {}", StatusOf(*status), match kind {
    Kind::Transient => "the mail will be tried again",
    Kind::Permanent => "the mail is given up",
})]
pub struct SendError {
    /// Where.
    pub step: Step,
    /// Whether to come again.
    pub kind: Kind,
    /// The server's reply code (RFC 5321 §4.2), if it replied.
    pub status: Option<u16>,
    /// The server's own words, or ours if it said none; without control characters, at most 300 characters.
    pub words: String,
    /// What a hint can be given for.
    pub cause: Cause,
}

impl SendError {
    /// Characters that `words` may have.
    pub const WORDS_MAX: usize = 300;

    /// A failure without a reply.
    pub(super) fn new(step: Step, cause: Cause, words: impl AsRef<str>) -> Self {
        Self {
            step,
            kind: kind_of(step, cause, None),
            status: None,
            words: clean(words.as_ref()),
            cause,
        }
    }

    /// A refusal by reply.
    pub(super) fn refused(step: Step, status: u16, words: &str) -> Self {
        let cause = Cause::Reply;
        Self {
            step,
            kind: kind_of(step, cause, Some(status)),
            status: Some(status),
            words: clean(words),
            cause,
        }
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("step", &self.step)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

struct StatusOf(Option<u16>);

impl fmt::Display for StatusOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

/// Only a 5xx to `MAIL FROM`, `RCPT TO` or `DATA` speaks about the mail. A 5xx before that (greeting, EHLO, TLS, AUTH),
/// or one that asks for a sign-in (RFC 4954 §6), speaks about the settings: the mail waits until they are right.
fn kind_of(step: Step, cause: Cause, status: Option<u16>) -> Kind {
    let about_this_mail = match step {
        Step::Compose | Step::MailFrom | Step::RcptTo | Step::Data => true,
        Step::Resolve | Step::Connect | Step::Greeting | Step::Hello | Step::Tls | Step::Auth => false,
    };
    let for_ever = match cause {
        Cause::Reply => status.is_some_and(|s| s >= 500 && !matches!(s, 530 | 534 | 535 | 538)),
        Cause::Mail | Cause::Missing => true,
        Cause::Timeout
        | Cause::Network
        | Cause::NotTls
        | Cause::Certificate(_)
        | Cause::Tls
        | Cause::Protocol
        | Cause::Disk => false,
    };
    if about_this_mail && for_ever {
        Kind::Permanent
    } else {
        Kind::Transient
    }
}

/// Words that a terminal can show: no control characters, no marks that turn the writing around, not endless.
pub(super) fn clean(words: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    words
        .chars()
        .filter(|c| !c.is_control() && !turns(*c))
        .take(SendError::WORDS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_permanent_only_if_it_is_about_the_mail() {
        let kind = |step, status| SendError::refused(step, status, "").kind;
        for step in [Step::MailFrom, Step::RcptTo, Step::Data] {
            assert_eq!(kind(step, 550), Kind::Permanent);
            assert_eq!(kind(step, 451), Kind::Transient);
            assert_eq!(kind(step, 530), Kind::Transient);
        }
        for step in [Step::Greeting, Step::Hello, Step::Tls, Step::Auth] {
            assert_eq!(kind(step, 554), Kind::Transient);
        }
        assert_eq!(
            SendError::new(Step::Data, Cause::Timeout, "").kind,
            Kind::Transient
        );
        assert_eq!(
            SendError::new(Step::Compose, Cause::Mail, "").kind,
            Kind::Permanent
        );
    }

    #[test]
    fn l_02_the_words_of_a_server_are_harmless_and_stay_out_of_the_log() {
        let error = SendError::refused(
            Step::RcptTo,
            550,
            "<a@example.org> \u{1b}[2J\r\nno\u{202e} such user",
        );
        assert_eq!(error.words, "<a@example.org> [2Jno such user");
        assert_eq!(error.to_string(), "RCPT TO failed (550): the mail is given up");
        assert!(!format!("{error:?}").contains("example"));
        assert_eq!(
            SendError::refused(Step::Data, 550, &"x".repeat(9_000))
                .words
                .len(),
            SendError::WORDS_MAX
        );
    }
}
