//! Lines over a connection, clear or TLS, with a bound on their length and on the silence between bytes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) struct Wire {
    reader: BufReader<Box<dyn Duplex>>,
    idle: Duration,
}

/// A line as it came, its ending included; cut to the limit if it was longer.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) too_long: bool,
    pub(super) ends_with_crlf: bool,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Duplex>, idle: Duration) -> Self {
        Self {
            reader: BufReader::new(stream),
            idle,
        }
    }

    /// The stream below, and whether bytes were already read from it that nobody has looked at.
    pub(super) fn into_stream(self) -> (Box<dyn Duplex>, bool) {
        let ahead = !self.reader.buffer().is_empty();
        (self.reader.into_inner(), ahead)
    }

    /// The next line, or `None` at the end of the connection.
    pub(super) async fn line(&mut self, bytes_max: usize) -> io::Result<Option<Line>> {
        let mut line = Line {
            bytes: Vec::new(),
            too_long: false,
            ends_with_crlf: false,
        };
        let mut last = 0;
        loop {
            let chunk = timeout(self.idle, self.reader.fill_buf())
                .await
                .map_err(|_| idle_for_too_long())??;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(chunk.len(), |at| at + 1);
            let room = bytes_max.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&chunk[..taken.min(room)]);
            line.too_long |= taken > room;
            if end.is_some() {
                line.ends_with_crlf = if taken > 1 {
                    chunk[taken - 2] == b'\r'
                } else {
                    last == b'\r'
                };
            }
            last = chunk[taken - 1];
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }

    /// Sends an answer in one write; lines before the last are marked as RFC 5321 §4.2.1 says.
    pub(super) async fn say<T: AsRef<str>>(&mut self, status: u16, lines: &[T]) -> io::Result<()> {
        let mut answer = String::new();
        for (at, line) in lines.iter().enumerate() {
            let mark = if at + 1 == lines.len() { ' ' } else { '-' };
            answer.push_str(&status.to_string());
            answer.push(mark);
            answer.push_str(line.as_ref());
            answer.push_str("\r\n");
        }
        let sent = async {
            self.reader.write_all(answer.as_bytes()).await?;
            self.reader.flush().await
        };
        timeout(self.idle, sent).await.map_err(|_| idle_for_too_long())?
    }

    /// Ends the conversation in the orderly way, which TLS wants.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        timeout(self.idle, self.reader.shutdown())
            .await
            .map_err(|_| idle_for_too_long())?
    }

    /// Takes whatever comes and says nothing, until the client hangs up.
    pub(super) async fn be_silent(&mut self) {
        let mut ignored = [0; 4096];
        while matches!(self.reader.read(&mut ignored).await, Ok(read) if read > 0) {}
    }
}

fn idle_for_too_long() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client was silent for too long")
}
