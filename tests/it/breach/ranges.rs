//! A range service on this machine, with a certificate of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use keyledger::breach::{LeakSettings, Leaks};
use keyledger::domain::password_policy::{OnlineCheck, RangeUrl};
use keyledger::outgoing::Neighbours;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The service; it answers every request alike, and keeps what it was asked.
pub(crate) struct Ranges {
    addr: SocketAddr,
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Ranges {
    /// Answers with a status line's words and a body.
    pub(crate) async fn answering(status: &str, body: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(vec![]));
        let (acceptor, kept) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&asked));
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: https://localhost:{}/elsewhere\r\ncontent-length: {}\r\n\r\n{body}",
            addr.port(),
            body.len()
        );
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust us goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    kept.lock().unwrap().push(String::new());
                    continue;
                };
                let mut head = vec![];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                kept.lock().unwrap().push(String::from_utf8(head).unwrap());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            addr,
            folder,
            asked,
            task,
        }
    }

    /// Where it is, for a policy.
    pub(crate) fn check(&self) -> OnlineCheck {
        OnlineCheck {
            url: RangeUrl::parse(&self.url()).unwrap(),
            allowed_count: 0,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Somebody who trusts it and may call machines nearby.
    pub(crate) fn client(&self) -> Leaks {
        client(Neighbours::Allowed, Some(&self.ca_file()))
    }

    /// The heads of the requests, in order; empty ones are of clients that did not trust the certificate.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Ranges {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn client(neighbours: Neighbours, ca_file: Option<&Path>) -> Leaks {
    Leaks::open(LeakSettings {
        neighbours,
        ca_file: ca_file.map(Path::to_owned),
        ..LeakSettings::default()
    })
    .unwrap()
}
