//! A socket under hyper that watches the framing of requests and gives up on clients that stall.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::framing::Framing;

/// The number (from 1) of the first doubtful request of a connection, 0 for none: written below hyper, read above it.
pub(super) type Doubtful = Arc<AtomicU64>;

/// The socket of one connection.
pub(super) struct Wire {
    socket: TcpStream,
    framing: Framing,
    doubtful: Doubtful,
    head_time_max: Duration,
    write_time_max: Duration,
    head_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// A head must be complete `head_time_max` after its first byte (the first head: after the connection was
    /// accepted), and a client must take at least something within `write_time_max`.
    pub(super) fn new(
        socket: TcpStream,
        doubtful: Doubtful,
        head_time_max: Duration,
        write_time_max: Duration,
    ) -> Self {
        Self {
            socket,
            framing: Framing::new(),
            doubtful,
            head_time_max,
            write_time_max,
            head_timer: None,
            write_timer: None,
        }
    }

    /// Passes the result of a write on, unless the client has taken nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let limit = self.write_time_max;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.socket).poll_read(cx, buf) {
            read?;
            if let Some(number) = this.framing.feed(&buf.filled()[before..]) {
                // The first one counts: its connection ends with it.
                let _ = this
                    .doubtful
                    .compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
            }
            if !this.framing.within_head() {
                this.head_timer = None;
            }
            return Poll::Ready(Ok(()));
        }
        if this.framing.within_head() {
            let limit = this.head_time_max;
            let timer = this.head_timer.get_or_insert_with(|| Box::pin(sleep(limit)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
