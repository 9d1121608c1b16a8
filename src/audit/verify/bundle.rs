//! Taking one bundle apart: what can be checked without knowing what came before.

use std::sync::{Mutex, PoisonError};

use super::super::lines::Lines;
use super::{CONTRADICTS, DAMAGED, NEWER, Stop};
use crate::domain::Recorded;
use crate::ledger::TreeHash;
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::record::{self, CommandPart, RecordFault};
use crate::ledger::tree::tile::{TILE_WIDTH, TileName};
use crate::ledger::tree::{leaf_hash, root_of};
use crate::types::Position;

/// The files of up to 256 positions, as they were read.
pub(super) struct Bundle {
    pub(super) first: Position,
    /// Entries and lines, if they are in the export.
    pub(super) records: Option<Records>,
    /// The tile of level 0.
    pub(super) leaves: Vec<u8>,
    /// Tiles that stand after it.
    pub(super) above: Vec<(TileName, Vec<u8>)>,
}

#[derive(Default)]
pub(super) struct Records {
    pub(super) entries: Vec<u8>,
    pub(super) lines: Vec<u8>,
}

/// The events of a bundle, and whether a command ends with each.
pub(super) type Events = Vec<(Recorded, CommandPart)>;

/// Buffers that go round: asking the system for them anew, bundle by bundle, takes longer than reading into them.
#[derive(Default)]
pub(super) struct Buffers {
    records: Mutex<Vec<Records>>,
    events: Mutex<Vec<Events>>,
}

impl Buffers {
    /// Some of any content.
    pub(super) fn records(&self) -> Records {
        take(&self.records)
    }

    fn events(&self) -> Events {
        take(&self.events)
    }

    fn give_records(&self, records: Records) {
        give(&self.records, records);
    }

    /// Takes back what was judged.
    pub(super) fn give_events(&self, mut events: Events) {
        events.clear();
        give(&self.events, events);
    }
}

fn take<T: Default>(from: &Mutex<Vec<T>>) -> T {
    let one = from.lock().unwrap_or_else(PoisonError::into_inner).pop();
    one.unwrap_or_default()
}

fn give<T>(to: &Mutex<Vec<T>>, one: T) {
    to.lock().unwrap_or_else(PoisonError::into_inner).push(one);
}

/// A bundle whose parts agree with one another.
pub(super) struct Checked {
    pub(super) first: Position,
    pub(super) leaves: Vec<TreeHash>,
    /// The root over a full tile.
    pub(super) root: Option<TreeHash>,
    /// The events, if they are in the export.
    pub(super) events: Option<Events>,
    pub(super) above: Vec<(TileName, Vec<u8>)>,
}

impl Bundle {
    /// Hashes, decodes, and compares what says the same thing twice.
    pub(super) fn check(self, buffers: &Buffers) -> Result<Checked, Stop> {
        let (leaves, _) = self.leaves.as_chunks();
        let leaves = leaves.to_vec();
        let events = match self.records {
            Some(records) => {
                let mut events = buffers.events();
                records.check(self.first, &leaves, &mut events)?;
                buffers.give_records(records);
                Some(events)
            }
            None => None,
        };
        Ok(Checked {
            first: self.first,
            root: (leaves.len() as u64 == TILE_WIDTH).then(|| root_of(&leaves)),
            leaves,
            events,
            above: self.above,
        })
    }
}

impl Records {
    fn check(&self, first: Position, leaves: &[TreeHash], events: &mut Events) -> Result<(), Stop> {
        let mut rest = self.entries.as_slice();
        let mut lines = self.lines.as_slice();
        let (mut writer, mut line) = (Lines::default(), String::with_capacity(512));
        for (position, leaf) in (first.0..).map(Position).zip(leaves) {
            let raw = split_entry(&mut rest).ok_or_else(|| {
                Stop::disproven(position, "its entry bundle ends before this record does", DAMAGED)
            })?;
            if leaf_hash(raw) != *leaf {
                let what = "the record is not the one whose hash is in the tree";
                return Err(Stop::disproven(position, what, DAMAGED));
            }
            let (recorded, part) = decode(position, raw)?;
            line.clear();
            writer.add(&mut line, &recorded, leaf);
            lines = lines.strip_prefix(line.as_bytes()).ok_or_else(|| {
                let what = "the line for people does not say what the record says";
                Stop::disproven(position, what, DAMAGED)
            })?;
            events.push((recorded, part));
        }
        if rest.is_empty() && lines.is_empty() {
            return Ok(());
        }
        let end = Position(first.0 + leaves.len() as u64);
        Err(Stop::disproven(end, "more is there than the tree holds", DAMAGED))
    }
}

fn split_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk()?;
    let (record, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = tail;
    Some(record)
}

fn decode(position: Position, raw: &[u8]) -> Result<(Recorded, CommandPart), Stop> {
    let (header, payload) = record::decode(raw).map_err(|fault| unreadable(position, &fault.into()))?;
    if header.position != position {
        let what = format!("the record says that it belongs to {}", header.position);
        return Err(Stop::disproven(position, what, CONTRADICTS));
    }
    let recorded = codec::decode_outline(&header, payload).map_err(|fault| unreadable(position, &fault))?;
    Ok((recorded, header.part))
}

/// A record whose hash is right, and which is none: what is unknown here may be known to a newer program.
fn unreadable(position: Position, fault: &CodecFault) -> Stop {
    let is_newer = matches!(
        fault,
        CodecFault::Unknown { .. } | CodecFault::Record(RecordFault::Version(_) | RecordFault::Flags(_))
    );
    if is_newer {
        let mut stop = Stop::untold(fault.to_string(), NEWER);
        if let Stop::Untold(finding) = &mut stop {
            finding.position = Some(position);
        }
        return stop;
    }
    Stop::disproven(position, fault.to_string(), CONTRADICTS)
}
