//! One conversation with one client (RFC 5321 §4).

mod auth;
mod data;

use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::behaviour::{Act, SinkBehaviour, SinkTls, Step, take_acts};
use super::wire::{Duplex, Wire};
use super::{Shared, lock};

/// RFC 5321 says 512; AUTH lines may be longer (RFC 4954 §4).
const COMMAND_BYTES_MAX: usize = 4096;
/// RFC 5321 §4.5.3.1.3, the brackets not included.
const PATH_BYTES_MAX: usize = 254;
const RECIPIENTS_MAX: usize = 100;
/// Errors after which the client is sent away.
const OFFENCES_MAX: u8 = 20;

type Flow = io::Result<ControlFlow<()>>;

/// What comes after a command.
enum Turn {
    Next,
    StartTls,
    End,
}

impl From<ControlFlow<()>> for Turn {
    fn from(flow: ControlFlow<()>) -> Self {
        match flow {
            Continue(()) => Self::Next,
            Break(()) => Self::End,
        }
    }
}

/// Speaks with a client until either hangs up; a broken connection is not worth a word.
pub(super) async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let behaviour = lock(&shared.behaviour).clone();
    let _ = speak(stream, shared, behaviour).await;
}

async fn speak(stream: TcpStream, shared: Arc<Shared>, behaviour: SinkBehaviour) -> io::Result<()> {
    if behaviour.nodelay {
        stream.set_nodelay(true)?;
    }
    let (stream, tls): (Box<dyn Duplex>, bool) = match &behaviour.tls {
        SinkTls::Off | SinkTls::StartTls(_) => (Box::new(stream), false),
        SinkTls::Implicit(config) => (shake_hands(Box::new(stream), config, &behaviour).await?, true),
    };
    let wire = Wire::new(stream, behaviour.idle);
    let mut conversation = Conversation {
        wire,
        shared,
        behaviour,
        tls,
        helo: None,
        user: None,
        envelope: None,
        offences: 0,
        wrong_sign_ins: 0,
    };
    if conversation.meets_fault(Step::Connect, &[]).await?.is_none() {
        conversation.say(220, "keyledger-sink ESMTP").await?;
    } else {
        return Ok(());
    }
    loop {
        match conversation.turn().await? {
            Turn::Next => {}
            Turn::StartTls => {
                let Some(secured) = conversation.start_tls().await? else {
                    return Ok(());
                };
                conversation = secured;
            }
            Turn::End => return Ok(()),
        }
    }
}

async fn shake_hands(
    stream: Box<dyn Duplex>,
    config: &Arc<ServerConfig>,
    behaviour: &SinkBehaviour,
) -> io::Result<Box<dyn Duplex>> {
    let shaking = TlsAcceptor::from(Arc::clone(config)).accept(stream);
    let secured = timeout(behaviour.idle, shaking)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Box::new(secured))
}

struct Conversation {
    wire: Wire,
    shared: Arc<Shared>,
    behaviour: SinkBehaviour,
    tls: bool,
    helo: Option<String>,
    user: Option<String>,
    envelope: Option<Envelope>,
    offences: u8,
    wrong_sign_ins: u8,
}

struct Envelope {
    from: String,
    to: Vec<String>,
    utf8: bool,
}

