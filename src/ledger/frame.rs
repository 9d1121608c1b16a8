//! A frame: the records of one batch that lie together under one key, and the chain that binds them to all before.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 1 | magic | `K` |
//! | 1 | version | 1 |
//! | 4 | writer epoch | |
//! | 16 | batch id | the frames of one append share it |
//! | 8 | first position | equals the frame's key |
//! | 2 | count | at least 1 |
//! | 32 | chain | BLAKE3(domain ‖ chain of the frame before ‖ the 32 bytes above ‖ the rest below) |
//! | | count × (length u16 ‖ record) | |
//!
//! All numbers are big-endian; a frame has at most 4,096 bytes, because sled spills bigger pages into files that it
//! never syncs. The chain before the first frame is [`genesis`] of the ledger's id, so frames of another ledger never
//! fit.

use super::record::{MAX_RECORD, field};
use super::store::{Chain, LedgerId};
use crate::types::Position;

/// The longest frame.
pub const MAX_FRAME: usize = 4_096;
/// Bytes before the first record's length.
pub const HEADER_LEN: usize = 64;

const MAGIC: u8 = b'K';
const VERSION: u8 = 1;
/// The part of the header that the chain covers.
const CHAINED_LEN: usize = 32;
const LENGTH_LEN: usize = 2;
const CHAIN_DOMAIN: &[u8; 24] = b"keyledger/frame-chain/v1";
/// What is hashed of a full frame.
const CHAIN_INPUT_MAX: usize = CHAIN_DOMAIN.len() + 32 + CHAINED_LEN + MAX_FRAME - HEADER_LEN;
const GENESIS_DOMAIN: &[u8; 24] = b"keyledger/genesis/v1\0\0\0\0";

/// An encoded frame, ready to be stored under `first`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Position of its first record, and its key.
    pub first: Position,
    /// Position after its last record.
    pub next: Position,
    /// The chain up to and including this frame.
    pub chain: Chain,
    /// The stored value.
    pub bytes: Vec<u8>,
}

/// A decoded view of a stored frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRef<'a> {
    /// The writer's epoch.
    pub epoch: u32,
    /// The append that wrote it.
    pub batch: [u8; 16],
    /// Position of its first record.
    pub first: Position,
    /// Position after its last record.
    pub next: Position,
    /// The chain as the frame itself claims it; [`FrameRef::follows`] proves it.
    pub chain: Chain,
    /// The stored value, all of it.
    pub bytes: &'a [u8],
    chained: &'a [u8],
    body: &'a [u8],
}

/// Why bytes are not a frame, or records do not fit in one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameFault {
    /// Shorter than a header or longer than a frame.
    #[error("it has {0} bytes, a frame has {HEADER_LEN} to {MAX_FRAME}")]
    Size(usize),
    /// Not a frame at all.
    #[error("it does not begin like a frame")]
    Magic,
    /// Written by a newer program.
    #[error("its layout is version {0}, this program knows version {VERSION}: use the program that wrote it")]
    Version(u8),
    /// Count and content disagree.
    #[error("its records do not fill it exactly")]
    Records,
    /// A record is empty or longer than [`MAX_RECORD`].
    #[error("a record in it has {0} bytes, a record has 1 to {MAX_RECORD}")]
    RecordSize(usize),
    /// Positions would pass the end of `u64`.
    #[error("its positions overflow")]
    Positions,
}

/// The chain before the first frame of a ledger.
pub fn genesis(ledger: LedgerId) -> Chain {
    let mut hasher = blake3::Hasher::new();
    hasher.update(GENESIS_DOMAIN).update(&ledger);
    *hasher.finalize().as_bytes()
}

/// Cuts the records of one batch into as few frames as possible, chained onto `before`.
pub fn pack(
    epoch: u32,
    batch: [u8; 16],
    first: Position,
    before: Chain,
    records: &[impl AsRef<[u8]>],
) -> Result<Vec<Frame>, FrameFault> {
    let mut frames = Vec::new();
    let (mut first, mut before, mut rest) = (first, before, records);
    while !rest.is_empty() {
        let frame = fill(epoch, batch, first, before, &mut rest)?;
        first = frame.next;
        before = frame.chain;
        frames.push(frame);
    }
    Ok(frames)
}

/// Takes as many records from the front as one frame holds: filling each to the brim needs the fewest frames.
fn fill(
    epoch: u32,
    batch: [u8; 16],
    first: Position,
    before: Chain,
    records: &mut &[impl AsRef<[u8]>],
) -> Result<Frame, FrameFault> {
    let mut bytes = Vec::with_capacity(MAX_FRAME);
    bytes.extend_from_slice(&[MAGIC, VERSION]);
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&batch);
    bytes.extend_from_slice(&first.0.to_be_bytes());
    bytes.resize(HEADER_LEN, 0);
    let mut count: u16 = 0;
    for record in *records {
        let record = record.as_ref();
        if record.is_empty() || record.len() > MAX_RECORD {
            return Err(FrameFault::RecordSize(record.len()));
        }
        if bytes.len() + LENGTH_LEN + record.len() > MAX_FRAME {
            break;
        }
        let length = u16::try_from(record.len()).expect("a record has at most 3,800 bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(record);
        count += 1;
    }
    *records = &records[usize::from(count)..];
    let next = first
        .0
        .checked_add(u64::from(count))
        .ok_or(FrameFault::Positions)?;
    bytes[CHAINED_LEN - 2..CHAINED_LEN].copy_from_slice(&count.to_be_bytes());
    let chain = chain(&before, &bytes[..CHAINED_LEN], &bytes[HEADER_LEN..]);
    bytes[CHAINED_LEN..HEADER_LEN].copy_from_slice(&chain);
    Ok(Frame {
        first,
        next: Position(next),
        chain,
        bytes,
    })
}

