//! One SMTP connection, line by line: a time limit round every step, a size limit round every reply.
//!
//! lettre's own connection is not used for this, because it bounds only the connecting, reads lines of any length, keeps
//! bytes it read before STARTTLS (response injection), and writes a mail and its closing dot apart without TCP_NODELAY, which
//! costs 40 ms a mail. Its commands and its reader of replies are used.

use std::io;
use std::time::Duration;

use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fault::{Cause, CertificateFault, SendError, Step};

/// Bytes of one reply, all its lines; RFC 5321 §4.5.3.1.5 allows 512 a line.
const REPLY_BYTES_MAX: usize = 16 * 1024;

pub(super) struct Wire {
    stream: Stream,
    /// Bytes that came and are not yet part of a reply.
    heard: Vec<u8>,
    limit: Duration,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn new(stream: TcpStream, limit: Duration) -> Self {
        Self {
            stream: Stream::Clear(stream),
            heard: Vec::new(),
            limit,
        }
    }

    /// Puts TLS round the connection; a server that already said something more is refused, because what came in
    /// clear text must not be taken for an answer under TLS.
    pub(super) async fn secured(
        self,
        tls: &TlsConnector,
        name: ServerName<'static>,
    ) -> Result<Self, SendError> {
        if !self.heard.is_empty() {
            return Err(out_of_turn(Step::Tls));
        }
        let Stream::Clear(stream) = self.stream else {
            return Err(SendError::new(
                Step::Tls,
                Cause::Protocol,
                "the connection is under TLS already",
            ));
        };
        let stream = match timeout(self.limit, tls.connect(name, stream)).await {
            Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
            Ok(Err(error)) => return Err(tls_fault(&error)),
            Err(_) => return Err(too_late(Step::Tls, self.limit)),
        };
        Ok(Self {
            stream,
            heard: Vec::new(),
            limit: self.limit,
        })
    }

    pub(super) fn is_secured(&self) -> bool {
        match self.stream {
            Stream::Clear(_) => false,
            Stream::Tls(_) => true,
        }
    }

    /// Sends a command, or a whole mail with its dot, in one piece and reads the reply.
    pub(super) async fn ask(&mut self, step: Step, line: &[u8]) -> Result<Reply, SendError> {
        if !self.heard.is_empty() {
            return Err(out_of_turn(step));
        }
        match self.say(step, line).await {
            Ok(()) => self.hear(step).await,
            // A server that hangs up in the middle of a mail has often said why.
            Err(error) if error.cause == Cause::Network => self.hear(step).await.map_err(|_| error),
            Err(error) => Err(error),
        }
    }

    /// Reads one reply.
    pub(super) async fn hear(&mut self, step: Step) -> Result<Reply, SendError> {
        match timeout(self.limit, self.read_reply(step)).await {
            Ok(reply) => reply,
            Err(_) => Err(too_late(step, self.limit)),
        }
    }

    /// Says goodbye without waiting for the answer.
    pub(super) async fn hang_up(mut self) {
        self.limit = self.limit.min(Duration::from_secs(1));
        if self.say(Step::Data, b"QUIT\r\n").await.is_ok() {
            let end = async {
                match &mut self.stream {
                    Stream::Clear(stream) => stream.shutdown().await,
                    Stream::Tls(stream) => stream.shutdown().await,
                }
            };
            drop(timeout(self.limit, end).await);
        }
    }

    async fn say(&mut self, step: Step, bytes: &[u8]) -> Result<(), SendError> {
        let write = async {
            match &mut self.stream {
                Stream::Clear(stream) => stream.write_all(bytes).await,
                Stream::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
            }
        };
        match timeout(self.limit, write).await {
            Ok(written) => written.map_err(|error| SendError::new(step, Cause::Network, error.to_string())),
            Err(_) => Err(too_late(step, self.limit)),
        }
    }

    async fn read_reply(&mut self, step: Step) -> Result<Reply, SendError> {
        let garbled = || SendError::new(step, Cause::Protocol, "the server's answer is not SMTP");
        loop {
            if let Some(end) = reply_end(&self.heard).map_err(|NotSmtp| garbled())? {
                let bytes: Vec<u8> = self.heard.drain(..end).collect();
                return Reply::parse(&bytes).ok_or_else(garbled);
            }
            if self.heard.len() >= REPLY_BYTES_MAX {
                return Err(SendError::new(
                    step,
                    Cause::Protocol,
                    "the server's answer is endless",
                ));
            }
            let mut chunk = [0; 2048];
            let read = match &mut self.stream {
                Stream::Clear(stream) => stream.read(&mut chunk).await,
                Stream::Tls(stream) => stream.read(&mut chunk).await,
            };
            match read {
                Ok(0) => {
                    return Err(SendError::new(
                        step,
                        Cause::Network,
                        "the server closed the connection",
                    ));
                }
                Ok(n) => self.heard.extend_from_slice(&chunk[..n]),
                Err(error) => return Err(SendError::new(step, Cause::Network, error.to_string())),
            }
        }
    }
}

/// What a server answered.
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) response: Response,
}

impl Reply {
    /// Its lines as one.
    pub(super) fn words(&self) -> String {
        self.response.message().collect::<Vec<_>>().join(" ")
    }

