//! The anchor: a note outside the database of where the ledger was, so that a start notices a ledger that lost more
//! than its unacknowledged tail, or was put back.
//!
//! The file has two slots of 4,096 bytes, overwritten in turn and fsynced, so one of them is always whole:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `KLANCHOR` |
//! | 1 | version, 1 |
//! | 8 | generation u64: 1 with the first note; it lies in slot generation mod 2 |
//! | 4 | writer epoch u32 |
//! | 8 | next position u64 |
//! | 32 | chain |
//! | 16 | ledger id |
//! | 8 | time i64, microseconds |
//! | 32 | BLAKE3(domain ‖ all of the above) |
//! | | zeros |
//!
//! All numbers are big-endian. It protects against loss and mistakes; whoever can write both the database and this file
//! can make them agree, and is caught only by a checkpoint that somebody else keeps.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::dir::sync_dir;
use super::error::StoreError;
use super::record::field;
use super::store::{Chain, Head, LedgerId};
use crate::types::{Position, Timestamp};

/// The anchor's file in the keys' directory.
pub const ANCHOR_FILE: &str = "anchor";
const SLOT_LEN: usize = 4_096;
const BODY_LEN: usize = 85;
const MAGIC: &[u8; 8] = b"KLANCHOR";
const VERSION: u8 = 1;
const DOMAIN: &[u8; 19] = b"keyledger/anchor/v1";

/// What an anchor notes: a durable head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnchorPoint {
    /// The writer's epoch.
    pub epoch: u32,
    /// Where the ledger ended, durably, at the end of an append.
    pub head: Head,
    /// Which ledger.
    pub ledger_id: LedgerId,
    /// When.
    pub at: Timestamp,
}

/// What the file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchored {
    /// There is no file: nothing was ever noted here.
    Never,
    /// The newest whole note.
    At(AnchorPoint),
    /// There is a file, and no slot in it is whole.
    Damaged,
}

/// An open anchor; there is one, beside the writer, under the data directory's lock.
#[derive(Debug)]
pub struct Anchor {
    path: PathBuf,
    file: Option<File>,
    generation: u64,
    last: Anchored,
}

/// What comparing anchor and ledger tells; [`std::fmt::Display`] has the words for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnchorVerdict {
    /// No anchor.
    #[error("there is no anchor yet: nothing outside the ledger says how long it was")]
    Absent,
    /// They say the same.
    #[error("the anchor and the ledger agree")]
    Agrees,
    /// The ledger has what was noted and goes on: normal after a crash, because notes follow commits by up to a second.
    #[error("the ledger has everything the anchor knows, and {by} records more")]
    LedgerAhead {
        /// How many records follow the note.
        by: u64,
    },
    /// The ledger is shorter than it was.
    #[error(
        "the ledger ends at position {ledger}, but it had reached {anchor} at {at}: acknowledged records are missing. \
         The disk lost them, or an older copy was put back. If this is a copy that you restored on purpose, accept it; \
         otherwise copy the data directory before anything else and restore the newest backup"
    )]
    LedgerBehind {
        /// The ledger's next position.
        ledger: Position,
        /// The next position that was noted.
        anchor: Position,
        /// When it was noted.
        at: Timestamp,
    },
    /// The ledger is long enough, but its past is not the one that was noted.
    #[error(
        "the ledger's history before position {position} is not the one that was noted at {at}: it was rewritten, or a \
         copy was put back and continued. If you restored it on purpose, accept it; otherwise copy the data directory \
         before anything else and restore the newest backup"
    )]
    Differs {
        /// The next position that was noted.
        position: Position,
        /// When it was noted.
        at: Timestamp,
    },
    /// The anchor is another ledger's.
    #[error(
        "the anchor belongs to another ledger: the ledger or the keys' directory was exchanged. Name the directories \
         that belong together, or accept the ledger if it is the right one"
    )]
    Foreign,
    /// The anchor cannot be read.
    #[error(
        "both notes in the anchor file are damaged, so nobody can say whether the ledger is complete: compare it with a \
         backup or a checkpoint, then accept it"
    )]
    Damaged,
}

/// Trouble with the anchor's file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the anchor {}: {source}", path.display())]
pub struct AnchorError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl AnchorVerdict {
    /// Whether a server may start without a person's word.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Absent | Self::Agrees | Self::LedgerAhead { .. } => true,
            Self::LedgerBehind { .. } | Self::Differs { .. } | Self::Foreign | Self::Damaged => false,
        }
    }
}

