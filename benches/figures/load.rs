//! A load generator: so many keep-alive connections that each send their next request when an answer has come.
//!
//! One thread of its own, whatever it drives, so that a server and its limit stand under the same load. It reads what
//! it needs of an answer (status and `Content-Length`) and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Interval;

use crate::stats::Times;

/// How hard and how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Connections at once.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) time: Duration,
    /// The pause of each connection from one request to the next; none for as fast as it goes.
    pub(crate) every: Option<Duration>,
}

/// What came back.
#[derive(Default)]
pub(crate) struct Answers {
    /// Answers a second.
    pub(crate) rate: f64,
    /// From the first byte sent to the last byte received.
    pub(crate) times: Times,
    /// How many of each status.
    pub(crate) statuses: BTreeMap<u16, u64>,
}

impl Answers {
    /// Whether every answer was a good one; anything else measures nothing.
    pub(crate) fn expect_all(&self, status: u16) {
        assert!(
            self.statuses.keys().all(|got| *got == status) && !self.statuses.is_empty(),
            "every answer should be {status}: {:?}",
            self.statuses
        );
    }
}

/// Sends requests round and round.
pub(crate) fn drive(addr: SocketAddr, requests: &Arc<Vec<Vec<u8>>>, load: Load) -> Answers {
    let requests = Arc::clone(requests);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        runtime.block_on(all(addr, &requests, load))
    })
    .join()
    .expect("the load generator does not panic")
}

async fn all(addr: SocketAddr, requests: &Arc<Vec<Vec<u8>>>, load: Load) -> Answers {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        clients.push(Client::connect(addr).await.expect("the server accepts"));
    }
    let began = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, client)| {
            let pace = load.every.map(|every| {
                let offset = every * number as u32 / load.connections as u32;
                tokio::time::interval_at(tokio::time::Instant::now() + offset, every)
            });
            tokio::spawn(one(
                client,
                Arc::clone(requests),
                Arc::clone(&next),
                pace,
                began + load.time,
            ))
        })
        .collect();
    let mut answers = Answers::default();
    for task in tasks {
        let (times, statuses) = task.await.expect("a connection does not panic");
        answers.times.extend(times);
        for (status, count) in statuses {
            *answers.statuses.entry(status).or_insert(0) += count;
        }
    }
    answers.rate = answers.times.len() as f64 / began.elapsed().as_secs_f64();
    answers
}

async fn one(
    mut client: Client,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    mut pace: Option<Interval>,
    end: Instant,
) -> (Times, BTreeMap<u16, u64>) {
    let (mut times, mut statuses) = (Times::default(), BTreeMap::new());
    while Instant::now() < end {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
        let sent = Instant::now();
        let status = client.ask(request).await.expect("the server answers");
        times.push(sent.elapsed());
        *statuses.entry(status).or_insert(0) += 1;
    }
    (times, statuses)
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    heard: Vec<u8>,
    head_len: usize,
}

impl Client {
    /// Connects without delays.
    pub(crate) async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            heard: Vec::with_capacity(4_096),
            head_len: 0,
        })
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.heard.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, head_len, body_len)) = head_of(&self.heard)
                && self.heard.len() >= head_len + body_len
            {
                self.head_len = head_len;
                return Ok(status);
            }
        }
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.heard[self.head_len..]
    }
}

/// Status, bytes of the head and bytes of the body, once the head is there.
fn head_of(heard: &[u8]) -> Option<(u16, usize, usize)> {
    const LENGTH: &[u8] = b"content-length:";
    let head_len = memchr::memmem::find(heard, b"\r\n\r\n")? + 4;
    let status = std::str::from_utf8(heard.get(9..12)?).ok()?.parse().ok()?;
    let length = heard[..head_len]
        .split(|byte| *byte == b'\n')
        .find(|line| line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH))?;
    let length = std::str::from_utf8(&length[LENGTH.len()..])
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some((status, head_len, length))
}
