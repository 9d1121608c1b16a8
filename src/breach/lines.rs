//! Lists as they are downloaded: lines of hashes with counts, or of passwords, read in bounded memory.

use std::io::{self, BufRead, Read as _};

use unicode_normalization::UnicodeNormalization as _;

use super::LeakedHash;
use super::import::{ImportFault, Source};

/// Bytes of a line; no password and no hash with its count has more.
const LINE_BYTES_MAX: usize = 4_096;
const HASH_DIGITS: usize = 40;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A list, line by line.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    pub(super) number: u64,
    pub(super) bytes: u64,
}

/// What a line says.
pub(super) enum Entry {
    /// A password's hash.
    Hash(LeakedHash),
    /// A hash whose count is below the least, or an empty line.
    Left,
    /// Something that no password can be: not UTF-8, or too long.
    NoPassword,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::with_capacity(LINE_BYTES_MAX + 1),
            number: 0,
            bytes: 0,
        }
    }

    /// The next line's entry; none at the end.
    pub(super) fn next(&mut self, source: Source, min_count: u64) -> Result<Option<Entry>, ImportFault> {
        let Some(length) = self.read().map_err(ImportFault::Input)? else {
            return Ok(None);
        };
        if length == Length::TooLong {
            return match source {
                Source::Passwords => Ok(Some(Entry::NoPassword)),
                Source::Hashes => Err(self.unreadable("it has more than 4,096 bytes")),
            };
        }
        let mut line = self.line.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(Some(Entry::Left));
        }
        match source {
            Source::Passwords => Ok(Some(password(line))),
            Source::Hashes => match hash(line, min_count) {
                Ok(entry) => Ok(Some(entry)),
                Err(problem) => Err(self.unreadable(problem)),
            },
        }
    }

    fn unreadable(&self, problem: &'static str) -> ImportFault {
        ImportFault::Line {
            number: self.number,
            problem,
        }
    }

    /// Reads one line into `self.line`, or passes over one that is too long.
    fn read(&mut self) -> io::Result<Option<Length>> {
        let mut length = Length::Whole;
        loop {
            self.line.clear();
            let most = LINE_BYTES_MAX as u64 + 1;
            let read = (&mut self.input).take(most).read_until(b'\n', &mut self.line)?;
            if read == 0 && length == Length::Whole {
                return Ok(None);
            }
            self.bytes += read as u64;
            if read == 0 || self.line.ends_with(b"\n") || read <= LINE_BYTES_MAX {
                self.number += 1;
                return Ok(Some(length));
            }
            length = Length::TooLong;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Whole,
    TooLong,
}

fn password(line: &[u8]) -> Entry {
    match str::from_utf8(line) {
        Ok(text) if text.is_ascii() => Entry::Hash(LeakedHash::of(text)),
        Ok(text) => Entry::Hash(LeakedHash::of(&text.nfc().collect::<String>())),
        Err(_) => Entry::NoPassword,
    }
}

fn hash(line: &[u8], min_count: u64) -> Result<Entry, &'static str> {
    let (digits, count) = line.split_at(line.len().min(HASH_DIGITS));
    let hash =
        LeakedHash::from_hex(digits).ok_or("it does not start with a SHA-1 of 40 hexadecimal digits")?;
    let count = match count {
        [] if min_count == 0 => return Ok(Entry::Hash(hash)),
        [] => return Err("it has no count, which --min-count needs"),
        [b':', digits @ ..] => parse_count(digits),
        _ => None,
    };
    let count = count.ok_or("behind the hash stands something else than `:` and a count")?;
    Ok(if count < min_count {
        Entry::Left
    } else {
        Entry::Hash(hash)
    })
}

/// Padding has the count 0; spaces at the end mean nothing.
fn parse_count(digits: &[u8]) -> Option<u64> {
    let digits = digits.trim_ascii_end();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok()?.parse().ok().filter(|_| plain)
}
