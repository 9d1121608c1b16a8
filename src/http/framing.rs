//! Watches where requests begin and end in the bytes of a connection, to see what hyper repairs in silence.
//!
//! hyper drops `Content-Length` when `Transfer-Encoding` is there too, and all but one of several equal lengths. A proxy in
//! front may have chosen the other reading, so that the two disagree where the next request begins (request smuggling,
//! L-08, RFC 9112 §6.3). Everything else that is ambiguous (obs-fold, blanks before the colon, lists of lengths) hyper
//! refuses itself. After a request in chunks nothing more is watched, because its connection is closed with its answer.

/// Bytes of a header line that are kept: enough for the longest name and the longest length.
const LINE_MAX: usize = 64;

/// The place of one connection's byte stream, fed with what the socket gives.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    /// Heads that ended so far; the running number of a request on its connection, from 1.
    heads: u64,
    line: Vec<u8>,
    /// Length of the line, also of the part that was not kept.
    line_len: usize,
    /// Non-empty lines of this head that ended.
    lines: u32,
    lengths: u32,
    codings: u32,
    length: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Head,
    Body(u64),
    /// Cannot tell any more; the connection ends with this request.
    Unwatched,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Head,
            heads: 0,
            line: Vec::with_capacity(LINE_MAX),
            line_len: 0,
            lines: 0,
            lengths: 0,
            codings: 0,
            length: None,
        }
    }

    /// Takes the next bytes; says the number of the first request whose length has two readings.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Option<u64> {
        let mut doubtful = None;
        while !bytes.is_empty() {
            match self.place {
                Place::Unwatched => break,
                Place::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[here..];
                    let left = left - here as u64;
                    self.place = if left == 0 { Place::Head } else { Place::Body(left) };
                }
                Place::Head => {
                    let end = memchr::memchr(b'\n', bytes);
                    let part = &bytes[..end.unwrap_or(bytes.len())];
                    let room = LINE_MAX - self.line.len();
                    self.line.extend_from_slice(&part[..part.len().min(room)]);
                    self.line_len += part.len();
                    let Some(end) = end else { break };
                    bytes = &bytes[end + 1..];
                    if self.end_line() {
                        doubtful = doubtful.or(Some(self.heads));
                    }
                }
            }
        }
        doubtful
    }

    /// Whether a head has begun and not ended; so has the first one of a connection, from the start.
    pub(super) fn within_head(&self) -> bool {
        self.place == Place::Head && (self.heads == 0 || self.lines > 0 || self.line_len > 0)
    }

    /// Ends a line; true if it ended a head with two readings.
    fn end_line(&mut self) -> bool {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let blank = line.is_empty() && self.line_len <= 1;
        let mut doubtful = false;
        if blank && self.lines > 0 {
            doubtful = self.end_head();
        } else if !blank {
            if self.lines > 0 {
                match named(line) {
                    Some(Named::Length(text)) => {
                        self.lengths += 1;
                        self.length = std::str::from_utf8(text)
                            .ok()
                            .and_then(|text| text.trim().parse().ok());
                    }
                    Some(Named::Coding) => self.codings += 1,
                    None => {}
                }
            }
            self.lines += 1;
        }
        self.line.clear();
        self.line_len = 0;
        doubtful
    }

    fn end_head(&mut self) -> bool {
        self.heads += 1;
        let doubtful = self.lengths + self.codings > 1;
        self.place = match (self.codings, self.lengths, self.length) {
            (0, 0, _) | (0, 1, Some(0)) => Place::Head,
            (0, 1, Some(length)) => Place::Body(length),
            // In chunks, ambiguous, or a length that hyper cannot read either.
            (_, _, _) => Place::Unwatched,
        };
        self.lines = 0;
        self.lengths = 0;
        self.codings = 0;
        self.length = None;
        doubtful
    }
}

enum Named<'a> {
    Length(&'a [u8]),
    Coding,
}

/// The two fields that say where a body ends.
fn named(line: &[u8]) -> Option<Named<'_>> {
    let value_of = |name: &str| {
        let (start, value) = line.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    };
    match line.first()? {
        b'c' | b'C' => value_of("content-length:").map(Named::Length),
        b't' | b'T' => value_of("transfer-encoding:").map(|_| Named::Coding),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds whole and byte by byte; both must see the same.
    fn watch(bytes: &str) -> (Option<u64>, u64, bool) {
        let mut whole = Framing::new();
        let seen = whole.feed(bytes.as_bytes());
        let mut slow = Framing::new();
        let mut seen_slowly = None;
        for byte in bytes.as_bytes() {
            seen_slowly = seen_slowly.or(slow.feed(&[*byte]));
        }
        assert_eq!(
            (seen, whole.heads, whole.within_head()),
            (seen_slowly, slow.heads, slow.within_head())
        );
        (seen, whole.heads, whole.within_head())
    }

    #[test]
    fn requests_are_counted_across_bodies() {
        let text = "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n\r\n\r\nContent-Length: 1\r\n\r\n1234567GET / HTTP/1.1\n\nGET";
        assert_eq!(watch(text), (None, 2, true));
        assert_eq!(watch("GET / HTTP/1.1\r\n\r\n"), (None, 1, false));
        assert_eq!(watch(""), (None, 0, true));
    }

    #[test]
    fn l_08_two_readings_of_a_length_are_seen() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "transfer-encoding:chunked\r\nCONTENT-LENGTH:5",
            "Content-Length: 5\r\nX: y\r\ncontent-length: 5",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        ] {
            let text = format!("GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n{lines}\r\n\r\n");
            assert_eq!(watch(&text), (Some(2), 2, false), "{lines}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut framing = Framing::new();
        for _ in 0..1000 {
            framing.feed(&[b'a'; 1000]);
        }
        assert!(framing.line.capacity() <= 2 * LINE_MAX);
    }
}
