//! The bytes of a part.
//!
//! A file is `KLBACKUP`, a version byte (1), and blocks:
//!
//! | bytes | field | |
//! |---|---|---|
//! | 1 | kind | 1 header, 2 frames, 3 keys, 4 end |
//! | 4 | length | of the body, at most 256 KiB |
//! | n | body | |
//! | 32 | check | BLAKE3(domain ‖ check of the block before, zeros for the first ‖ kind ‖ length ‖ body) |
//!
//! One header comes first, then frames, then keys, then one end, and nothing after it. All numbers are big-endian.
//!
//! | block | body |
//! |---|---|
//! | header | ledger id 16 ‖ first position 8 ‖ chain before 32 ‖ next position 8 ‖ chain after 32 ‖ time 8 (µs, signed) ‖ key scope 1 (1 all, 2 changes) |
//! | frames | frames as the ledger stores them (`frame.rs`), each behind its length u16 |
//! | keys | data key id 17 ‖ length u16 ‖ wrapped key; length 0: the key is gone. Ascending by id |
//! | end | frames u64 ‖ records u64 ‖ key entries u64 ‖ keys of the ledger u64 ‖ digest of those keys 32 |

use std::io::{self, Write};

use super::super::frame::MAX_FRAME;
use super::super::keys::MAX_DATA_KEY;
use super::super::record::field;
use super::super::store::{Head, LedgerId};
use super::keys::KeySetDigest;
use crate::types::{DataKeyId, Position, Timestamp};

pub(super) const MAGIC: &[u8; 9] = b"KLBACKUP\x01";
/// The longest body of a block: what reading a part holds in memory.
pub(super) const BODY_MAX: usize = 256 << 10;
/// Bytes of kind and length.
pub(super) const LEAD_LEN: usize = 5;
pub(super) const CHECK_LEN: usize = 32;
const CHECK_DOMAIN: &[u8; 25] = b"keyledger/backup-block/v1";
const HEADER_LEN: usize = 16 + 8 + 32 + 8 + 32 + 8 + 1;
const END_LEN: usize = 8 + 8 + 8 + 8 + 32;

/// The kinds of blocks, in the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum BlockKind {
    Header = 1,
    Frames = 2,
    Keys = 3,
    End = 4,
}

impl BlockKind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Header, Self::Frames, Self::Keys, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Which data keys a part holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyScope {
    /// All that the ledger had.
    All,
    /// Those that are new, changed or gone since the part before.
    Changes,
}

/// What a part says about itself first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartHeader {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Where its frames begin.
    pub from: Head,
    /// Where they end.
    pub to: Head,
    /// When it was made.
    pub at: Timestamp,
    /// Which keys it holds.
    pub keys: KeyScope,
}

/// What a part says about itself last: what was counted while it was written, and while it was proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartSummary {
    /// Frames in it.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Data keys, and notes of keys that are gone.
    pub key_entries: u64,
    /// All keys of the ledger then, those of earlier parts too.
    pub key_set: KeySetDigest,
}

impl PartHeader {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&self.ledger);
        for head in [self.from, self.to] {
            out.extend_from_slice(&head.next.0.to_be_bytes());
            out.extend_from_slice(&head.chain);
        }
        out.extend_from_slice(&self.at.0.to_be_bytes());
        out.push(match self.keys {
            KeyScope::All => 1,
            KeyScope::Changes => 2,
        });
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != HEADER_LEN {
            return None;
        }
        let head = |at| Head {
            next: Position(u64::from_be_bytes(field(bytes, at))),
            chain: field(bytes, at + 8),
        };
        let header = Self {
            ledger: field(bytes, 0),
            from: head(16),
            to: head(56),
            at: Timestamp(i64::from_be_bytes(field(bytes, 96))),
            keys: match bytes[104] {
                1 => KeyScope::All,
                2 => KeyScope::Changes,
                _ => return None,
            },
        };
        (header.from.next <= header.to.next).then_some(header)
    }
}

