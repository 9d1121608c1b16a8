//! The answering side: the socket of the running server.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::clerk::Clerk;
use super::request::{Answer, Request};
use super::socket::{self, SOCKET_FILE};
use crate::cli::exit::Failure;

/// Bytes of a request, at most.
const REQUEST_BYTES_MAX: u64 = 64 << 10;
/// How long a client may take for its request, and to take its answer.
const TALK_TIME_MAX: Duration = Duration::from_secs(10);
/// Clients at one time; more wait.
const CLIENTS_MAX: usize = 16;

/// The open socket.
pub(in crate::cli) struct ControlServer {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    listening: JoinHandle<()>,
}

impl ControlServer {
    /// Opens the socket. The caller holds the ledger, so that one which is there already belongs to nobody.
    pub(in crate::cli) fn open(data: &Path, clerk: Clerk) -> Result<Self, Failure> {
        let path = data.join(SOCKET_FILE);
        let trouble = |error: io::Error| {
            Failure::unavailable(format!("the socket {} cannot be made: {error}", path.display())).remedy(
                "the data directory must be on a local disk, and must belong to the user of the server",
            )
        };
        remove_stale(&path).map_err(trouble)?;
        let reachable = socket::reach(data).map_err(trouble)?;
        let listener = UnixListener::bind(&reachable.path).map_err(trouble)?;
        // Whoever connected in between is looked at all the same: the peer must be of our user, or root.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(trouble)?;
        let (stop, stopped) = oneshot::channel();
        let listening = tokio::spawn(listen(listener, Arc::new(clerk), stopped));
        Ok(Self {
            path,
            stop,
            listening,
        })
    }

    /// Takes no more clients, lets running requests finish shortly, and removes the socket.
    pub(in crate::cli) async fn close(self) {
        let Self {
            path,
            stop,
            listening,
        } = self;
        drop(stop);
        if let Err(error) = listening.await {
            tracing::error!(%error, "the control socket ended by a bug");
        }
        if let Err(error) = remove_stale(&path) {
            tracing::warn!(%error, "the control socket could not be removed");
        }
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something else has that name",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

async fn listen(listener: UnixListener, clerk: Arc<Clerk>, mut stopped: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    // Dropped when nobody new is taken in: those who follow have no end of their own.
    let (running, stopping) = watch::channel(());
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            _ = &mut stopped => break,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let (clerk, stopping) = (Arc::clone(&clerk), stopping.clone());
                    clients.spawn(async move {
                        let _place = place;
                        // A client that went away, or stalls, has no use for more.
                        let _ = attend(stream, &clerk, stopping).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot accept");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            },
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
        }
    }
    drop((listener, running));
    let finish = async { while clients.join_next().await.is_some() {} };
    // What still runs after that, such as a check of the whole ledger, is asked again by the person.
    let _ = timeout(Duration::from_secs(3), finish).await;
    clients.shutdown().await;
}

/// Comes to an answer; how far long work is goes out meanwhile.
async fn answer(request: Request, clerk: &Clerk, writing: &mut OwnedWriteHalf) -> io::Result<Answer> {
    let (told, mut heard) = mpsc::channel(1);
    // What nobody has time for is left out: the next one says more.
    let answering = clerk.answer(request, Box::new(move |row| drop(told.try_send(row))));
    tokio::pin!(answering);
    loop {
        tokio::select! {
            answer = &mut answering => return Ok(answer),
            Some(row) = heard.recv() => write_line(writing, &Answer::Progress(row)).await?,
        }
    }
}

async fn write_line(writing: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(TALK_TIME_MAX, writing.write_all(&line)).await?
}

/// Answers one request.
async fn attend(stream: UnixStream, clerk: &Clerk, mut stopping: watch::Receiver<()>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        tracing::warn!(peer, "another user was turned away from the control socket");
        return Ok(());
    }
    let (reading, mut writing) = stream.into_split();
    let mut line = Vec::new();
    let mut reading = BufReader::new(reading).take(REQUEST_BYTES_MAX);
    timeout(TALK_TIME_MAX, reading.read_until(b'\n', &mut line)).await??;
    if line.last() != Some(&b'\n') {
        return Ok(());
    }
    let answer = match serde_json::from_slice::<Request>(&line) {
        Ok(Request::Follow(form)) => match clerk.follow(form).await {
            Ok(following) => {
                return following.tell(&mut reading, &mut writing, &mut stopping).await;
            }
            Err(failure) => Answer::Failed(failure),
        },
        Ok(request) => answer(request, clerk, &mut writing).await?,
        Err(_) => Answer::Failed(
            Failure::unavailable("the running server does not know this request: it is of another version")
                .remedy("run the program that the server was started from, or start the server again"),
        ),
    };
    write_line(&mut writing, &answer).await?;
    writing.shutdown().await
}
