//! A small receiving SMTP server for the demo, the tests and the benches: it keeps what it gets, and fails on request.
//!
//! It listens on loopback only, on a port that the system picks, and everything in it is bounded: connections, line
//! and message sizes, waiting times and what it keeps (the oldest mails give way). RFC 5321 with SIZE (1870),
//! 8BITMIME (6152), PIPELINING (2920), SMTPUTF8 (6531), STARTTLS (3207), implicit TLS (8314) and AUTH (4954).

mod behaviour;
mod conversation;
mod received;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use behaviour::{Fault, SinkBehaviour, SinkTls, Step};
pub use received::ReceivedMail;

/// Conversations at one time; further clients are told 421.
const CONNECTIONS_MAX: usize = 256;

/// A mail that was waited for did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("waited {limit:?} for mail number {wanted}, but only {received} came")]
pub struct NoMail {
    /// How many mails were to have come by then.
    pub wanted: u64,
    /// How many had.
    pub received: u64,
    /// How long the wait was.
    pub limit: Duration,
}

/// A running sink; dropping it ends it.
pub struct Sink {
    addr: SocketAddr,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Running {
    // Never sent: its end tells the accept loop to stop.
    stop: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Sink {
    /// Starts on 127.0.0.1 at a port that the system picks.
    pub async fn start(behaviour: SinkBehaviour) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), behaviour).await
    }

    /// Starts at a given loopback address, so that a server can go away and come back at the same port.
    ///
    /// Any other address is refused with `InvalidInput`: this server takes mail from everyone.
    pub async fn start_at(addr: SocketAddr, behaviour: SinkBehaviour) -> io::Result<Self> {
        if !addr.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the sink listens on loopback only, such as 127.0.0.1",
            ));
        }
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(behaviour));
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self {
            addr,
            shared,
            running: Mutex::new(Some(Running { stop, accepting })),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Gives the sink another behaviour: faults count at once, TLS, credentials and limits from the next connection.
    pub fn set_behaviour(&self, behaviour: SinkBehaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// Adds a fault to the present behaviour.
    pub fn add_fault(&self, fault: Fault) {
        lock(&self.shared.behaviour).faults.push(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.behaviour).faults.clear();
    }

    /// How many connections were made to it so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many mails it received so far, those that gave way included.
    pub fn received(&self) -> u64 {
        lock(&self.shared.inbox).total()
    }

    /// The mails it keeps, oldest first.
    pub fn mails(&self) -> Vec<Arc<ReceivedMail>> {
        lock(&self.shared.inbox).kept.iter().cloned().collect()
    }

    /// The next mail that this method has not yet given out, as soon as it is there.
    pub async fn next_mail(&self, limit: Duration) -> Result<Arc<ReceivedMail>, NoMail> {
        let next = async {
            let mut arrived = self.shared.arrived.subscribe();
            loop {
                arrived.mark_unchanged();
                if let Some(mail) = lock(&self.shared.inbox).next() {
                    return mail;
                }
                // The sender lives in `shared`, which `self` holds: this waits.
                let _ = arrived.changed().await;
            }
        };
        tokio::time::timeout(limit, next).await.map_err(|_| {
            let inbox = lock(&self.shared.inbox);
            NoMail {
                wanted: inbox.given + 1,
                received: inbox.total(),
                limit,
            }
        })
    }

    /// Waits until `count` mails in all have been received, and gives those that are kept.
    pub async fn wait_for(&self, count: u64, limit: Duration) -> Result<Vec<Arc<ReceivedMail>>, NoMail> {
        let mut arrived = self.shared.arrived.subscribe();
        let enough = tokio::time::timeout(limit, arrived.wait_for(|total| *total >= count)).await;
        if matches!(enough, Ok(Ok(_))) {
            Ok(self.mails())
        } else {
            Err(NoMail {
                wanted: count,
                received: self.received(),
                limit,
            })
        }
    }

    /// Closes the port and ends all conversations; what was received stays readable.
    pub async fn stop(&self) {
        let running = lock(&self.running).take();
        if let Some(Running { stop, accepting }) = running {
            drop(stop);
            let _ = accepting.await;
        }
    }
}

/// What the conversations and the handle share.
pub(super) struct Shared {
    pub(super) behaviour: Mutex<SinkBehaviour>,
    inbox: Mutex<Inbox>,
    arrived: watch::Sender<u64>,
    connections: AtomicU64,
}

impl Shared {
    fn new(behaviour: SinkBehaviour) -> Self {
        Self {
            behaviour: Mutex::new(behaviour),
            inbox: Mutex::new(Inbox::default()),
            arrived: watch::Sender::new(0),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn keep(&self, mail: ReceivedMail) {
        let (mails_max, bytes_max) = {
            let behaviour = lock(&self.behaviour);
            (behaviour.kept_mails_max, behaviour.kept_bytes_max)
        };
        let total = {
            let mut inbox = lock(&self.inbox);
            inbox.push(mail, mails_max, bytes_max);
            inbox.total()
        };
        self.arrived.send_modify(|known| *known = total.max(*known));
    }
}

#[derive(Default)]
struct Inbox {
    kept: VecDeque<Arc<ReceivedMail>>,
    bytes: usize,
    // Mails that gave way to younger ones.
    gone: u64,
    // How far `next_mail` is, counted from the first mail ever.
    given: u64,
}

impl Inbox {
    fn total(&self) -> u64 {
        self.gone + self.kept.len() as u64
    }

    fn push(&mut self, mail: ReceivedMail, mails_max: usize, bytes_max: usize) {
        self.bytes += mail.raw.len();
        self.kept.push_back(Arc::new(mail));
        while self.kept.len() > 1 && (self.kept.len() > mails_max || self.bytes > bytes_max) {
            if let Some(oldest) = self.kept.pop_front() {
                self.bytes -= oldest.raw.len();
                self.gone += 1;
            }
        }
    }

    fn next(&mut self) -> Option<Arc<ReceivedMail>> {
        let at = self.given.max(self.gone);
        let mail = self.kept.get(usize::try_from(at - self.gone).ok()?)?;
        self.given = at + 1;
        Some(Arc::clone(mail))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics between a change and its end, so that a poisoned lock still guards whole values.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    if conversations.len() < CONNECTIONS_MAX {
                        conversations.spawn(conversation::converse(stream, Arc::clone(&shared)));
                    } else {
                        turn_away(&stream);
                    }
                }
                // Out of descriptors, as a rule: it passes when conversations end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = conversations.join_next(), if !conversations.is_empty() => {}
        }
    }
    drop(listener);
    conversations.shutdown().await;
}

fn turn_away(stream: &TcpStream) {
    // It matters to nobody here whether the client could read this.
    let _ = stream.try_write(b"421 4.3.2 Too many connections, try again later\r\n");
}

#[cfg(test)]
mod tests;