    /// The reply, if it is of the wanted class (2 = done, 3 = go on); else a refusal.
    pub(super) fn wanted(self, step: Step, class: u16) -> Result<Self, SendError> {
        match self.code / 100 {
            got if got == class => Ok(self),
            4 | 5 => Err(SendError::refused(step, self.code, &self.words())),
            _ => Err(SendError::new(
                step,
                Cause::Protocol,
                format!("unexpected answer {} {}", self.code, self.words()),
            )),
        }
    }

    /// Reads complete lines; forgives what servers get wrong (bare line feeds, a code alone, bytes that are not UTF-8).
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut text = String::with_capacity(bytes.len() + 8);
        for line in String::from_utf8_lossy(bytes).lines() {
            text.push_str(line.trim_end_matches('\r'));
            if line.len() == 3 {
                text.push(' ');
            }
            text.push_str("\r\n");
        }
        let response: Response = text.parse().ok()?;
        Some(Self {
            code: response.code().into(),
            response,
        })
    }
}

struct NotSmtp;

/// Where the first whole reply ends, if it is there.
fn reply_end(heard: &[u8]) -> Result<Option<usize>, NotSmtp> {
    let mut start = 0;
    while let Some(length) = heard[start..].iter().position(|b| *b == b'\n') {
        let line = heard[start..start + length].trim_ascii_end();
        start += length + 1;
        if line.len() < 3 || !line[..3].iter().all(u8::is_ascii_digit) {
            return Err(NotSmtp);
        }
        match line.get(3) {
            Some(b'-') => {}
            None | Some(b' ') => return Ok(Some(start)),
            Some(_) => return Err(NotSmtp),
        }
    }
    Ok(None)
}

/// The mail as `DATA` carries it (RFC 5321 §4.5.2): CRLF line ends only, dots doubled, the closing dot in the same piece.
pub(super) fn data_form(mime: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mime.len() + mime.len() / 32 + 8);
    let mut at_line_start = true;
    let mut bytes = mime.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' || byte == b'\n' {
            if byte == b'\r' {
                bytes.next_if_eq(&b'\n');
            }
            out.extend_from_slice(b"\r\n");
            at_line_start = true;
        } else {
            if at_line_start && byte == b'.' {
                out.push(b'.');
            }
            out.push(byte);
            at_line_start = false;
        }
    }
    out.extend_from_slice(if at_line_start { b".\r\n" } else { b"\r\n.\r\n" });
    out
}

fn too_late(step: Step, limit: Duration) -> SendError {
    SendError::new(step, Cause::Timeout, format!("no answer within {limit:?}"))
}

fn out_of_turn(step: Step) -> SendError {
    SendError::new(step, Cause::Protocol, "the server spoke out of turn")
}

fn tls_fault(error: &io::Error) -> SendError {
    use rustls::Error;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let cause = match inner {
        Some(Error::InvalidCertificate(bad)) => Cause::Certificate(certificate_fault(bad)),
        Some(Error::InvalidMessage(_)) => Cause::NotTls,
        Some(_) => Cause::Tls,
        None => Cause::Network,
    };
    SendError::new(
        Step::Tls,
        cause,
        inner.map_or_else(|| error.to_string(), ToString::to_string),
    )
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds kinds of faults; all but these need no hint of their own"
)]
fn certificate_fault(fault: &rustls::CertificateError) -> CertificateFault {
    use rustls::CertificateError as Bad;
    match fault {
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => CertificateFault::Name,
        Bad::UnknownIssuer => CertificateFault::Issuer,
        Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            CertificateFault::Validity
        }
        _ => CertificateFault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled_and_line_ends_made_whole() {
        let data = |text: &str| String::from_utf8(data_form(text.as_bytes())).unwrap();
        assert_eq!(data("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(data(".a"), "..a\r\n.\r\n");
        assert_eq!(data(""), ".\r\n");
    }

    #[test]
    fn a29_no_spelling_of_a_line_end_smuggles_an_end_of_mail() {
        for evil in [
            "a\n.\nMAIL FROM:<x@y.org>",
            "a\r.\rb",
            "a\r\n.\rb",
            "a\n.\r\nb",
            "a\r\r\n.\r\nb",
        ] {
            let out = data_form(evil.as_bytes());
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches("\r\n.\r\n").count(), 1, "{evil:?}");
            assert!(text.ends_with("\r\n.\r\n"));
            let rest = text.replace("\r\n", "");
            assert!(!rest.contains(['\r', '\n']), "{evil:?}");
        }
    }

    #[test]
    fn replies_are_found_whole_and_strangers_refused() {
        assert!(matches!(reply_end(b"250-a\r\n250"), Ok(None)));
        assert!(matches!(reply_end(b"250-a\r\n250 b\r\n4"), Ok(Some(14))));
        assert!(matches!(reply_end(b"250\r\n"), Ok(Some(5))));
        assert!(reply_end(b"HTTP/1.1 400 Bad Request\r\n").is_err());
        assert!(reply_end(b"2506x\r\n").is_err());
        assert_eq!(Reply::parse(b"250\n").unwrap().code, 250);
        assert_eq!(
            Reply::parse(b"550-5.1.1 no\n550 5.1.1 \xff user\r\n")
                .unwrap()
                .words(),
            "5.1.1 no 5.1.1 \u{fffd} user"
        );
        assert!(Reply::parse(b"250-a\r\n550 b\r\n").is_none());
    }
}
