//! A mail server that follows a script, for the tests of this room.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::settings::{MailSettings, MailSettingsDraft};

/// What the server does next.
#[derive(Clone)]
pub(super) enum Act {
    /// Says a line (several with `\r\n` between them).
    Say(&'static str),
    /// Expects a line that begins so.
    Hear(&'static str),
    /// Takes a mail up to the lone dot.
    Mail,
    /// Takes so many bytes of whatever comes.
    Bytes(usize),
    /// Puts TLS round the connection.
    Tls(TlsAcceptor),
    /// Takes mails until the client leaves.
    Serve,
    /// Says nothing more until the client leaves; what comes is recorded.
    Silence,
}

use Act::{Hear, Mail, Say, Serve, Silence};

/// Greeting and EHLO.
pub(super) fn greeted() -> Vec<Act> {
    vec![
        Say("220 mx.example.org ESMTP"),
        Hear("EHLO "),
        Say("250-mx.example.org\r\n250 8BITMIME"),
    ]
}

/// One mail, taken.
pub(super) fn takes_a_mail() -> Vec<Act> {
    let mut acts = envelope();
    acts.extend([Hear("DATA"), Say("354 go on"), Mail, Say("250 2.0.0 queued")]);
    acts
}

/// Sender and recipient, accepted.
pub(super) fn envelope() -> Vec<Act> {
    vec![
        Hear("MAIL FROM:<no-reply@example.org>"),
        Say("250 ok"),
        Hear("RCPT TO:<ann@example.org>"),
        Say("250 ok"),
    ]
}

/// One script after the other.
pub(super) fn script(parts: impl IntoIterator<Item = Vec<Act>>) -> Vec<Act> {
    parts.into_iter().flatten().collect()
}

/// Listens on loopback and plays one script for each connection, in the order of their coming; then the server hangs up.
pub(super) struct Scripted {
    pub(super) port: u16,
    heard: JoinHandle<Vec<Vec<String>>>,
}

impl Scripted {
    pub(super) async fn play(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let scripts: Vec<_> = scripts.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let mut connections = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                connections.push(tokio::spawn(follow(Box::new(stream), script)));
            }
            drop(listener);
            let mut heard = Vec::new();
            for connection in connections {
                heard.push(connection.await.unwrap());
            }
            heard
        });
        Self { port, heard }
    }

    /// What came, line by line, on each connection; waits for all scripts to end.
    pub(super) async fn heard(self) -> Vec<Vec<String>> {
        tokio::time::timeout(Duration::from_secs(20), self.heard)
            .await
            .expect("every script ends")
            .unwrap()
    }

    /// Settings for this server.
    pub(super) fn settings(&self, change: impl FnOnce(&mut MailSettingsDraft)) -> MailSettings {
        let mut draft = MailSettingsDraft {
            host: "127.0.0.1".into(),
            port: self.port,
            from: "Keyledger <no-reply@example.org>".into(),
            hello_name: Some("client.example.org".into()),
            ..MailSettingsDraft::default()
        };
        change(&mut draft);
        MailSettings::check(draft).unwrap()
    }
}

/// A server's key and certificate, which signed itself, and the PEM file that makes it trusted.
pub(super) struct Certificate {
    pub(super) acceptor: TlsAcceptor,
    pub(super) ca_file: PathBuf,
    _home: tempfile::TempDir,
}

pub(super) fn certificate(name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, made.cert.pem()).unwrap();
    Certificate {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        ca_file,
        _home: home,
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

async fn follow(mut io: Box<dyn Io>, script: Vec<Act>) -> Vec<String> {
    let mut heard = Vec::new();
    for act in script {
        match act {
            Say(line) => say(&mut io, line).await,
            Hear(start) => {
                let line = line(&mut io)
                    .await
                    .unwrap_or_else(|| panic!("expected {start:?}, the client left"));
                assert!(line.starts_with(start), "expected {start:?}, heard {line:?}");
                heard.push(line);
            }
            Mail => heard.push(mail(&mut io).await),
            Act::Bytes(count) => {
                let mut bytes = vec![0; count];
                io.read_exact(&mut bytes).await.unwrap();
            }
            Act::Tls(acceptor) => match acceptor.accept(io).await {
                Ok(stream) => io = Box::new(stream),
                Err(_) => return heard,
            },
            Serve => {
                while let Some(line) = line(&mut io).await {
                    match line.as_str() {
                        "DATA" => {
                            say(&mut io, "354 go on").await;
                            heard.push(mail(&mut io).await);
                            say(&mut io, "250 queued").await;
                        }
                        "QUIT" => break,
                        _ => say(&mut io, "250 ok").await,
                    }
                }
            }
            Silence => {
                while let Some(line) = line(&mut io).await {
                    heard.push(line);
                }
            }
        }
    }
    heard
}

async fn say(io: &mut Box<dyn Io>, line: &str) {
    io.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    io.flush().await.unwrap();
}

/// The next line, byte by byte, so that nothing is read which belongs to TLS; `None` at the end.
async fn line(io: &mut Box<dyn Io>) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") {
        match io.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) if bytes.is_empty() => return None,
            Err(_) => break,
        }
    }
    Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

async fn mail(io: &mut Box<dyn Io>) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n.\r\n") {
        text.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}
