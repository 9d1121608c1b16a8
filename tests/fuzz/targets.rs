//! The readers of stored bytes, and what must hold of their answers.

use std::path::Path;
use std::sync::OnceLock;

use keyledger::domain::{Recorded, State, evolve, lawful};
use keyledger::engine::fold;
use keyledger::ledger::anchor::{AnchorPoint, Anchored};
use keyledger::ledger::frame::{self, FrameRef, genesis};
use keyledger::ledger::record::{self, MAX_RECORD};
use keyledger::ledger::tree::tile::TileName;
use keyledger::ledger::{Anchor, CommandPart, Erasure, Erasures, Frontier, Head, MemoryStore, codec};
use keyledger::types::{Position, Timestamp, UserId};

use super::{backups, evidence, snapshots};

/// One reader.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// What the house writes for it.
    pub(super) seeds: fn() -> Vec<Vec<u8>>,
    /// Reads an input, holds the answer to its word, and tells it.
    pub(super) read: fn(&[u8]) -> String,
    pub(super) length_max: usize,
    /// Inputs in every run: fewer where each is a file.
    pub(super) inputs: u64,
}

fn target(
    name: &'static str,
    seeds: fn() -> Vec<Vec<u8>>,
    read: fn(&[u8]) -> String,
    length_max: usize,
    inputs: u64,
) -> Target {
    Target {
        name,
        seeds,
        read,
        length_max,
        inputs,
    }
}

pub(super) fn all() -> Vec<Target> {
    vec![
        target("record", records, read_record, MAX_RECORD + 2, 4_000),
        target("payload", records, read_payload, MAX_RECORD, 4_000),
        target("frame", frames, read_frame, 4_200, 4_000),
        target("ledger", records, read_ledger, MAX_RECORD, 1_500),
        target("anchor", anchors, read_anchor, 9_000, 400),
        target("erasures", erasures, read_erasures, 4_096, 300),
        target("backup", backups::parts, backups::read_part, 16_384, 2_000),
        target("note", evidence::notes, evidence::read_note, 4_096, 2_000),
        target("proof", evidence::proofs, evidence::read_proof, 16_384, 2_000),
        target("export", evidence::exports, evidence::read_export, 400_000, 300),
        target(
            "snapshot",
            snapshots::snapshots,
            snapshots::read_snapshot,
            1 << 20,
            400,
        ),
        target("frontier", frontiers, read_frontier, 4_096, 4_000),
        target("tile name", tile_names, read_tile_name, 200, 4_000),
    ]
}

/// The golden samples of all events.
pub(super) fn records() -> Vec<Vec<u8>> {
    static READ: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    READ.get_or_init(read_samples).clone()
}

fn read_samples() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/events");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut found = vec![];
    for file in files {
        for block in std::fs::read_to_string(file).unwrap().split("\n\n") {
            let digits: String = block.lines().filter(|line| !line.starts_with('#')).collect();
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            if !bytes.is_empty() {
                found.push(bytes);
            }
        }
    }
    found
}

