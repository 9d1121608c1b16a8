//! What a sink offers and demands, and where it misbehaves on purpose.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;

/// How a sink behaves; [`SinkBehaviour::accepting`] takes every mail in clear text.
#[derive(Clone)]
pub struct SinkBehaviour {
    pub(super) tls: SinkTls,
    pub(super) credentials: Option<(String, String)>,
    pub(super) message_bytes_max: usize,
    pub(super) kept_mails_max: usize,
    pub(super) kept_bytes_max: usize,
    pub(super) idle: Duration,
    pub(super) nodelay: bool,
    pub(super) faults: Vec<Fault>,
}

/// When a sink speaks TLS.
#[derive(Clone, Default)]
pub enum SinkTls {
    /// Never.
    #[default]
    Off,
    /// After STARTTLS, without which neither AUTH nor a mail is taken (RFC 3207).
    StartTls(Arc<ServerConfig>),
    /// From the first byte (RFC 8314).
    Implicit(Arc<ServerConfig>),
}

impl SinkBehaviour {
    /// Takes every mail: no TLS, no sign-in; 1 MiB a mail, 10,000 mails or 64 MiB kept, 60 s for the client to go on.
    pub fn accepting() -> Self {
        Self {
            tls: SinkTls::Off,
            credentials: None,
            message_bytes_max: 1 << 20,
            kept_mails_max: 10_000,
            kept_bytes_max: 64 << 20,
            idle: Duration::from_mins(1),
            nodelay: false,
            faults: Vec::new(),
        }
    }

    /// Speaks TLS.
    #[must_use]
    pub fn tls(mut self, tls: SinkTls) -> Self {
        self.tls = tls;
        self
    }

    /// Takes mail only after AUTH with this name and password.
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Takes mails of at most so many bytes, and says so in SIZE.
    #[must_use]
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.message_bytes_max = bytes;
        self
    }

    /// Keeps at most so many mails and bytes; the oldest give way, the last one always stays.
    #[must_use]
    pub fn kept_max(mut self, mails: usize, bytes: usize) -> Self {
        self.kept_mails_max = mails;
        self.kept_bytes_max = bytes;
        self
    }

    /// Ends a conversation when the client says nothing for so long.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets TCP_NODELAY; without it the sockets are as the system makes them, which is what a measured client meets.
    #[must_use]
    pub fn nodelay(mut self) -> Self {
        self.nodelay = true;
        self
    }

    /// Misbehaves so; of several faults at one step the first that is not spent counts, after all its delays.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}

impl Default for SinkBehaviour {
    fn default() -> Self {
        Self::accepting()
    }
}

impl fmt::Debug for SinkBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkBehaviour")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// A point of the conversation, just before the sink would answer it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A client has connected (and has TLS, if that is implicit).
    Connect,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH, before its credentials are read.
    Auth,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA, before the mail is sent.
    Data,
    /// The closing dot: the mail is here, and not yet answered.
    Message,
}

/// One misbehaviour at one step.
#[derive(Clone, Debug)]
pub struct Fault {
    step: Step,
    recipient: Option<String>,
    left: Option<u32>,
    act: Act,
}

/// What a fault does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Act {
    Answer(u16, String),
    Delay(Duration),
    Silence,
    Disconnect,
    KeepAndDisconnect,
    AnswerAndDisconnect,
}

impl Fault {
    /// Refuses a step with a status of 400 to 599 (421 also hangs up); the text may begin with an enhanced code (RFC 3463).
    pub fn answer(step: Step, status: u16, text: &str) -> Self {
        assert!(
            (400..600).contains(&status),
            "a refusal has a status of 400 to 599, not {status}"
        );
        Self::at(step, Act::Answer(status, text.replace(['\r', '\n'], " ")))
    }

    /// Waits before a step goes on.
    pub fn delay(step: Step, delay: Duration) -> Self {
        Self::at(step, Act::Delay(delay))
    }

    /// Never answers a step; the connection stays open until the client gives up.
    pub fn silence(step: Step) -> Self {
        Self::at(step, Act::Silence)
    }

    /// Hangs up at a step without a word; a mail that was being sent is lost.
    pub fn disconnect(step: Step) -> Self {
        Self::at(step, Act::Disconnect)
    }

    /// Keeps the mail and hangs up before the answer: the client cannot know that the mail arrived.
    pub fn keep_and_disconnect() -> Self {
        Self::at(Step::Message, Act::KeepAndDisconnect)
    }

    /// Keeps the mail, answers 250 and hangs up: the client's next command meets a closed connection.
    pub fn answer_and_disconnect() -> Self {
        Self::at(Step::Message, Act::AnswerAndDisconnect)
    }

    /// Only the first `times` times.
    #[must_use]
    pub fn first(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Only for this recipient: at `RcptTo` the one being named, at `Data` and `Message` any of the mail.
    #[must_use]
    pub fn for_recipient(mut self, address: &str) -> Self {
        self.recipient = Some(address.to_owned());
        self
    }

    fn at(step: Step, act: Act) -> Self {
        Self {
            step,
            recipient: None,
            left: None,
            act,
        }
    }

    fn concerns(&self, step: Step, recipients: &[String]) -> bool {
        self.step == step
            && self.left != Some(0)
            && self
                .recipient
                .as_ref()
                .is_none_or(|wanted| recipients.iter().any(|to| to.eq_ignore_ascii_case(wanted)))
    }
}

/// Takes what is to happen at a step: how long to wait, and then what instead of the usual.
pub(super) fn take_acts(faults: &mut [Fault], step: Step, recipients: &[String]) -> (Duration, Option<Act>) {
    let mut delay = Duration::ZERO;
    for fault in faults.iter_mut().filter(|fault| fault.concerns(step, recipients)) {
        if let Some(left) = &mut fault.left {
            *left -= 1;
        }
        match &fault.act {
            Act::Delay(more) => delay = delay.saturating_add(*more),
            act @ (Act::Answer(..)
            | Act::Silence
            | Act::Disconnect
            | Act::KeepAndDisconnect
            | Act::AnswerAndDisconnect) => return (delay, Some(act.clone())),
        }
    }
    (delay, None)
}