impl Anchor {
    /// Opens the anchor and reads its newest whole note; a missing file is made by the first [`Anchor::write`].
    pub fn open(path: &Path) -> Result<Self, AnchorError> {
        let trouble = |doing, source| AnchorError {
            doing,
            path: path.to_owned(),
            source,
        };
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path: path.to_owned(),
                    file: None,
                    generation: 0,
                    last: Anchored::Never,
                });
            }
            Err(error) => return Err(trouble("open", error)),
        };
        let mut newest: Option<(u64, AnchorPoint)> = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_LEN];
            match file.read_exact_at(&mut bytes, slot * SLOT_LEN as u64) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
                Err(error) => return Err(trouble("read", error)),
            }
            if let Some((generation, point)) = decode(&bytes)
                && generation % 2 == slot
                && newest.is_none_or(|(newest, _)| generation > newest)
            {
                newest = Some((generation, point));
            }
        }
        let (generation, last) = newest.map_or((0, Anchored::Damaged), |(generation, point)| {
            (generation, Anchored::At(point))
        });
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            generation,
            last,
        })
    }

    /// What the file says.
    pub fn read(&self) -> Anchored {
        self.last
    }

    /// Notes a durable head; durable on `Ok`. After an error the file holds the previous note or this one.
    pub fn write(&mut self, point: &AnchorPoint) -> Result<(), AnchorError> {
        let generation = self.generation.wrapping_add(1);
        let slot = encode(generation, point);
        match &self.file {
            Some(file) => {
                let offset = (generation % 2) * SLOT_LEN as u64;
                file.write_all_at(&slot, offset)
                    .and_then(|()| file.sync_data())
                    .map_err(|source| AnchorError {
                        doing: "write",
                        path: self.path.clone(),
                        source,
                    })?;
            }
            None => self.file = Some(self.make(generation, &slot)?),
        }
        self.generation = generation;
        self.last = Anchored::At(*point);
        Ok(())
    }

    /// Makes the file whole under another name first, so that a crash leaves either none or a good one.
    fn make(&self, generation: u64, slot: &[u8; SLOT_LEN]) -> Result<File, AnchorError> {
        let trouble = |source| AnchorError {
            doing: "make",
            path: self.path.clone(),
            source,
        };
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(trouble)?;
        let vacant = [0; SLOT_LEN];
        let slots: [&[u8]; 2] = if generation % 2 == 1 {
            [&vacant, slot]
        } else {
            [slot, &vacant]
        };
        file.write_all(slots[0])
            .and_then(|()| file.write_all(slots[1]))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(trouble)?;
        sync_dir(self.path.parent().unwrap_or(Path::new(".")))
            .map_err(|error| trouble(io::Error::other(error)))?;
        Ok(file)
    }

    /// Compares the note with a ledger; `chain_at` is [`super::Reader::chain_at`] of that ledger, asked only if the
    /// ledger is longer.
    pub fn compare(
        &self,
        ledger_id: LedgerId,
        head: Head,
        chain_at: &mut dyn FnMut(Position) -> Result<Option<Chain>, StoreError>,
    ) -> Result<AnchorVerdict, StoreError> {
        let point = match self.last {
            Anchored::Never => return Ok(AnchorVerdict::Absent),
            Anchored::Damaged => return Ok(AnchorVerdict::Damaged),
            Anchored::At(point) => point,
        };
        let noted = point.head;
        if point.ledger_id != ledger_id {
            return Ok(AnchorVerdict::Foreign);
        }
        if head.next < noted.next {
            return Ok(AnchorVerdict::LedgerBehind {
                ledger: head.next,
                anchor: noted.next,
                at: point.at,
            });
        }
        let chain = if head.next == noted.next {
            Some(head.chain)
        } else {
            chain_at(noted.next)?
        };
        Ok(if chain != Some(noted.chain) {
            AnchorVerdict::Differs {
                position: noted.next,
                at: point.at,
            }
        } else if head.next == noted.next {
            AnchorVerdict::Agrees
        } else {
            AnchorVerdict::LedgerAhead {
                by: head.next.0 - noted.next.0,
            }
        })
    }
}

fn encode(generation: u64, point: &AnchorPoint) -> [u8; SLOT_LEN] {
    let mut body = Vec::with_capacity(BODY_LEN);
    body.extend_from_slice(MAGIC);
    body.push(VERSION);
    body.extend_from_slice(&generation.to_be_bytes());
    body.extend_from_slice(&point.epoch.to_be_bytes());
    body.extend_from_slice(&point.head.next.0.to_be_bytes());
    body.extend_from_slice(&point.head.chain);
    body.extend_from_slice(&point.ledger_id);
    body.extend_from_slice(&point.at.0.to_be_bytes());
    let mut slot = [0; SLOT_LEN];
    slot[..BODY_LEN].copy_from_slice(&body);
    slot[BODY_LEN..BODY_LEN + 32].copy_from_slice(&checksum(&body));
    slot
}

