//! Reading a part: nothing in it is shown before the block that holds it is proven.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::super::frame::{self, FrameRef, MAX_FRAME};
use super::super::keys::MAX_DATA_KEY;
use super::super::store::Head;
use super::super::walk::ChainWalk;
use super::error::{BackupError, PartFault};
use super::folder::Found;
use super::format::{
    BODY_MAX, BlockKind, CHECK_LEN, KeyScope, LEAD_LEN, MAGIC, PartHeader, PartSummary, check,
};
use super::keys::{KeySetDigest, KeySetHasher};
use super::{OnProgress, Progress};
use crate::types::{DataKeyId, Position};

/// What a part holds, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// A frame, proven to follow the one before.
    Frame(FrameRef<'a>),
    /// A wrapped data key; none if it is gone.
    Key(DataKeyId, Option<&'a [u8]>),
}

/// A part that is being read.
pub struct PartReader<R> {
    input: R,
    /// Where the next block begins.
    at: u64,
    before: [u8; CHECK_LEN],
    header: PartHeader,
    walk: ChainWalk,
    due: BlockKind,
    counts: PartSummary,
    /// Of the keys in this part; the digest of the ledger's set if it holds all.
    own_keys: KeySetHasher,
    last_key: Option<[u8; DataKeyId::LEN]>,
}

/// A block that was read and proven.
struct Block {
    at: u64,
    kind: BlockKind,
    body: Vec<u8>,
}

impl<R: Read> PartReader<R> {
    /// Reads and proves the header.
    pub fn begin(mut input: R) -> Result<Self, PartFault> {
        let mut magic = [0; MAGIC.len()];
        fill(&mut input, &mut magic, 0, Position(0))?;
        let version = magic.len() - 1;
        if magic[..version] != MAGIC[..version] {
            return Err(PartFault::Magic);
        }
        if magic != *MAGIC {
            return Err(PartFault::Version(magic[version]));
        }
        let start = Head {
            next: Position(0),
            chain: [0; 32],
        };
        let mut reader = Self {
            input,
            at: MAGIC.len() as u64,
            before: [0; CHECK_LEN],
            header: PartHeader {
                ledger: [0; 16],
                from: start,
                to: start,
                at: crate::types::Timestamp(0),
                keys: KeyScope::All,
            },
            walk: ChainWalk::after(start),
            due: BlockKind::Header,
            counts: PartSummary {
                frames: 0,
                records: 0,
                key_entries: 0,
                key_set: KeySetDigest {
                    count: 0,
                    digest: [0; 32],
                },
            },
            own_keys: KeySetHasher::new(),
            last_key: None,
        };
        let block = reader.block()?;
        let at = block.at;
        let wrong = |what| PartFault::Order {
            at,
            position: Position(0),
            what,
        };
        if block.kind != BlockKind::Header {
            return Err(wrong("a header comes first"));
        }
        let header = PartHeader::from_bytes(&block.body).ok_or_else(|| wrong("it is not a header"))?;
        if header.from.next == Position(0) && header.from.chain != frame::genesis(header.ledger) {
            return Err(wrong("its chain does not begin with its ledger"));
        }
        reader.walk = ChainWalk::after(header.from);
        reader.header = header;
        reader.due = BlockKind::Frames;
        Ok(reader)
    }

    /// What the part says about itself.
    pub fn header(&self) -> &PartHeader {
        &self.header
    }

    /// Shows all frames and then all keys, each proven, until the visitor breaks; `None` then. Otherwise the part was
    /// read to its end, and is whole.
    pub fn each(
        mut self,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<Option<PartSummary>, PartFault> {
        loop {
            let block = self.block()?;
            if block.kind < self.due || block.kind == BlockKind::Header {
                return Err(self.wrong(block.at, "blocks are out of order"));
            }
            self.due = block.kind;
            let flow = match block.kind {
                BlockKind::Header => ControlFlow::Continue(()),
                BlockKind::Frames => self.frames(&block, visit)?,
                BlockKind::Keys => self.keys(&block, visit)?,
                BlockKind::End => return self.end(&block).map(Some),
            };
            if flow.is_break() {
                return Ok(None);
            }
        }
    }

    fn frames(
        &mut self,
        block: &Block,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PartFault> {
        let mut rest = block.body.as_slice();
        while !rest.is_empty() {
            let stored = lengthy(&mut rest, MAX_FRAME)
                .ok_or_else(|| self.wrong(block.at, "frames do not fill it exactly"))?;
            let place = self.walk.due();
            let frame = self
                .walk
                .step(place, stored)
                .map_err(|source| PartFault::Frame { at: block.at, source })?;
            self.counts.frames += 1;
            self.counts.records += frame.count();
            if visit(Item::Frame(frame)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn keys(
        &mut self,
        block: &Block,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, PartFault> {
        let mut rest = block.body.as_slice();
        while !rest.is_empty() {
            let entry = rest.split_first_chunk::<{ DataKeyId::LEN }>();
            let (name, tail) = entry.ok_or_else(|| self.wrong(block.at, "keys do not fill it exactly"))?;
            rest = tail;
            let id = DataKeyId::from_bytes(name)
                .ok_or_else(|| self.wrong(block.at, "a key's name is of an unknown form"))?;
            let wrapped = lengthy(&mut rest, MAX_DATA_KEY)
                .ok_or_else(|| self.wrong(block.at, "keys do not fill it exactly"))?;
            if self.last_key.replace(*name).is_some_and(|last| last >= *name) {
                return Err(self.wrong(block.at, "keys are out of order"));
            }
            let wrapped = Some(wrapped).filter(|wrapped| !wrapped.is_empty());
            if let Some(wrapped) = wrapped {
                self.own_keys.add(id, wrapped);
            } else if self.header.keys == KeyScope::All {
                return Err(self.wrong(block.at, "a key is gone that never was there"));
            }
            self.counts.key_entries += 1;
            if visit(Item::Key(id, wrapped)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, block: &Block) -> Result<PartSummary, PartFault> {
        let said =
            PartSummary::from_bytes(&block.body).ok_or_else(|| self.wrong(block.at, "it is not an end"))?;
        if self.walk.head() != self.header.to {
            return Err(PartFault::Ends {
                found: self.walk.due(),
                said: self.header.to.next,
            });
        }
        let counted = [self.counts.frames, self.counts.records, self.counts.key_entries];
        if counted != [said.frames, said.records, said.key_entries] {
            return Err(PartFault::Counts("counts of frames, records or keys"));
        }
        if self.header.keys == KeyScope::All && self.own_keys.finish() != said.key_set {
            return Err(PartFault::Counts("the digest of its keys"));
        }
        let mut more = [0];
        match self.input.read(&mut more) {
            Ok(0) => Ok(said),
            Ok(_) => Err(PartFault::Trailing { at: self.at }),
            Err(source) => Err(PartFault::Unreadable { at: self.at, source }),
        }
    }

    /// Reads the next block and proves it.
    fn block(&mut self) -> Result<Block, PartFault> {
        let (at, position) = (self.at, self.walk.due());
        let damaged = || PartFault::Block { at, position };
        let (kind, lead, length) = self.lead()?;
        let mut body = vec![0; length];
        fill(&mut self.input, &mut body, at, position)?;
        let mut said = [0; CHECK_LEN];
        fill(&mut self.input, &mut said, at, position)?;
        if check(&self.before, lead, &body) != said {
            return Err(damaged());
        }
        self.before = said;
        self.at += (LEAD_LEN + length + CHECK_LEN) as u64;
        // A kind that nobody knows, under a good check, was written by another program.
        let kind = kind.ok_or_else(|| self.wrong(at, "its kind is unknown"))?;
        Ok(Block { at, kind, body })
    }

    fn lead(&mut self) -> Result<(Option<BlockKind>, [u8; LEAD_LEN], usize), PartFault> {
        let (at, position) = (self.at, self.walk.due());
        let mut lead = [0; LEAD_LEN];
        fill(&mut self.input, &mut lead, at, position)?;
        let length = u32::from_be_bytes([lead[1], lead[2], lead[3], lead[4]]);
        match usize::try_from(length) {
            Ok(length) if length <= BODY_MAX => Ok((BlockKind::from_byte(lead[0]), lead, length)),
            Ok(_) | Err(_) => Err(PartFault::Block { at, position }),
        }
    }

    fn wrong(&self, at: u64, what: &'static str) -> PartFault {
        PartFault::Order {
            at,
            position: self.walk.due(),
            what,
        }
    }
}

impl<R: Read + Seek> PartReader<R> {
    /// Passes over the frames without reading them, and shows the keys, proven. What the frames are is taken at the
    /// header's word.
    fn each_key(mut self, visit: &mut dyn FnMut(DataKeyId, Option<&[u8]>)) -> Result<PartSummary, PartFault> {
        let body_at = self.at;
        loop {
            let at = self.at;
            let (kind, _, length) = self.lead()?;
            if kind != Some(BlockKind::Frames) {
                self.seek(SeekFrom::Start(at))?;
                break;
            }
            let over = i64::try_from(length).expect("a body has at most 256 KiB");
            self.seek(SeekFrom::Current(over))?;
            fill(&mut self.input, &mut self.before, at, self.header.from.next)?;
            self.at += (LEAD_LEN + length + CHECK_LEN) as u64;
        }
        self.walk = ChainWalk::after(self.header.to);
        loop {
            let block = self.block()?;
            match block.kind {
                BlockKind::Keys => {
                    let _ = self.keys(&block, &mut |item| {
                        if let Item::Key(id, wrapped) = item {
                            visit(id, wrapped);
                        }
                        ControlFlow::Continue(())
                    })?;
                }
                BlockKind::End => {
                    return PartSummary::from_bytes(&block.body)
                        .ok_or_else(|| self.wrong(block.at, "it is not an end"));
                }
                BlockKind::Header | BlockKind::Frames => {
                    return Err(self.wrong(body_at, "blocks are out of order"));
                }
            }
        }
    }

    fn seek(&mut self, to: SeekFrom) -> Result<(), PartFault> {
        let at = self.at;
        self.input
            .seek(to)
            .map(drop)
            .map_err(|source| PartFault::Unreadable { at, source })
    }
}

/// An entry behind its length.
fn lengthy<'a>(rest: &mut &'a [u8], length_max: usize) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (entry, tail) = tail.split_at_checked(length).filter(|_| length <= length_max)?;
    *rest = tail;
    Some(entry)
}

fn fill(input: &mut impl Read, out: &mut [u8], at: u64, position: Position) -> Result<(), PartFault> {
    input.read_exact(out).map_err(|source| {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            PartFault::Short { at, position }
        } else {
            PartFault::Unreadable { at, source }
        }
    })
}

/// Opens a part's file.
pub(super) fn open(path: &Path) -> Result<PartReader<BufReader<File>>, BackupError> {
    let file = File::open(path).map_err(|source| BackupError::File {
        doing: "open the backup",
        path: path.to_owned(),
        source,
    })?;
    PartReader::begin(BufReader::with_capacity(BODY_MAX, file)).map_err(damaged(path))
}

pub(super) fn damaged(path: &Path) -> impl Fn(PartFault) -> BackupError + '_ {
    move |fault| BackupError::Damaged {
        path: path.to_owned(),
        fault,
    }
}

/// A part's header, proven; the rest is not looked at.
pub fn look(path: &Path) -> Result<Found, BackupError> {
    Ok(Found {
        path: path.to_owned(),
        header: *open(path)?.header(),
    })
}

/// Shows the frames of a part, proven, until the visitor breaks.
pub fn each_frame(
    path: &Path,
    visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
) -> Result<(), BackupError> {
    let shown = open(path)?.each(&mut |item| match item {
        Item::Frame(frame) => visit(&frame),
        Item::Key(..) => ControlFlow::Break(()),
    });
    shown.map(drop).map_err(damaged(path))
}

/// Shows the keys of a part, proven, in the order of their names; a key that is gone without its wrapped form. Passes
/// over the frames without reading them.
pub fn each_key(path: &Path, visit: &mut dyn FnMut(DataKeyId, Option<&[u8]>)) -> Result<(), BackupError> {
    open(path)?.each_key(visit).map(drop).map_err(damaged(path))
}

/// Reads a part to its end and proves all of it.
pub fn prove(path: &Path, progress: &mut OnProgress<'_>) -> Result<(PartHeader, PartSummary), BackupError> {
    prove_showing(path, progress, &mut |_| {})
}

fn prove_showing(
    path: &Path,
    progress: &mut OnProgress<'_>,
    show: &mut dyn FnMut(Item<'_>),
) -> Result<(PartHeader, PartSummary), BackupError> {
    let part = open(path)?;
    let header = *part.header();
    let of = header.to.next.0;
    let mut frames = 0_u64;
    let summary = part.each(&mut |item| {
        show(item);
        match item {
            Item::Frame(frame) => {
                frames += 1;
                if frames.is_multiple_of(1_024) {
                    let done = frame.next.0;
                    return progress(Progress {
                        doing: "proving",
                        done,
                        of,
                    });
                }
            }
            Item::Key(..) => {}
        }
        ControlFlow::Continue(())
    });
    let summary = summary.map_err(damaged(path))?.ok_or(BackupError::Interrupted)?;
    Ok((header, summary))
}

/// Proves the parts of one chain, in order: each by itself, and that each follows the one before. `show` sees all of
/// their content. Returns the headers and the last part's summary.
pub fn prove_chain(
    paths: &[PathBuf],
    progress: &mut OnProgress<'_>,
    show: &mut dyn FnMut(&PartHeader, Item<'_>),
) -> Result<(Vec<PartHeader>, Option<PartSummary>), BackupError> {
    let mut headers: Vec<PartHeader> = vec![];
    let mut last = None;
    for path in paths {
        let header = *open(path)?.header();
        follows(path, headers.last(), &header)?;
        let (header, summary) = prove_showing(path, progress, &mut |item| show(&header, item))?;
        headers.push(header);
        last = Some(summary);
    }
    Ok((headers, last))
}

/// Checks that a part follows the one before it, or is a first one.
fn follows(path: &Path, before: Option<&PartHeader>, part: &PartHeader) -> Result<(), BackupError> {
    let foreign = |what| BackupError::Foreign {
        path: path.to_owned(),
        what,
    };
    if before.is_some_and(|before| before.ledger != part.ledger) {
        return Err(foreign("it is of another ledger"));
    }
    let due = before.map_or(Position(0), |before| before.to.next);
    if part.from.next > due {
        return Err(BackupError::Gap {
            path: path.to_owned(),
            found: part.from.next,
            due,
        });
    }
    match before {
        Some(before) if before.to != part.from => Err(foreign(if part.from.next < due {
            "it begins before they end"
        } else {
            "it continues another history of the same ledger"
        })),
        None if part.keys == KeyScope::Changes => Err(foreign("a first part must hold all keys")),
        Some(_) | None => Ok(()),
    }
}