fn told<T, E: std::fmt::Display>(answer: &Result<T, E>) -> String {
    match answer {
        Ok(_) => "read".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

fn read_record(bytes: &[u8]) -> String {
    let read = record::decode(bytes);
    if let Ok((header, payload)) = &read {
        let again = record::encode(header, payload).unwrap();
        assert_eq!(again, bytes, "a record has one form");
    }
    told(&read)
}

/// The payload alone changes, so that it is what meets the codec, the law and the fold.
fn read_payload(bytes: &[u8]) -> String {
    let Some(bytes) = with_sound_header(bytes) else {
        return "no header".to_owned();
    };
    let (header, payload) = record::decode(&bytes).unwrap();
    let read = codec::decode(&header, payload);
    if let Ok(recorded) = &read {
        let again = codec::encode(recorded, CommandPart::Last).unwrap();
        let (header, payload) = record::decode(&again).unwrap();
        assert_eq!(
            codec::decode(&header, payload).as_ref(),
            Ok(recorded),
            "an event is read as it is written"
        );
        let mut state = State::default();
        let first = Recorded {
            position: state.next(),
            ..recorded.clone()
        };
        if lawful(&state, &first).is_ok() {
            evolve(&mut state, &first);
        }
    }
    told(&read)
}

/// Mends version, flags and length, which any change breaks.
pub(super) fn with_sound_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let payload = u16::try_from(bytes.len().checked_sub(record::HEADER_LEN)?).ok()?;
    bytes[0] = 1;
    bytes[5] &= 1;
    bytes[38..40].copy_from_slice(&payload.to_be_bytes());
    Some(bytes)
}

fn frames() -> Vec<Vec<u8>> {
    let records = records();
    records
        .chunks(5)
        .flat_map(|some| frame::pack(1, [2; 16], Position(0), genesis([1; 16]), some).unwrap())
        .map(|frame| frame.bytes)
        .collect()
}

fn read_frame(bytes: &[u8]) -> String {
    let read = FrameRef::decode(bytes);
    if let Ok(frame) = &read {
        assert_eq!(
            frame.records().count() as u64,
            frame.count(),
            "a frame holds what it says"
        );
        frame.follows(&genesis([1; 16]));
    }
    told(&read)
}

/// A whole ledger of two records, of which the second is the input, rightly chained: what a start does with it.
fn read_ledger(bytes: &[u8]) -> String {
    let Some(mut bytes) = with_sound_header(bytes) else {
        return "no header".to_owned();
    };
    bytes[6..14].copy_from_slice(&1_u64.to_be_bytes());
    let founding = records().swap_remove(0);
    let mut first = with_sound_header(&founding).unwrap();
    first[6..14].copy_from_slice(&0_u64.to_be_bytes());
    first[5] = 1;
    let packed = frame::pack(1, [2; 16], Position(0), genesis([1; 16]), &[first, bytes]).unwrap();
    let mut store = MemoryStore::new([1; 16]);
    store.tamper(|frames| {
        for frame in packed {
            frames.insert(frame.first, frame.bytes.into());
        }
    });
    match store.reopen() {
        Ok(mut store) => told(&fold(&mut store)),
        Err(fault) => fault.to_string(),
    }
}

fn point(number: u64) -> AnchorPoint {
    AnchorPoint {
        epoch: 1,
        head: Head {
            next: Position(number),
            chain: [7; 32],
        },
        ledger_id: [1; 16],
        at: Timestamp(1_800_000_000_000_000),
    }
}

fn anchors() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anchor");
    let mut anchor = Anchor::open(&path).unwrap();
    (1..4)
        .map(|number| {
            anchor.write(&point(number)).unwrap();
            std::fs::read(&path).unwrap()
        })
        .collect()
}

fn read_anchor(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    match Anchor::open(file.path()) {
        Err(fault) => fault.to_string().replace(&file.path().display().to_string(), ""),
        Ok(anchor) => match anchor.read() {
            Anchored::At(read) => {
                assert!(
                    (1..4).any(|number| read == point(number)),
                    "a note that nobody made"
                );
                format!(
                    "note {:?}",
                    ["one", "two", "three"][usize::try_from(read.head.next.0 - 1).unwrap()]
                )
            }
            other @ (Anchored::Never | Anchored::Damaged) => format!("{other:?}"),
        },
    }
}

fn erasures() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("erasures");
    let mut list = Erasures::open(&path).unwrap();
    (0..4_u8)
        .map(|number| {
            let erasure = Erasure {
                at: Timestamp(1_800_000_000_000_000),
                position: Position(u64::from(number)),
            };
            list.add([(UserId([number; 16]), erasure)]).unwrap();
            std::fs::read(&path).unwrap()
        })
        .collect()
}

fn read_erasures(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    match Erasures::open(file.path()) {
        Err(fault) => fault.to_string().replace(&file.path().display().to_string(), ""),
        Ok(list) => {
            assert!(
                list.users()
                    .all(|(user, _)| (0..4).any(|number| user == UserId([number; 16]))),
                "a user whom nobody erased"
            );
            "x".repeat(list.len())
        }
    }
}

fn frontiers() -> Vec<Vec<u8>> {
    let mut frontier = Frontier::default();
    let mut seeds = vec![frontier.to_bytes()];
    for leaf in 0..20 {
        frontier.push([leaf; 32]);
        seeds.push(frontier.to_bytes());
    }
    seeds
}

fn read_frontier(bytes: &[u8]) -> String {
    match Frontier::from_bytes(bytes) {
        None => "none".to_owned(),
        Some(frontier) => {
            assert_eq!(frontier.to_bytes(), bytes, "a frontier has one form");
            frontier.root();
            "a frontier".to_owned()
        }
    }
}

fn tile_names() -> Vec<Vec<u8>> {
    [
        "tile/0/000",
        "tile/1/x001/234.p/5",
        "tile/entries/x001/x234/067",
        "tile/7/255.p/255",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec()
}

fn read_tile_name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match TileName::parse(&text) {
        None => "none".to_owned(),
        Some(name) => {
            assert_eq!(name.path(), text, "a tile has one name");
            format!("{:?}", name.kind)
        }
    }
}
