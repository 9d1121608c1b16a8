//! A small HTTP/1.1 client: one request a connection, everything bounded. For the demo and the tests, which must not
//! share code with the server that they look at.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one exchange may take.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Bytes that an answer may have.
const BYTES_MAX: u64 = 8 << 20;

/// An answer, as it arrived.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header field of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends one request and reads its answer. `headers` come beside `Host`, `Content-Length` and `Connection`.
pub async fn exchange(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        if [name, value].iter().any(|text| text.contains(['\r', '\n'])) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a header field with a line break",
            ));
        }
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() || method == "POST" {
        let length = body.len().to_string();
        head.extend(["Content-Length: ", &length, "\r\n"]);
    }
    head.push_str("\r\n");
    let exchanged = timeout(TIME_MAX, async {
        let mut socket = TcpStream::connect(addr).await?;
        socket.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut bytes = Vec::new();
        socket.take(BYTES_MAX).read_to_end(&mut bytes).await?;
        read(&bytes)
    });
    exchanged
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn read(bytes: &[u8]) -> io::Result<Answer> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer");
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(malformed)?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed())?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or_else(malformed)?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    };
    if answer.header("transfer-encoding").is_some() {
        answer.body = joined(&answer.body).ok_or_else(malformed)?;
    }
    Ok(answer)
}

/// Joins the chunks of a body whose length was not known when it began (RFC 9112 §7.1).
fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return (chunks[end..] == *b"\r\n\r\n").then_some(body);
        }
        let (chunk, rest) = chunks[end + 2..].split_at_checked(length)?;
        body.extend_from_slice(chunk);
        chunks = rest.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_arrived() {
        let answer = read(b"HTTP/1.1 404 Not Found\r\nX-A: b: c\r\n\r\n{\"code\":1}").unwrap();
        assert_eq!((answer.status, answer.header("x-a")), (404, Some("b: c")));
        assert_eq!(answer.json()["code"], 1);
        assert!(read(b"HTTP/1.1 200 OK\r\n").is_err());
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = format!("{chunked}3\r\none\r\na\r\n, two, end\r\n0\r\n\r\n");
        assert_eq!(read(whole.as_bytes()).unwrap().body, b"one, two, end");
        for cut in [2, 8, 12] {
            assert!(read(&whole.as_bytes()[..whole.len() - cut]).is_err(), "{cut}");
        }
    }
}