impl Conversation {
    /// Reads one command and answers it.
    async fn turn(&mut self) -> io::Result<Turn> {
        let Some(line) = self.wire.line(COMMAND_BYTES_MAX).await? else {
            return Ok(Turn::End);
        };
        let whole = line.ends_with_crlf && !line.too_long;
        let Some(text) = whole.then(|| String::from_utf8(line.bytes).ok()).flatten() else {
            let flow = self
                .offend(
                    500,
                    "5.5.2 A command is a line of text, at most 4096 bytes with CRLF",
                )
                .await?;
            return Ok(flow.into());
        };
        let text = text.trim_end();
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let flow = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.hello(rest, Greeting::Extended).await,
            "HELO" => self.hello(rest, Greeting::Plain).await,
            "STARTTLS" => return self.asks_for_tls(rest).await,
            "AUTH" => self.authenticate(rest).await,
            "MAIL" => self.mail_from(rest).await,
            "RCPT" => self.rcpt_to(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.envelope = None;
                self.go_on(250, "2.0.0 Forgotten").await
            }
            "NOOP" => self.go_on(250, "2.0.0 Done").await,
            "VRFY" => self.go_on(252, "2.0.0 Send it and see").await,
            "QUIT" => {
                self.say(221, "2.0.0 Bye").await?;
                self.wire.close().await?;
                Ok(Break(()))
            }
            _ => self.offend(500, "5.5.1 Unknown command").await,
        };
        Ok(flow?.into())
    }

    async fn hello(&mut self, name: &str, greeting: Greeting) -> Flow {
        if let Some(flow) = self.meets_fault(Step::Hello, &[]).await? {
            return Ok(flow);
        }
        if name.is_empty() || name.len() > 255 {
            return self.offend(501, "5.5.4 Say your name").await;
        }
        self.helo = Some(name.to_owned());
        self.envelope = None;
        match greeting {
            Greeting::Plain => self.say(250, "keyledger-sink").await?,
            Greeting::Extended => {
                let mut lines = vec![
                    "keyledger-sink".to_owned(),
                    "PIPELINING".to_owned(),
                    format!("SIZE {}", self.behaviour.message_bytes_max),
                    "8BITMIME".to_owned(),
                    "ENHANCEDSTATUSCODES".to_owned(),
                    "SMTPUTF8".to_owned(),
                ];
                if self.needs_tls() {
                    lines.push("STARTTLS".to_owned());
                } else if self.behaviour.credentials.is_some() {
                    lines.push("AUTH PLAIN LOGIN".to_owned());
                }
                self.wire.say(250, &lines).await?;
            }
        }
        Ok(Continue(()))
    }

    async fn asks_for_tls(&mut self, rest: &str) -> io::Result<Turn> {
        if let Some(flow) = self.meets_fault(Step::StartTls, &[]).await? {
            return Ok(flow.into());
        }
        let refused = if !rest.is_empty() {
            self.offend(501, "5.5.4 STARTTLS stands alone").await?
        } else if self.needs_tls() {
            return Ok(Turn::StartTls);
        } else {
            self.offend(503, "5.5.1 No TLS to start").await?
        };
        Ok(refused.into())
    }

    /// Starts TLS and forgets everything said before; bytes sent ahead of it end the conversation (CVE-2011-0411).
    async fn start_tls(mut self) -> io::Result<Option<Self>> {
        let SinkTls::StartTls(config) = self.behaviour.tls.clone() else {
            return Ok(None);
        };
        self.say(220, "2.0.0 Go ahead").await?;
        let (stream, ahead) = self.wire.into_stream();
        if ahead {
            return Ok(None);
        }
        let secured = shake_hands(stream, &config, &self.behaviour).await?;
        let wire = Wire::new(secured, self.behaviour.idle);
        Ok(Some(Self {
            wire,
            tls: true,
            helo: None,
            user: None,
            envelope: None,
            ..self
        }))
    }

    async fn mail_from(&mut self, rest: &str) -> Flow {
        if let Some(flow) = self.meets_fault(Step::MailFrom, &[]).await? {
            return Ok(flow);
        }
        if self.helo.is_none() {
            return self.offend(503, "5.5.1 EHLO first").await;
        }
        if self.needs_tls() {
            return self.offend(530, "5.7.0 STARTTLS first").await;
        }
        if self.behaviour.credentials.is_some() && self.user.is_none() {
            return self.offend(530, "5.7.0 Sign in first").await;
        }
        if self.envelope.is_some() {
            return self.offend(503, "5.5.1 One mail after the other").await;
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return self.offend(501, "5.1.7 MAIL FROM:<address>").await;
        };
        let mut utf8 = false;
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (
                name.to_ascii_uppercase().as_str(),
                value.to_ascii_uppercase().as_str(),
            ) {
                ("SIZE", size) => match size.parse::<usize>() {
                    Ok(bytes) if bytes <= self.behaviour.message_bytes_max => {}
                    Ok(_) => return self.go_on(552, "5.3.4 Too large").await,
                    Err(_) => return self.offend(501, "5.5.4 SIZE is a number").await,
                },
                ("BODY", "7BIT" | "8BITMIME") | ("AUTH", _) => {}
                ("SMTPUTF8", "") => utf8 = true,
                _ => return self.offend(555, "5.5.4 Unknown parameter").await,
            }
        }
        if !utf8 && !from.is_ascii() {
            return self.offend(553, "5.6.7 That address needs SMTPUTF8").await;
        }
        self.envelope = Some(Envelope {
            from,
            to: Vec::new(),
            utf8,
        });
        self.go_on(250, "2.1.0 Sender taken").await
    }

    async fn rcpt_to(&mut self, rest: &str) -> Flow {
        let parsed = path(rest, "TO:").filter(|(to, parameters)| !to.is_empty() && parameters.is_empty());
        let named: Vec<String> = parsed.map(|(to, _)| to).into_iter().collect();
        if let Some(flow) = self.meets_fault(Step::RcptTo, &named).await? {
            return Ok(flow);
        }
        let Some(envelope) = &mut self.envelope else {
            return self.offend(503, "5.5.1 MAIL first").await;
        };
        let Some(to) = named.into_iter().next() else {
            return self.offend(501, "5.1.3 RCPT TO:<address>").await;
        };
        if !envelope.utf8 && !to.is_ascii() {
            return self.offend(553, "5.6.7 That address needs SMTPUTF8").await;
        }
        if envelope.to.len() >= RECIPIENTS_MAX {
            return self.go_on(452, "4.5.3 Too many recipients").await;
        }
        envelope.to.push(to);
        self.go_on(250, "2.1.5 Recipient taken").await
    }

    /// Waits as the faults of a step say, and gives what is to happen instead of the usual.
    async fn act_at(&mut self, step: Step, recipients: &[String]) -> Option<Act> {
        let (delay, act) = take_acts(&mut lock(&self.shared.behaviour).faults, step, recipients);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        act
    }

    async fn meets_fault(
        &mut self,
        step: Step,
        recipients: &[String],
    ) -> io::Result<Option<ControlFlow<()>>> {
        match self.act_at(step, recipients).await {
            None => Ok(None),
            Some(act) => self.perform(act).await.map(Some),
        }
    }

    async fn perform(&mut self, act: Act) -> Flow {
        match act {
            Act::Answer(421, text) => {
                self.say(421, &text).await?;
                Ok(Break(()))
            }
            Act::Answer(status, text) => self.go_on(status, &text).await,
            Act::Silence => {
                self.wire.be_silent().await;
                Ok(Break(()))
            }
            Act::Delay(delay) => {
                sleep(delay).await;
                Ok(Continue(()))
            }
            Act::Disconnect | Act::KeepAndDisconnect | Act::AnswerAndDisconnect => Ok(Break(())),
        }
    }

    fn needs_tls(&self) -> bool {
        !self.tls && matches!(self.behaviour.tls, SinkTls::StartTls(_))
    }

    async fn say(&mut self, status: u16, text: &str) -> io::Result<()> {
        self.wire.say(status, &[text]).await
    }

    async fn go_on(&mut self, status: u16, text: &str) -> Flow {
        self.say(status, text).await?;
        Ok(Continue(()))
    }

    /// Answers an error of the client, and hangs up after too many.
    async fn offend(&mut self, status: u16, text: &str) -> Flow {
        self.offences += 1;
        if self.offences >= OFFENCES_MAX {
            self.say(421, "4.7.0 Too many errors").await?;
            return Ok(Break(()));
        }
        self.go_on(status, text).await
    }
}

#[derive(Clone, Copy)]
enum Greeting {
    Plain,
    Extended,
}

/// The address and the parameters of `FROM:<a@b> SIZE=1`; the null path `<>` is the empty address.
fn path<'a>(text: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let head = text.get(..keyword.len())?;
    let rest = text[keyword.len()..].trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    let fits = head.eq_ignore_ascii_case(keyword)
        && address.len() <= PATH_BYTES_MAX
        && !address.contains(|c: char| c.is_control() || c.is_whitespace() || c == '<')
        && (parameters.is_empty() || parameters.starts_with(' '));
    fits.then(|| (address.to_owned(), parameters.trim()))
}