fn chain(before: &Chain, chained: &[u8], body: &[u8]) -> Chain {
    // In one piece: BLAKE3 takes the parts of some kilobytes side by side, but not when they come one after the other.
    let mut bytes = [0; CHAIN_INPUT_MAX];
    let mut end = 0;
    for part in [CHAIN_DOMAIN.as_slice(), before, chained, body] {
        bytes[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    *blake3::hash(&bytes[..end]).as_bytes()
}

impl<'a> FrameRef<'a> {
    /// Reads a frame; refuses everything that [`pack`] never writes. The chain is not proven yet.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameFault> {
        if bytes.len() < HEADER_LEN || bytes.len() > MAX_FRAME {
            return Err(FrameFault::Size(bytes.len()));
        }
        if bytes[0] != MAGIC {
            return Err(FrameFault::Magic);
        }
        if bytes[1] != VERSION {
            return Err(FrameFault::Version(bytes[1]));
        }
        let first = u64::from_be_bytes(field(bytes, 22));
        let count = u16::from_be_bytes(field(bytes, 30));
        let next = first.checked_add(u64::from(count)).ok_or(FrameFault::Positions)?;
        let frame = Self {
            epoch: u32::from_be_bytes(field(bytes, 2)),
            batch: field(bytes, 6),
            first: Position(first),
            next: Position(next),
            chain: field(bytes, CHAINED_LEN),
            bytes,
            chained: &bytes[..CHAINED_LEN],
            body: &bytes[HEADER_LEN..],
        };
        frame.check_body(count)?;
        Ok(frame)
    }

    /// Tells whether the frame is what was written after a frame that ended with the chain `before`.
    pub fn follows(&self, before: &Chain) -> bool {
        chain(before, self.chained, self.body) == self.chain
    }

    /// How many records it holds, at least one.
    pub fn count(&self) -> u64 {
        self.next.0 - self.first.0
    }

    /// The records' bytes, in order.
    pub fn records(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<LENGTH_LEN>()?;
            let (record, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            rest = tail;
            Some(record)
        })
    }

    fn check_body(&self, count: u16) -> Result<(), FrameFault> {
        let (mut seen, mut filled) = (0_u16, 0);
        for record in self.records() {
            if record.is_empty() || record.len() > MAX_RECORD {
                return Err(FrameFault::RecordSize(record.len()));
            }
            seen += 1;
            filled += LENGTH_LEN + record.len();
        }
        if count == 0 || seen != count || filled != self.body.len() {
            Err(FrameFault::Records)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BATCH: [u8; 16] = [9; 16];

    proptest! {
        #[test]
        fn a_batch_survives_being_cut_into_frames(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=MAX_RECORD), 1..12), first in 0..1_u64 << 60,
        ) {
            let mut before = genesis([1; 16]);
            let mut next = Position(first);
            let mut read = Vec::new();
            for stored in pack(7, BATCH, next, before, &records).unwrap() {
                prop_assert!(stored.bytes.len() <= MAX_FRAME);
                let frame = FrameRef::decode(&stored.bytes).unwrap();
                prop_assert!(frame.follows(&before));
                prop_assert_eq!((frame.first, frame.next, frame.epoch, frame.batch), (next, stored.next, 7, BATCH));
                before = frame.chain;
                next = frame.next;
                read.extend(frame.records().map(<[u8]>::to_vec));
            }
            prop_assert_eq!(read, records);
        }

        #[test]
        fn every_truncation_and_every_trailing_byte_is_refused_and_every_flipped_bit_breaks_the_chain(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..6), extra: u8, bit in 0..8_u8,
        ) {
            let before = genesis([1; 16]);
            let mut bytes = pack(1, BATCH, Position(4), before, &records).unwrap().remove(0).bytes;
            for at in 0..bytes.len() {
                prop_assert!(FrameRef::decode(&bytes[..at]).is_err());
                bytes[at] ^= 1 << bit;
                prop_assert!(FrameRef::decode(&bytes).map_or(true, |frame| !frame.follows(&before)));
                bytes[at] ^= 1 << bit;
            }
            bytes.push(extra);
            prop_assert!(FrameRef::decode(&bytes).is_err());
        }
    }

    #[test]
    fn small_records_share_a_frame_and_the_longest_record_fits() {
        let small = vec![vec![1; 100]; 39];
        assert_eq!(pack(0, BATCH, Position(0), [0; 32], &small).unwrap().len(), 1);
        let full = vec![vec![1; 100]; 40];
        assert_eq!(pack(0, BATCH, Position(0), [0; 32], &full).unwrap().len(), 2);
        assert_eq!(
            pack(0, BATCH, Position(0), [0; 32], &[vec![1; MAX_RECORD]])
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            pack(0, BATCH, Position(0), [0; 32], &[vec![1; MAX_RECORD + 1]]),
            Err(FrameFault::RecordSize(MAX_RECORD + 1))
        );
    }

    #[test]
    fn another_ledgers_frame_does_not_follow() {
        let frame = pack(0, BATCH, Position(0), genesis([1; 16]), &[b"x"])
            .unwrap()
            .remove(0);
        assert!(!FrameRef::decode(&frame.bytes).unwrap().follows(&genesis([2; 16])));
    }
}