fn decode(slot: &[u8; SLOT_LEN]) -> Option<(u64, AnchorPoint)> {
    let (body, rest) = slot.split_at(BODY_LEN);
    if &body[..8] != MAGIC
        || body[8] != VERSION
        || rest[..32] != checksum(body)
        || rest[32..].iter().any(|b| *b != 0)
    {
        return None;
    }
    let head = Head {
        next: Position(u64::from_be_bytes(field(body, 21))),
        chain: field(body, 29),
    };
    let point = AnchorPoint {
        epoch: u32::from_be_bytes(field(body, 17)),
        head,
        ledger_id: field(body, 61),
        at: Timestamp(i64::from_be_bytes(field(body, 77))),
    };
    Some((u64::from_be_bytes(field(body, 9)), point))
}

fn checksum(body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN).update(body);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(next: u64) -> AnchorPoint {
        AnchorPoint {
            epoch: 2,
            head: Head {
                next: Position(next),
                chain: [u8::try_from(next).unwrap(); 32],
            },
            ledger_id: [3; 16],
            at: Timestamp(1_768_919_400_000_000),
        }
    }

    fn no_look_up(_: Position) -> Result<Option<Chain>, StoreError> {
        panic!("nothing to look up")
    }

    #[test]
    fn the_newest_whole_note_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ANCHOR_FILE);
        let mut anchor = Anchor::open(&path).unwrap();
        assert_eq!(anchor.read(), Anchored::Never);
        for next in 1..6 {
            anchor.write(&point(next)).unwrap();
            assert_eq!(Anchor::open(&path).unwrap().read(), Anchored::At(point(next)));
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), 2 * SLOT_LEN as u64);
    }

    #[test]
    fn a_damaged_slot_is_skipped_and_written_next_and_two_are_a_verdict_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ANCHOR_FILE);
        let mut anchor = Anchor::open(&path).unwrap();
        anchor.write(&point(1)).unwrap();
        anchor.write(&point(2)).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in [0, 8, 50, 90, 4_000] {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            fs::write(&path, &torn).unwrap();
            let mut anchor = Anchor::open(&path).unwrap();
            assert_eq!(
                anchor.read(),
                Anchored::At(point(1)),
                "slot 0 has generation 2 and is damaged at {at}"
            );
            anchor.write(&point(3)).unwrap();
            assert_eq!(Anchor::open(&path).unwrap().read(), Anchored::At(point(3)));
            torn[SLOT_LEN + at] ^= 1;
            fs::write(&path, &torn).unwrap();
            let mut anchor = Anchor::open(&path).unwrap();
            assert_eq!(
                anchor.compare([3; 16], point(1).head, &mut no_look_up).unwrap(),
                AnchorVerdict::Damaged
            );
            anchor.write(&point(4)).unwrap();
            assert_eq!(Anchor::open(&path).unwrap().read(), Anchored::At(point(4)));
        }
        fs::write(&path, b"").unwrap();
        assert_eq!(Anchor::open(&path).unwrap().read(), Anchored::Damaged);
    }

    #[test]
    fn a_ledger_is_compared_with_the_note() {
        let dir = tempfile::tempdir().unwrap();
        let mut anchor = Anchor::open(&dir.path().join(ANCHOR_FILE)).unwrap();
        let absent = anchor.compare([3; 16], point(1).head, &mut no_look_up).unwrap();
        assert_eq!(absent, AnchorVerdict::Absent);
        anchor.write(&point(5)).unwrap();
        let head = |next, chain| Head {
            next: Position(next),
            chain: [chain; 32],
        };
        let at = point(5).at;
        let compare = |id, head, found: Option<Chain>| {
            anchor
                .compare([id; 16], head, &mut |position| {
                    assert_eq!(position, Position(5));
                    Ok(found)
                })
                .unwrap()
        };
        assert_eq!(compare(3, head(5, 5), None), AnchorVerdict::Agrees);
        assert_eq!(
            compare(3, head(8, 8), Some([5; 32])),
            AnchorVerdict::LedgerAhead { by: 3 }
        );
        assert_eq!(
            compare(3, head(4, 4), None),
            AnchorVerdict::LedgerBehind {
                ledger: Position(4),
                anchor: Position(5),
                at
            }
        );
        let differs = AnchorVerdict::Differs {
            position: Position(5),
            at,
        };
        assert_eq!(compare(3, head(5, 6), None), differs);
        assert_eq!(compare(3, head(8, 8), Some([6; 32])), differs);
        assert_eq!(compare(3, head(8, 8), None), differs);
        assert_eq!(compare(4, head(5, 5), None), AnchorVerdict::Foreign);
        assert!(AnchorVerdict::LedgerAhead { by: 3 }.is_sound() && !differs.is_sound());
        assert!(differs.to_string().contains("before position 5"));
    }
}
