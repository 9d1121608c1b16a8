//! The envelope of one record: a fixed layout, written by hand, because these bytes are hashed and kept for ever.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 1 | version | 1 |
//! | 2 | kind | which event |
//! | 2 | schema | which form of that event's payload |
//! | 1 | flags | bit 0: the last record of its command; the others are 0 |
//! | 8 | position | counted from 0, without gaps |
//! | 8 | time | microseconds since 1970, signed |
//! | 16 | command id | |
//! | 2 | payload length | |
//! | n | payload | opaque here |
//!
//! All numbers are big-endian. A leaf of the Merkle tree is exactly these bytes.

use crate::types::{CommandId, Position, Timestamp};

/// Bytes before the payload.
pub const HEADER_LEN: usize = 40;
/// The longest record, so that one always fits in a frame of 4 KiB.
pub const MAX_RECORD: usize = 3_800;
/// The longest payload.
pub const MAX_PAYLOAD: usize = MAX_RECORD - HEADER_LEN;

const VERSION: u8 = 1;
const FLAG_LAST: u8 = 1;

/// Says whether a record ends its command: a tail without such an end was never acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandPart {
    /// More records of the same command follow.
    Inner,
    /// The command is complete with this record.
    Last,
}

/// What the envelope says about its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordHeader {
    /// Which event.
    pub kind: u16,
    /// Which form of that event's payload.
    pub schema: u16,
    /// Whether the command ends here.
    pub part: CommandPart,
    /// The record's place in the ledger.
    pub position: Position,
    /// When it was decided.
    pub time: Timestamp,
    /// The command that it belongs to.
    pub command: CommandId,
}

/// Why bytes are not a record, or a payload does not fit in one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordFault {
    /// Fewer bytes than a header has.
    #[error("it has {0} bytes, fewer than the {HEADER_LEN} of a record's header")]
    Short(usize),
    /// More bytes than a record may have.
    #[error("it has {0} bytes, more than the {MAX_RECORD} of the longest record")]
    Long(usize),
    /// Written by a newer program.
    #[error("its layout is version {0}, this program knows version {VERSION}: use the program that wrote it")]
    Version(u8),
    /// Flags nobody here ever sets.
    #[error("it carries flags that this program does not know ({0:#04x}): use the program that wrote it")]
    Flags(u8),
    /// The payload is shorter or longer than the header says.
    #[error("its header promises {said} bytes of payload, {there} are there")]
    Length {
        /// What the header says.
        said: usize,
        /// What follows it.
        there: usize,
    },
}

/// Writes one record; the payload has at most [`MAX_PAYLOAD`] bytes.
pub fn encode(header: &RecordHeader, payload: &[u8]) -> Result<Vec<u8>, RecordFault> {
    let too_long = RecordFault::Long(HEADER_LEN + payload.len());
    let length = u16::try_from(payload.len()).map_err(|_| too_long)?;
    if payload.len() > MAX_PAYLOAD {
        return Err(too_long);
    }
    let flags = match header.part {
        CommandPart::Inner => 0,
        CommandPart::Last => FLAG_LAST,
    };
    let mut out = Vec::with_capacity(HEADER_LEN + payload.len());
    out.push(VERSION);
    out.extend_from_slice(&header.kind.to_be_bytes());
    out.extend_from_slice(&header.schema.to_be_bytes());
    out.push(flags);
    out.extend_from_slice(&header.position.0.to_be_bytes());
    out.extend_from_slice(&header.time.0.to_be_bytes());
    out.extend_from_slice(&header.command.0);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    Ok(out)
}

/// Reads one record and gives its payload; refuses everything that [`encode`] never writes.
pub fn decode(bytes: &[u8]) -> Result<(RecordHeader, &[u8]), RecordFault> {
    let (head, payload) = bytes
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(RecordFault::Short(bytes.len()))?;
    if bytes.len() > MAX_RECORD {
        return Err(RecordFault::Long(bytes.len()));
    }
    if head[0] != VERSION {
        return Err(RecordFault::Version(head[0]));
    }
    let part = match head[5] {
        0 => CommandPart::Inner,
        FLAG_LAST => CommandPart::Last,
        unknown => return Err(RecordFault::Flags(unknown)),
    };
    let said = usize::from(u16::from_be_bytes(field(head, 38)));
    if said != payload.len() {
        return Err(RecordFault::Length {
            said,
            there: payload.len(),
        });
    }
    let header = RecordHeader {
        kind: u16::from_be_bytes(field(head, 1)),
        schema: u16::from_be_bytes(field(head, 3)),
        part,
        position: Position(u64::from_be_bytes(field(head, 6))),
        time: Timestamp(i64::from_be_bytes(field(head, 14))),
        command: CommandId(field(head, 22)),
    };
    Ok((header, payload))
}

/// Copies `N` bytes at a fixed place of a fixed layout.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_header()(kind: u16, schema: u16, last: bool, position: u64, time: i64, command: [u8; 16]) -> RecordHeader {
            RecordHeader {
                kind, schema,
                part: if last { CommandPart::Last } else { CommandPart::Inner },
                position: Position(position), time: Timestamp(time), command: CommandId(command),
            }
        }
    }

    proptest! {
        #[test]
        fn a_record_survives_its_stored_form(header in any_header(), payload in prop::collection::vec(any::<u8>(), 0..=MAX_PAYLOAD)) {
            let bytes = encode(&header, &payload).unwrap();
            prop_assert_eq!(decode(&bytes), Ok((header, payload.as_slice())));
        }

        #[test]
        fn every_truncation_and_every_trailing_byte_is_refused(
            header in any_header(), payload in prop::collection::vec(any::<u8>(), 0..200), extra: u8,
        ) {
            let mut bytes = encode(&header, &payload).unwrap();
            for len in 0..bytes.len() {
                prop_assert!(decode(&bytes[..len]).is_err());
            }
            bytes.push(extra);
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let header = RecordHeader {
            kind: 0x0102,
            schema: 0x0304,
            part: CommandPart::Last,
            position: Position(5),
            time: Timestamp(-1),
            command: CommandId([6; 16]),
        };
        let mut expected = vec![1, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0, 5];
        expected.extend_from_slice(&[255; 8]);
        expected.extend_from_slice(&[6; 16]);
        expected.extend_from_slice(&[0, 2, 7, 8]);
        assert_eq!(encode(&header, &[7, 8]).unwrap(), expected);
    }

    #[test]
    fn unknown_versions_and_flags_and_long_payloads_are_refused() {
        let header = RecordHeader {
            kind: 1,
            schema: 1,
            part: CommandPart::Inner,
            position: Position(0),
            time: Timestamp(0),
            command: CommandId([0; 16]),
        };
        let mut bytes = encode(&header, b"x").unwrap();
        bytes[0] = 2;
        assert_eq!(decode(&bytes), Err(RecordFault::Version(2)));
        bytes[0] = 1;
        bytes[5] = 3;
        assert_eq!(decode(&bytes), Err(RecordFault::Flags(3)));
        assert_eq!(
            encode(&header, &[0; MAX_PAYLOAD + 1]),
            Err(RecordFault::Long(MAX_RECORD + 1))
        );
        assert_eq!(encode(&header, &vec![0; 70_000]), Err(RecordFault::Long(70_040)));
    }
}