impl PartSummary {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(END_LEN);
        for count in [self.frames, self.records, self.key_entries, self.key_set.count] {
            out.extend_from_slice(&count.to_be_bytes());
        }
        out.extend_from_slice(&self.key_set.digest);
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != END_LEN {
            return None;
        }
        let count = |at| u64::from_be_bytes(field(bytes, at));
        Some(Self {
            frames: count(0),
            records: count(8),
            key_entries: count(16),
            key_set: KeySetDigest {
                count: count(24),
                digest: field(bytes, 32),
            },
        })
    }
}

/// The check value of a block.
pub(super) fn check(before: &[u8; CHECK_LEN], lead: [u8; LEAD_LEN], body: &[u8]) -> [u8; CHECK_LEN] {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(CHECK_DOMAIN)
        .update(before)
        .update(&lead)
        .update(body);
    *hasher.finalize().as_bytes()
}

/// The kind and length of a block, as they are written.
pub(super) fn lead(kind: BlockKind, body: &[u8]) -> [u8; LEAD_LEN] {
    let length = u32::try_from(body.len()).expect("a body has at most 256 KiB");
    let mut out = [kind as u8; LEAD_LEN];
    out[1..].copy_from_slice(&length.to_be_bytes());
    out
}

/// Writes blocks, each bound to the one before.
pub(super) struct BlockWriter<W> {
    out: W,
    before: [u8; CHECK_LEN],
    /// Bytes written so far.
    pub(super) bytes: u64,
    kind: BlockKind,
    body: Vec<u8>,
}

impl<W: Write> BlockWriter<W> {
    /// Begins a part.
    pub(super) fn begin(mut out: W, header: &PartHeader) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let mut writer = Self {
            out,
            before: [0; CHECK_LEN],
            bytes: MAGIC.len() as u64,
            kind: BlockKind::Header,
            body: Vec::with_capacity(BODY_MAX),
        };
        writer.body.extend_from_slice(&header.to_bytes());
        Ok(writer)
    }

    /// Adds a frame as the ledger stores it.
    pub(super) fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.room(BlockKind::Frames, 2 + MAX_FRAME)?;
        let length = u16::try_from(bytes.len()).expect("a frame has at most 4 KiB");
        self.body.extend_from_slice(&length.to_be_bytes());
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds a wrapped data key, or that it is gone.
    pub(super) fn key(&mut self, id: DataKeyId, wrapped: Option<&[u8]>) -> io::Result<()> {
        self.room(BlockKind::Keys, DataKeyId::LEN + 2 + MAX_DATA_KEY)?;
        let wrapped = wrapped.unwrap_or_default();
        let length = u16::try_from(wrapped.len()).expect("a wrapped key has at most 256 bytes");
        self.body.extend_from_slice(&id.to_bytes());
        self.body.extend_from_slice(&length.to_be_bytes());
        self.body.extend_from_slice(wrapped);
        Ok(())
    }

    /// Ends the part, and gives back what it was written to.
    pub(super) fn end(mut self, summary: &PartSummary) -> io::Result<(W, u64)> {
        self.room(BlockKind::End, END_LEN)?;
        self.body.extend_from_slice(&summary.to_bytes());
        self.flush_block()?;
        self.out.flush()?;
        Ok((self.out, self.bytes))
    }

    /// Sees that the next entry fits into the open block, and that the block is of its kind.
    fn room(&mut self, kind: BlockKind, length: usize) -> io::Result<()> {
        if self.kind != kind || self.body.len() + length > BODY_MAX {
            self.flush_block()?;
            self.kind = kind;
        }
        Ok(())
    }

    fn flush_block(&mut self) -> io::Result<()> {
        let lead = lead(self.kind, &self.body);
        self.before = check(&self.before, lead, &self.body);
        self.out.write_all(&lead)?;
        self.out.write_all(&self.body)?;
        self.out.write_all(&self.before)?;
        self.bytes += (LEAD_LEN + self.body.len() + CHECK_LEN) as u64;
        self.body.clear();
        Ok(())
    }
}
