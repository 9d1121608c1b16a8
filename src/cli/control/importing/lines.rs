//! A file, a line at a time, however long its lines are.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Bytes of a line, at most; the largest that can be taken has about 1,500.
pub(super) const LINE_BYTES_MAX: usize = 8 << 10;

/// A line.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum LineRead {
    /// Without its end.
    Whole(Vec<u8>),
    /// Longer than a line may be; it was passed over.
    TooLong,
}

/// The lines of something.
pub(super) struct Lines<R> {
    from: R,
    bytes: u64,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, bytes: 0 }
    }

    /// Bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line; the last may lack its end.
    pub(super) async fn next(&mut self) -> io::Result<Option<LineRead>> {
        let (mut line, mut is_long, mut is_over) = (Vec::new(), false, false);
        let start = self.bytes;
        while !is_over {
            let there = self.from.fill_buf().await?;
            if there.is_empty() {
                break;
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = &there[..end.unwrap_or(there.len())];
            is_long = is_long || line.len() + part.len() > LINE_BYTES_MAX;
            if !is_long {
                line.extend_from_slice(part);
            }
            is_over = end.is_some();
            let taken = part.len() + usize::from(is_over);
            self.from.consume(taken);
            self.bytes += taken as u64;
        }
        if self.bytes == start {
            return Ok(None);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(if is_long {
            LineRead::TooLong
        } else {
            LineRead::Whole(line)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_long_ones_are_passed_over() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let text = format!("one\r\n\n{long}\ntwo");
        let mut lines = Lines::new(tokio::io::BufReader::with_capacity(7, text.as_bytes()));
        let whole = |text: &str| Some(LineRead::Whole(text.as_bytes().to_vec()));
        assert_eq!(lines.next().await.unwrap(), whole("one"));
        assert_eq!(lines.next().await.unwrap(), whole(""));
        assert_eq!(lines.next().await.unwrap(), Some(LineRead::TooLong));
        assert_eq!(lines.next().await.unwrap(), whole("two"));
        assert_eq!(lines.next().await.unwrap(), None);
        assert_eq!(lines.bytes(), text.len() as u64);
    }
}
