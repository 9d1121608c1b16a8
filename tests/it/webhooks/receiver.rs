//! A receiver of events on loopback: answers as it is told, and keeps what it got.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Which of the signatures are by a secret: as Standard Webhooks has receivers check them.
    pub(super) fn signed_by(&self, secret: &str) -> Vec<bool> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signatures = self.header("webhook-signature").split(' ');
        signatures
            .map(|signature| {
                let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
                let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
                mac.update(self.id().as_bytes());
                mac.update(b".");
                mac.update(self.header("webhook-timestamp").as_bytes());
                mac.update(b".");
                mac.update(&self.body);
                mac.verify_slice(&tag).is_ok()
            })
            .collect()
    }
}

#[derive(Default)]
struct Behaviour {
    /// Answers to come, each once: status line and further fields.
    script: VecDeque<String>,
    /// The answer behind them.
    then: String,
    got: Vec<Got>,
}

/// The receiver; it stops when it is dropped.
pub(super) struct Receiver {
    addr: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    running: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour {
            then: "204 No Content".to_owned(),
            ..Behaviour::default()
        }));
        let shared = Arc::clone(&behaviour);
        let addr = listener.local_addr().unwrap();
        let running = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(socket, Arc::clone(&shared)));
            }
        });
        Self {
            addr,
            behaviour,
            running,
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/in?shop=1", self.addr)
    }

    /// Answers so once, behind what it was told before.
    pub(super) fn answers_once(&self, status: &str) {
        self.behaviour.lock().unwrap().script.push_back(status.to_owned());
    }

    /// Answers so from now on.
    pub(super) fn answers(&self, status: &str) {
        status.clone_into(&mut self.behaviour.lock().unwrap().then);
    }

    /// Everything that it got so far.
    pub(super) fn got(&self) -> Vec<Got> {
        self.behaviour.lock().unwrap().got.clone()
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        self.got().iter().map(Got::kind).collect()
    }
}

async fn answer(mut socket: TcpStream, behaviour: Arc<Mutex<Behaviour>>) -> Option<()> {
    let mut bytes = vec![];
    let mut part = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let read = socket.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
    while bytes.len() < head + length {
        let read = socket.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
    }
    let status = {
        let mut behaviour = behaviour.lock().unwrap();
        behaviour.got.push(Got {
            path,
            headers,
            body: bytes[head..].to_vec(),
        });
        let scripted = behaviour.script.pop_front();
        scripted.unwrap_or_else(|| behaviour.then.clone())
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    socket.write_all(answer.as_bytes()).await.ok()
}
